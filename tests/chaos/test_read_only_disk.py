"""The file system of the spool becomes read-only in mid-run, as a kernel makes it after an error, and comes back:
senders are asked to come again or wait, what was accepted is kept, and all goes on by itself."""
import errno

import pytest

from faults import Disk, build_library
from harness import LONG, wait_until
from play import Play

CHANGES = ("write", "sync", "rename", "create", "truncate", "allocate", "unlink", "mkdir")
ROUNDS = 20 if LONG else 2


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path, build_library(tmp_path), tmp_path / "triaged/spool")


def make_read_only(disk):
    for kind in CHANGES:
        disk.arm_from_now(kind, errno.EROFS)


def test_it_becomes_read_only_under_load(world, disk):
    world.start_redis()
    world.start_daemon(env=disk.env, extra="limits: {http_answer: 3s}\n",
                       spool='{directory: "%s", sync: always, segment_size: 64KiB, retain: 1s, min_free: 1MiB}')
    world.start_load()
    ledger = world.load.ledger
    for _ in range(ROUNDS):
        world.load.wait_sent(world.rng.randrange(1, 300))
        refused, accepted = len(ledger.refused), len(ledger.accepted)
        errors = world.daemon.metrics()["triaged_spool_write_errors_total"]
        make_read_only(disk)
        wait_until(lambda: len(ledger.refused) > refused + 50, lambda: f"503s; {ledger}")
        wait_until(lambda: world.daemon.metrics()["triaged_spool_write_errors_total"] > errors, "it is counted")
        assert "Read-only file system" in world.daemon.log()
        disk.disarm()
        accepted = len(ledger.accepted)
        wait_until(lambda: len(ledger.accepted) > accepted + 100, lambda: f"200s; {ledger}")
        wait_until(lambda: world.daemon.get("/-/ready").status_code == 200, "ready")
    world.settle()
    world.check()


def test_nothing_is_moved_past_that_cannot_be_kept(tmp_path, disk):
    """Redis refuses a record while its letter cannot be written: it waits with all behind it; new alerts and verbs
    are refused, a useless payload is quarantined in Redis; then all goes on."""
    play = Play(tmp_path, disk)
    try:
        play.start()
        play.api_v2()
        play.shipped()
        play.wire.stall()
        play.dead = play.api_v2(name="Dead")
        play.api_v2(2)
        play.api_v2(2, team="blue")
        make_read_only(disk)
        play.wire.go_on()
        play.until(lambda: "cannot keep a refused record: Read-only file system" in play.daemon.log(), "it is said")
        status, headers, text = play.request("/api/v2/alerts", [{"labels": play.labels("never")}])
        assert status == 503 and headers["Retry-After"] and "nothing was kept" in text
        for name, said in ("verb0", "it may still take effect"), ("never", "nothing was done"):
            status, headers, text = play.request("/api/v1/incidents", play.verb_named(name))
            assert status == 503 and headers["Retry-After"] and said in text, text
        status, _, text = play.request("/webhook/alertmanager", {"version": "4", "alerts": []})
        assert status == 200 and "quarantined" in text
        play.until(lambda: play.redis.client.xlen("triaged:quarantine") == 1, "quarantined")
        assert play.metric("triaged_dead_letters_total") == 0 and not play.letters()
        disk.disarm()
        play.until(lambda: play.metric("triaged_dead_letters_total") == 1, "kept")
        play.verb()
        play.relp(1)
        play.shipped()
        assert len(play.letters()) == 1
        play.stop()
        play.last_life()
        play.check()
    finally:
        play.close()
