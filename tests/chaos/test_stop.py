"""SIGTERM under load: whoever was answered has an alert that is in Redis, not in a spool that waits for the next start."""
from harness import LONG

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
