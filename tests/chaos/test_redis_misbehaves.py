"""Exactly once through a connection that breaks and a Redis that forgets, is full, or lost everything."""
import signal
import time

import pytest

from harness import LONG, PATIENCE, wait_until
from load import ANSWERED
from proxy import Proxy
from world import Check

ROUNDS = 50 if LONG else 5


def ready(world):
    wait_until(world.at_redis, "the daemon is at Redis")


def test_connection_is_cut_and_delayed(world):
    world.start_redis()
    proxy = Proxy(world.tmp / "proxy.sock", world.redis.sock, world.rng.randrange(1 << 30))
    world.start_daemon(redis_sock=proxy.path, workers=2)
    ready(world)
    world.start_load()
    for i in range(ROUNDS):
        proxy.delay = (0.03, 0, 0.01, 0.03)[i % 4]
        world.load.wait_sent(world.rng.randrange(1, 400))
        if i % 3 == 0:
            proxy.cut_after(world.rng.randrange(1, 4000))  # in the middle of an answer
            wait_until(lambda: proxy.left is None, "cut in mid-answer")
        elif i % 3 == 1:
            proxy.stall()
            world.load.wait_sent(300)
            world.nap(0, 0.5)
            proxy.cut()
            proxy.go_on()
        else:
            proxy.cut()
        ready(world)
    proxy.delay = 0
    world.settle()
    world.check()
    proxy.stop()
    assert proxy.cuts >= ROUNDS
    assert not world.load.ledger.unknown, str(world.load.ledger)


def waits(world):
    return world.daemon.metrics().get('triaged_shipped_records_total{answer="wait"}', 0)


def backlog(world):
    """Lets records gather and go: what follows meets a pipeline that is as deep as they are many."""
    world.redis.popen.send_signal(signal.SIGSTOP)
    world.load.wait_sent(200)
    world.redis.popen.send_signal(signal.SIGCONT)


def test_scripts_are_forgotten(world):
    """SCRIPT FLUSH in mid-pipeline: NOSCRIPT for some records, and none overtakes another. One worker loads the
    scripts again, in the middle of another's pipeline."""
    world.start(workers=2)
    ready(world)
    for _ in range(ROUNDS):
        world.load.wait_sent(world.rng.randrange(1, 100))
        seen = waits(world)
        backlog(world)
        for _ in range(20):
            world.redis.client.script_flush()
            world.nap(0, 0.01)
        assert wait_until(lambda: waits(world) > seen, "a record met NOSCRIPT")
    world.settle()
    world.check()
    assert world.daemon.metrics().get("triaged_dead_letters_total", 0) == 0


def test_out_of_memory(world):
    """maxmemory in mid-pipeline, for a while and for moments: what is refused waits, goes on by itself, and is not
    overtaken."""
    world.start()
    ready(world)
    for _ in range(ROUNDS):
        world.load.wait_sent(world.rng.randrange(1, 300))
        seen = waits(world)
        world.redis.client.config_set("maxmemory", "1mb")
        wait_until(lambda: waits(world) > seen, "a record met OOM")
        world.nap(0, 0.5)
        backlog(world)
        for _ in range(20):
            world.redis.client.config_set("maxmemory", "0")
            world.nap(0, 0.01)
            world.redis.client.config_set("maxmemory", "1mb")
            world.nap(0, 0.01)
        world.redis.client.config_set("maxmemory", "0")
    world.settle()
    world.check()
    assert world.daemon.metrics().get("triaged_dead_letters_total", 0) == 0


def numbers(world, team):
    return [int(i["id"].rsplit("-", 1)[1]) for i in world.store().incidents(team)]


def events(world, team):
    return [e for _, e in world.redis.client.xrange(f"triaged:{{{team}}}:events")]


def all_shipped(world):
    return not any(v for k, v in world.daemon.metrics().items() if k.startswith("triaged_spool_records_waiting"))


def rewound(world):
    return world.daemon.metrics()["triaged_store_rewound_total"]


def delete_everything(world, how):
    if how == "connected":
        world.redis.client.flushall()
        return
    world.redis.stop(9)
    world.redis_options = ()  # an empty one in its place
    world.start_redis("--dbfilename", f"none-{time.monotonic_ns()}.rdb")


def wait_reported(world, before):
    """Each of two teams was adopted: it is counted, logged, shown and written to the team's events."""
    wait_until(lambda: rewound(world) >= before + 2, lambda: "adopted\n" + world.daemon.log()[-2000:], 60)
    ready(world)
    assert "Redis had lost" in world.daemon.get("/-/ready").text
    assert "Redis has lost records" in world.daemon.log()
    for team in ("red", "blue"):
        wait_until(lambda: [e for e in events(world, team) if e["event"] == "store_rewound"], f"an event of {team}")


@pytest.mark.parametrize("how", ["connected", "away"])
def test_everything_is_deleted(world, how):
    """FLUSHALL, seen or unseen, at rest or in mid-pipeline. All that is kept is sent again; it is said; numbers are
    not given twice."""
    world.start(workers=2, spool='{directory: "%s", min_free: 1MiB, retain: 1h}')
    ready(world)
    for i in range(20 if LONG else 5):  # each sends all again
        at_rest = i % 2 == 0
        world.load.go_on()
        world.load.wait_sent(world.rng.randrange(100, 400))
        if at_rest:
            world.load.hold()
            wait_until(lambda: all_shipped(world), "all is shipped", 300 if LONG else 30)
            numbers_before = {team: max(numbers(world, team)) for team in ("red", "blue")}
        before = rewound(world)
        delete_everything(world, how)
        world.load.go_on()
        world.load.wait_sent(100)
        wait_reported(world, before)
        world.load.hold()
        for team in numbers_before if at_rest else ():
            wait_until(lambda: numbers(world, team), "incidents again")
            assert min(numbers(world, team)) > numbers_before[team], "a number was given twice"
    world.settle()
    world.check()  # retain covers the whole test, so nothing at all is lost
    client = world.redis.client
    for team, prefix in (("red", "RED-"), ("blue", "BLU-")):
        assert client.hget(f"triaged:{{{team}}}:settings", "id") + "-" == prefix
        assert {i["id"][:4] for i in world.store().incidents(team)} == {prefix}
        assert client.xinfo_groups(f"triaged:{{{team}}}:queue:tier1:P1")[0]["name"] == "responders"
    assert client.smembers("triaged:teams") == {"red", "blue"}


@pytest.mark.parametrize("life", ["the same", "another"])
def test_everything_is_deleted_and_nothing_new_comes(world, life):
    """No record follows whose GAP would tell. What is kept comes back all the same, before it is no longer kept."""
    world.start_redis()
    world.start_daemon(workers=2)
    ready(world)
    labels = [{"labels": {"alertname": "Quiet", "team": team, "tag": team}} for team in ("red", "blue")]
    assert world.daemon.post("/api/v2/alerts", labels).status_code == 200
    by_hand = {"team": "red", "impact": "low", "urgency": "low", "category": "software", "actor": "maria", "title": "by hand"}
    assert world.daemon.post("/api/v1/incidents", by_hand).status_code == 200
    world.rest()
    if life == "another":
        world.daemon.stop()
        world.daemon.start()
        world.rest()
    world.redis.client.flushall()
    there = lambda: sorted(i["title"] for i in world.store().incidents())
    before = ["Quiet", "Quiet", "by hand"]
    wait_until(lambda: there() == before, lambda: f"there again: {there()}\n" + world.daemon.log()[-2000:])
    world.rest()
    assert there() == before
    assert set(Check(world.store(), []).tags()) == {"red", "blue"}
    assert [i["count"] for i in world.store().incidents() if i["title"] == "Quiet"] == ["1", "1"]
    assert rewound(world) >= 2


def test_everything_is_deleted_before_anything_was_sent(world):
    world.start_redis()
    world.start_daemon()
    ready(world)
    world.rest()
    assert rewound(world) == 0
    world.redis.client.flushall()
    wait_until(lambda: rewound(world) == 1, lambda: "counted\n" + world.daemon.log()[-2000:])
    assert "Redis had lost" in world.daemon.get("/-/ready").text
    world.rest()
    assert rewound(world) == 1


def test_more_is_deleted_than_was_kept(world):
    """retain is shorter than the loss. What Redis had acknowledged longer ago is gone, and that is said; what it
    acknowledged since then, and what comes later, is there exactly once."""
    retain = 4 * PATIENCE
    world.start_redis()
    world.start_daemon(spool=f'{{directory: "%s", retain: {retain}s, segment_size: 16KiB, min_free: 1MiB}}')
    ready(world)
    world.start_load(kinds=ANSWERED)
    may_be_lost = set()
    for _ in range(5 if LONG else 1):
        before = rewound(world)
        kept_until = 0
        while time.monotonic() > kept_until - 1:  # again if so much time passed that it may be gone too
            world.load.go_on()
            world.load.wait_sent(1000)
            world.load.quiet()
            wait_until(lambda: all_shipped(world), "all is shipped", 60)
            segments = (world.tmp / "triaged/spool/worker-0").glob("*.seg")
            *older, _ = sorted(segments)
            wait_until(lambda: not any(s.exists() for s in older), "the old segments are no longer kept", 30)
            may_be_lost |= world.load.ledger.accepted
            kept_until = time.monotonic() + retain
            world.load.go_on()
            world.load.wait_sent(200)
            world.load.quiet()
            wait_until(lambda: all_shipped(world), "all is shipped", 60)
        world.redis.client.flushall()
        world.load.go_on()
        world.load.wait_sent(500)
        wait_reported(world, before)
        world.load.quiet()
        wait_until(lambda: all_shipped(world), "all is shipped", 60)
        gone = may_be_lost - set(Check(world.store(), []).tags())
        assert gone, "nothing was lost: the test shows nothing"
    world.settle()
    world.check(lost_before=may_be_lost)


def test_numbers_of_incidents_that_people_opened_are_not_given_again(world):
    world.start_redis()
    world.start_daemon(spool='{directory: "%s", min_free: 1MiB, retain: 1s}')
    ready(world)
    body = {"team": "red", "impact": "low", "urgency": "low", "category": "software", "actor": "maria"}
    segments = lambda: sorted((world.tmp / "triaged/spool/worker-0-verbs").glob("*.seg"))
    given, first = [], None
    while not first or first in segments():  # all but the last is forgotten, as it is older than retain
        answer = world.daemon.post("/api/v1/incidents", {**body, "title": f"by hand {len(given)}"}).json()
        given.append(answer["incident"]["id"])
        first = first or segments()[0]
        wait_until(world.still, "a while passes")
    world.redis.client.flushall()
    again = world.daemon.post("/api/v1/incidents", {**body, "title": "after the loss"}).json()["incident"]["id"]
    assert again not in given, (given, again)
    assert int(again[4:]) > int(given[-1][4:])
