"""A spool that comes back from a backup: what Redis has of it is not applied again."""
import shutil

from harness import wait_until


def post(world, tag):
    answer = world.daemon.post("/api/v2/alerts", [{"labels": {"alertname": "Backup", "team": "red", "tag": tag}}])
    assert answer.status_code == 200


def counts(world):
    return {a["labels"]["tag"]: a["count"] for i in world.store().incidents() for a in i.alerts.values()}


def test_a_restored_spool_is_applied_once(world):
    world.start_redis()
    world.start_daemon(spool='{directory: "%s", min_free: 1MiB, retain: 1s}')
    spool = world.tmp / "triaged/spool"
    post(world, "t1")
    wait_until(lambda: counts(world) == {"t1": 1}, "applied")
    world.daemon.stop()
    shutil.copytree(spool, world.tmp / "backup")
    old = [p.name for p in (spool / "worker-0").glob("*.seg")]
    assert len(old) == 1
    world.daemon.start()
    post(world, "t2")
    wait_until(lambda: not (spool / "worker-0" / old[0]).exists(), "done with, and forgotten")
    world.rest()
    world.daemon.stop()
    shutil.rmtree(spool)
    shutil.copytree(world.tmp / "backup", spool)
    world.daemon.start()
    post(world, "t3")
    wait_until(lambda: "t3" in counts(world), "goes on")
    world.rest()
    assert counts(world) == {"t1": 1, "t2": 1, "t3": 1}
    assert world.daemon.metrics()['triaged_shipped_records_total{answer="skip"}'] == 1
