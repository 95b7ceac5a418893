"""SIGTERM under load: whoever was answered has an alert that is in Redis, not in a spool that waits for the next start."""
import signal

from harness import LONG, wait_until
from proxy import Proxy

ROUNDS = 50 if LONG else 5


def test_a_stop_leaves_nothing_behind(world):
    world.start(workers=2)
    for _ in range(ROUNDS):
        world.load.wait_sent(world.rng.randrange(1, 800))
        world.nap(0, 0.3)
        assert world.daemon.stop() == 0, world.daemon.log()[-2000:]
        assert "stopped" in world.daemon.log()[-500:]
        world.wait_all_there()
        world.daemon.start()
    world.load.wait_sent(500)
    world.settle()
    world.check()


def test_a_stop_right_after_the_start(world):
    """The connection to Redis is still being made: it is waited for."""
    world.start_redis()
    proxy = Proxy(world.tmp / "proxy.sock", world.redis.sock, 1)
    proxy.stall()
    world.start_daemon(redis_sock=proxy.path)
    wait_until(lambda: "priming" in world.daemon.get("/-/ready").text, lambda: world.daemon.get("/-/ready").text)
    assert world.daemon.post("/api/v2/alerts", [{"labels": {"alertname": "A", "team": "red", "tag": "early"}}]).ok
    world.daemon.popen.send_signal(signal.SIGTERM)
    world.daemon.log_has("main: stopping")
    proxy.go_on()
    assert world.daemon.stop() == 0
    assert [a["labels"]["tag"] for i in world.store().incidents() for a in i.alerts.values()] == ["early"]
    proxy.stop()
