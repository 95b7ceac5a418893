"""Redis loses the end of its AOF when everything had been acknowledged and nothing new comes: nobody but the
daemon knows that something is missing, and it brings it back."""
import signal
import time

from harness import LONG, wait_until
from load import ANSWERED

ROUNDS = 50 if LONG else 5
RETAIN = 2


def ready(world):
    return "redis ready" in world.daemon.get("/-/ready").text


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
    wait_until(lambda: ready(world), "ready")
    world.start_load(kinds=ANSWERED)
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
