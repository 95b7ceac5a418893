"""sync: always means that nobody is answered before the disk has said so. The syncs of the daemon are
held, or fail, by a small preloaded library."""
import concurrent.futures
import pathlib
import signal
import subprocess

import pytest

from harness import LONG, PLAIN_BUILD, wait_until

HERE = pathlib.Path(__file__).resolve().parent


class Disk:
    def __init__(self, directory):
        self.path = directory / "disk"
        self.library = directory / "slow_disk.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(self.library), str(HERE / "slow_disk.c"),
                        "-ldl"], check=True)
        self.env = {"LD_PRELOAD": str(self.library), "SLOW_DISK": str(self.path)}

    def set(self, what, on):
        path = pathlib.Path(f"{self.path}.{what}")
        path.touch() if on else path.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


def start(world, disk, sync, **kw):
    world.start_redis()
    # a sanitizer's runtime must be loaded first, so the plain build
    world.start_daemon(build=PLAIN_BUILD, env=disk.env,
                       spool=f'{{directory: "%s", sync: {sync}, interval: 10s, min_free: 1MiB}}', **kw)


def post(world, tag):
    return world.daemon.post("/api/v2/alerts", [{"labels": {"alertname": "A", "team": "red", "tag": tag}}])


def records(world):
    return world.daemon.metrics().get('triaged_spool_records_total{result="ok"}', 0)


def test_histograms_say_where_time_went(world, disk):
    """While the disk holds a sync and Redis is stopped, half a second passes: it is in the histograms of
    the sync, the answer and the shipping, in buckets above half a second, and not in that of the append."""
    start(world, disk, "always")
    assert post(world, "first").status_code == 200
    wait_until(lambda: world.daemon.metrics().get('triaged_shipped_records_total{answer="ok"}') == 1, "shipped")
    before = world.daemon.metrics()
    world.redis.popen.send_signal(signal.SIGSTOP)
    disk.set("hold", True)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, world, "second")
        wait_until(lambda: records(world) == 2, "appended")
        assert not concurrent.futures.wait([answer], timeout=0.6).done
        disk.set("hold", False)
        assert answer.result().status_code == 200
    world.redis.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: world.daemon.metrics()['triaged_shipped_records_total{answer="ok"}'] == 2, "shipped")
    after = world.daemon.metrics()

    def grew(histogram, what):
        name = f"triaged_{histogram}_seconds_{what}"
        return after[name] - before.get(name, 0)

    for slow in ("spool_sync", "intake_answer", "ship"):
        assert grew(slow, "sum") > 0.5, slow
        assert grew(slow, "count") == grew(slow, 'bucket{le="0.5"}') + 1, slow
        assert grew(slow, "count") == grew(slow, 'bucket{le="+Inf"}'), slow
    assert grew("spool_append", "count") == 1 and grew("spool_append", "sum") < 0.5


@pytest.mark.parametrize("sync, waits", [("always", True), ("interval", False), ("never", False)])
def test_the_answer_waits_for_the_disk(world, disk, sync, waits):
    start(world, disk, sync)
    assert post(world, "first").status_code == 200
    before = records(world)
    disk.set("hold", True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(post, world, f"t{i}") for i in range(8)]
        wait_until(lambda: records(world) > before, "appended")
        done, _ = concurrent.futures.wait(answers, timeout=1.0)
        assert len(done) == (0 if waits else 8)
        # Redis need not wait: what is applied there and was never answered is allowed
        wait_until(lambda: len(world.store().incidents()) == 1, "shipped")
        disk.set("hold", False)
        assert [a.result().status_code for a in answers] == [200] * 8
    wait_until(lambda: int(world.store().incidents()[0]["count"]) == 9, "all nine are counted")


def test_a_payload_of_no_use_waits_for_no_disk(world, disk):
    """It is kept aside when it comes; a 503 would bring it again, and there would be two."""
    start(world, disk, "always", extra="limits: {http_answer: 1s, alert: 4KiB}\n")
    assert post(world, "first").status_code == 200
    disk.set("hold", True)
    useless = [[], [{"status": "firing", "labels": {"alertname": "A"}, "annotations": {"a": "x" * 5000}}]]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post, world, "slow")
        wait_until(lambda: records(world) > 1, "appended")
        answers = [world.daemon.post("/webhook/alertmanager", {"version": "4", "alerts": alerts}) for alerts in useless]
        assert slow.result().status_code == 503
    disk.set("hold", False)
    assert [a.status_code for a in answers] == [200, 200]
    reasons = ["its list of alerts is empty", "every alert in it is larger than limits.alert"]
    assert [a.json()["quarantined"] for a in answers] == reasons
    kept = lambda: [fields["reason"] for _, fields in world.redis.client.xrange("triaged:quarantine")]
    wait_until(lambda: len(kept()) >= 2, "in Redis")
    assert kept() == reasons


def test_a_disk_that_cannot_be_written(world, disk):
    """The sender hears that the disk is broken, not that it is full; what was refused counts nowhere."""
    start(world, disk, "always")
    assert post(world, "first").status_code == 200
    disk.set("nowrite", True)
    refused = post(world, "refused")
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    assert refused.json()["error"]["code"] == "spool_broken" and "log" in refused.json()["error"]["message"]
    disk.set("nowrite", False)
    wait_until(lambda: post(world, "later").status_code == 200, "taken in again")
    wait_until(lambda: "later" in str([i.alerts for i in world.store().incidents()]), "shipped")
    tags = sorted(a["labels"]["tag"] for i in world.store().incidents() for a in i.alerts.values())
    assert tags == ["first", "later"]
    assert world.daemon.metrics()['triaged_alerts_total{source="prometheus",outcome="refused"}'] >= 1


def test_a_disk_whose_syncs_fail(world, disk):
    """What could not be synced is written again; nobody is told before it is on disk; all is there once."""
    start(world, disk, "always")
    world.start_load()
    for _ in range(20 if LONG else 4):
        world.load.wait_sent(world.rng.randrange(1, 300))
        failed = world.daemon.metrics()["triaged_spool_write_errors_total"]
        disk.set("fail", True)
        world.nap(0, 1)
        answered = world.load.ledger.answers.get(200, 0)
        wait_until(lambda: world.daemon.metrics()["triaged_spool_write_errors_total"] > failed, "a sync failed")
        disk.set("fail", False)
        wait_until(lambda: world.load.ledger.answers.get(200, 0) > answered + 3, "answers again", 30)
    world.settle()
    world.check()
    world.kill_daemon()  # what is on disk is whole
    wait_until(world.at_redis, "ready")
    world.settle()
    world.check()


def test_kill_while_the_disk_is_slow(world, disk):
    """Killed with syncs under way: the unanswered may be kept, the answered are."""
    start(world, disk, "always")
    world.start_load()
    for _ in range(20 if LONG else 3):
        world.load.wait_sent(world.rng.randrange(50, 300))
        disk.set("hold", True)
        world.nap(0, 0.3)
        world.daemon.kill()
        disk.set("hold", False)
        world.daemon.start()
    world.load.wait_sent(300)
    world.settle()
    world.check()
