"""Exactly once over TLS: kills of both sides, and a connection that is cut in the middle of its frames."""
import pytest

from certificates import Authority
from harness import LONG, free_port, wait_until
from proxy import Proxy

ROUNDS = 50 if LONG else 3


@pytest.fixture
def tls(world):
    """Redis with TLS on a port, and a proxy in front of it."""
    ca, port, outer = Authority(world.tmp / "ca"), free_port(), free_port()
    world.start_redis("--appendonly", "yes", "--appendfsync", "everysec", *ca.redis_options(port, ca.issue("redis")))
    proxy = Proxy(outer, port, world.rng.randrange(1 << 30))
    world.start_daemon(workers=2, redis=f'{{url: "rediss://localhost:{outer}", tls: {{ca: "{ca.ca}"}}}}')
    wait_until(world.at_redis, "ready")
    world.start_load()
    yield proxy
    proxy.stop()


def test_kills(world, tls):
    for i in range(2 * ROUNDS):
        world.load.wait_sent(world.rng.randrange(1, 800))
        world.nap(0, 0.6)
        if i % 2:
            world.kill_daemon()
        else:
            world.kill_redis(cut=True, again=world.rng.random() < 0.3)
        wait_until(world.at_redis, "the daemon is at Redis")
    world.load.wait_sent(500)
    world.settle()
    world.check()


def test_cuts(world, tls):
    for _ in range(ROUNDS):
        tls.delay = world.rng.choice((0, 0, 0.03))
        world.load.wait_sent(world.rng.randrange(1, 400))
        tls.cut_after(world.rng.randrange(1, 4000))
        wait_until(lambda: tls.left is None, "cut in mid-answer")
        wait_until(world.at_redis, "the daemon is at Redis")
    tls.delay = 0
    world.settle()
    world.check()
    assert not world.load.ledger.unknown, str(world.load.ledger)
