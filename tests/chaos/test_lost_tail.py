"""Redis loses the end of its AOF when everything had been acknowledged and nothing new comes: nobody but the
daemon knows that something is missing, and it brings it back."""
import os
import signal
import time

from harness import LONG, PATIENCE, wait_until
from load import ANSWERED
from proxy import Proxy

ROUNDS = 50 if LONG else 5
RETAIN = 2 * min(PATIENCE, 5)  # what is acknowledged before Redis dies must not be older by then


def applied(world):
    return world.daemon.metrics().get('triaged_shipped_records_total{answer="ok"}', 0)


def all_acknowledged(world):
    m = world.daemon.metrics()
    return not any(v for k, v in m.items() if k.startswith("triaged_spool_records_waiting"))


def test_the_tail_is_lost_while_nothing_comes(world):
    world.start(load=False, workers=2)
    world.start_load(kinds=ANSWERED)
    lost = 0
    for i in range(ROUNDS):
        world.load.wait_sent(world.rng.randrange(100, 800))
        world.load.quiet()
        wait_until(lambda: all_acknowledged(world), "all is in Redis")
        before = applied(world)
        world.kill_redis(cut=True, again=i % 2 == 0)
        world.wait_all_there()
        lost += applied(world) > before  # what was shipped was applied once more: it had been lost
        world.load.go_on()
    world.settle()
    world.check()
    print(f"{lost} of {ROUNDS} cuts took records")
    assert lost > 0, "no cut took anything: the test shows nothing"


def test_redis_is_away_for_longer_than_retain(world):
    """What is acknowledged is kept for `retain` after the last sign of life of Redis, not of the clock: so its
    absence costs nothing, however long it is. What is not acknowledged never goes."""
    world.start_redis()
    world.start_daemon(workers=2, spool=f'{{directory: "%s", retain: {RETAIN}s, segment_size: 16KiB, min_free: 1MiB}}')
    wait_until(world.at_redis, "ready")
    world.start_load(kinds=ANSWERED)
    world.load.wait_sent(300)  # a stream that is lost to its very beginning would be adopted, as after FLUSHALL
    world.load.quiet()
    wait_until(lambda: all_acknowledged(world), "all is in Redis")
    since = time.monotonic()
    wait_until(lambda: time.monotonic() > since + 1, "what each stream began with is no longer in the tail", 60)
    world.load.go_on()
    lost = 0
    for i in range(10 if LONG else 2):
        world.load.wait_sent(500)
        world.load.quiet()
        wait_until(lambda: all_acknowledged(world), "all is in Redis")
        before = applied(world)
        world.redis.stop(signal.SIGKILL)
        gone = time.monotonic()
        if i % 2:  # more comes meanwhile, or nothing at all
            world.load.go_on()
            world.load.wait_sent(500)
            world.load.quiet()
        wait_until(lambda: time.monotonic() > gone + 2 * RETAIN, "away for twice as long as is retained", 60)
        assert i % 2 == 0 or not all_acknowledged(world)
        world.cut_tail()
        world.restart_redis()
        world.wait_all_there()
        lost += i % 2 == 0 and applied(world) > before
        world.load.go_on()
    world.settle()
    world.check()
    assert lost > 0, "no cut took anything: the test shows nothing"
    assert world.daemon.metrics().get("triaged_store_rewound_total", 0) == 0, "more was lost than was kept"


TEXT = "a long story " * 500


class Stuck(Proxy):
    """A way to Redis on which of many records at once only the first get through."""

    def __init__(self, *args):
        self.passed, self.stuck, self.whole = 0, False, True
        super().__init__(*args)

    def request(self, client, data):
        if TEXT[:100].encode() in data and not self.whole:
            self.stuck = self.passed > 5 * len(TEXT)
            if self.stuck:
                return b""
            self.passed += len(data)
        return data


def test_the_answer_to_one_record_says_nothing_of_the_next(world):
    """Redis was away for longer than `retain` and lost half of what it had. It has the first records that are sent
    again, and says so; then the connection is lost with all others on their way. They are still needed."""
    world.start_redis("--appendonly", "yes", "--appendfsync", "always")
    proxy = Stuck(world.tmp / "proxy.sock", world.redis.sock, 1)
    world.start_daemon(redis_sock=proxy.path,
                       spool=f'{{directory: "%s", retain: {RETAIN}s, segment_size: 16KiB, min_free: 1MiB}}')
    wait_until(world.at_redis, "ready")
    wait_until(lambda: world.redis.client.info("persistence")["aof_rewrite_in_progress"] == 0, "rewritten")
    tags = [f"t{i}" for i in range(40)]

    def post(some):
        for tag in some:
            assert world.daemon.post("/api/v2/alerts", [{"labels": {
                "alertname": "Half", "team": "red", "tag": tag, "text": TEXT}}]).status_code == 200
        wait_until(lambda: all_acknowledged(world), "all is in Redis")

    metric = lambda name: world.daemon.metrics().get(name, 0)
    counts = lambda: {a["labels"]["tag"]: a["count"] for i in world.store().incidents() for a in i.alerts.values()}
    post(tags[:20])
    path = world.watch.last_file()
    half = path.stat().st_size
    post(tags[20:])
    world.redis.stop(signal.SIGKILL)
    gone = time.monotonic()
    wait_until(lambda: time.monotonic() > gone + 2 * RETAIN, "away for twice as long as is retained", 60)
    os.truncate(path, half)
    proxy.whole = False
    world.restart_redis()
    wait_until(lambda: proxy.stuck, "all is sent again")
    wait_until(lambda: metric('triaged_shipped_records_total{answer="skip"}') > 0, "Redis has some of it")
    ticks = metric('triaged_ticks_total{result="ok"}')
    wait_until(lambda: metric('triaged_ticks_total{result="ok"}') >= ticks + 3, "two seconds passed")
    proxy.whole = True
    proxy.cut()
    wait_until(lambda: len(counts()) == len(tags), lambda: f"all there: {counts()}\n{world.daemon.log()[-2000:]}")
    assert counts() == {tag: 1 for tag in tags}
    assert metric("triaged_store_rewound_total") == 0
    proxy.stop()
