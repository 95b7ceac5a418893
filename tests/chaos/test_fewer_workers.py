"""`workers` was lowered while records waited: those of the workers that are no more are shipped all the same."""


import requests

from harness import wait_until


def test_fewer_workers(world):
    world.start_redis()
    world.start_daemon(workers=3, redis_sock="/nowhere")
    spool = world.tmp / "triaged/spool"

    def kept():
        return [any(f.stat().st_size > 500 for f in (spool / f"worker-{i}").glob("*.seg")) for i in range(3)]
    sent = []

    def send():
        tag = f"t{len(sent)}"
        sent.append(tag)
        alert = {"labels": {"alertname": "Few", "team": ("red", "blue")[len(sent) % 2], "tag": tag}}
        # a connection of its own: any of the workers may get it
        assert requests.post(world.daemon.url + "/api/v2/alerts", json=[alert], timeout=10).status_code == 200
        return all(kept())
    wait_until(send, "each worker has something in its spool", 60)
    assert world.daemon.stop() == 0
    world.start_daemon(workers=1, spool='{directory: "%s", min_free: 1MiB, retain: 1s}')
    counts = lambda: {a["labels"]["tag"]: a["count"] for i in world.store().incidents() for a in i.alerts.values()}
    wait_until(lambda: len(counts()) == len(sent), lambda: f"{len(sent)} sent, {len(counts())} there")
    assert set(counts().values()) == {1}
    ready = world.daemon.get("/-/ready").text
    assert "worker 0" in ready and "worker 1" not in ready
    wait_until(lambda: not list(spool.glob("worker-[12]/*.seg")), "their spools are empty", 120)
    world.daemon.restart()
    assert "no more" not in world.daemon.log()[world.daemon.log_seen:]
    world.rest()
    assert set(counts().values()) == {1}
