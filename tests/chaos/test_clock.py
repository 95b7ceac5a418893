"""The wall clock is set back under a running daemon, as NTP does: what was received last still counts last."""
import threading

from harness import PLAIN_BUILD, wait_until
from proxy import VerbsWait


def webhook(status):
    return {"version": "4", "alerts": [{"status": status, "labels": {"alertname": "Flip", "team": "red", "tag": "t"},
                                        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}]}


def test_a_resolve_counts_after_the_clock_was_set_back(world, clock):
    world.start_redis()
    world.start_daemon(build=PLAIN_BUILD, env=clock.env)
    assert world.daemon.post("/webhook/alertmanager", webhook("firing")).status_code == 200
    incident = world.store().wait_one(lambda i: i["state"] == "open")
    clock.behind(3)
    assert world.daemon.post("/webhook/alertmanager", webhook("resolved")).status_code == 200
    wait_until(lambda: world.store().incidents()[0]["state"] == "resolved",
               lambda: f"resolved: {world.store().incidents()}", 10)
    assert world.store().incidents()[0]["id"] == incident["id"]


def test_the_horizon_is_told_by_the_clock_of_redis(world, clock):
    """A daemon whose clock is an hour off corrects all that it says, also since when something waits."""
    clock.behind(3600)
    world.start_redis()
    wire = VerbsWait(world.tmp / "proxy.sock", world.redis.sock, 1)
    world.start_daemon(redis_sock=wire.path, build=PLAIN_BUILD, env=clock.env)
    wait_until(world.at_redis, "ready")
    body = {"title": "x", "team": "red", "impact": "low", "urgency": "low", "category": "software", "actor": "maria"}
    somebody = threading.Thread(target=lambda: world.daemon.post("/api/v1/incidents", body))
    before = world.redis.client.time()[0] * 1000
    somebody.start()

    def oldest():
        return [int(text.split()[0]) for text in world.redis.client.hgetall("triaged:{red}:horizon").values()]
    waits = wait_until(lambda: [o for o in oldest() if o], "something waits")
    wire.waiting = False
    somebody.join()
    wire.stop()
    assert before - 5000 <= waits[0] <= before + 20_000, waits[0] - before
