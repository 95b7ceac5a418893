"""Exactly once while something is killed, cut, paused or full, at random moments under load."""
import signal

import pytest

from harness import LONG, wait_until

DAEMON_KILLS = 200 if LONG else 5
REDIS_KILLS = 50 if LONG else 5
ROUNDS = 50 if LONG else 5


def test_load_without_chaos(world):
    """The load and the check themselves: everything is accepted, everything is there."""
    world.start()
    world.load.wait_sent(3000)
    world.settle()
    world.check()
    ledger = world.load.ledger
    assert not ledger.unknown and not ledger.refused, str(ledger)


@pytest.mark.parametrize("workers", [1, 3])
def test_kill_triaged(world, workers):
    world.start(workers=workers)
    for _ in range(DAEMON_KILLS):
        world.load.wait_sent(world.rng.randrange(1, 800))
        world.nap(0, 0.3)
        world.kill_daemon()
    world.load.wait_sent(500)
    world.settle()
    world.check()


def test_kill_redis(world):
    """appendfsync everysec, the tail of the AOF lost at a random byte, restarted twice."""
    world.start(workers=2)
    for i in range(REDIS_KILLS):
        world.load.wait_sent(world.rng.randrange(1, 800))
        world.nap(0, 1.2)
        world.kill_redis(cut=i % 3 != 2, again=i % 2 == 0)
        wait_until(world.at_redis, "the daemon is back at Redis")
    world.load.wait_sent(500)
    world.settle()
    world.check()
    assert world.cut_bytes > 0, "no cut took anything: the test shows nothing"


def test_kill_both(world):
    world.start()
    for i in range(REDIS_KILLS):
        world.load.wait_sent(world.rng.randrange(1, 600))
        world.nap(0, 1.2)
        world.daemon.kill()
        world.kill_redis(cut=True, again=True)
        world.daemon.start()
    world.load.wait_sent(500)
    world.settle()
    world.check()
    assert world.cut_bytes > 0, "no cut took anything: the test shows nothing"


def test_pause_redis(world):
    """SIGSTOP: nothing is lost, and nobody waits for it."""
    world.start()
    for _ in range(ROUNDS):
        world.load.wait_sent(world.rng.randrange(1, 800))
        world.redis.popen.send_signal(signal.SIGSTOP)
        world.load.wait_sent(300)  # intake goes on
        world.nap(0, 1)
        world.redis.popen.send_signal(signal.SIGCONT)
    world.settle()
    world.check()
    assert not world.load.ledger.unknown, str(world.load.ledger)
