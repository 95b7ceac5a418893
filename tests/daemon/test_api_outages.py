"""The API while Redis is away, hangs or restarts, and with several workers."""
import concurrent.futures

import requests

from api import CONFIG, FAST, Api
from conftest import wait_until


def test_redis_away(make_triaged, tmp_path):
    from conftest import Redis
    redis_server = Redis(tmp_path / "other-redis", "--appendonly", "yes", "--appendfsync", "always")
    api = Api(make_triaged(CONFIG + FAST, rules=False, redis_sock=redis_server.sock)).ready()
    id = api.open("before", impact="high", urgency="high")["id"]
    wait_until(lambda: api.get("/status").json()["incidents"], "the status is known", 40)
    redis_server.stop()
    answer = wait_until(lambda: (a := api.post(f"/incidents/{id}/acknowledge", {"actor": "a"})).status_code == 503 and [a], "503")[0]
    assert answer.headers["Retry-After"] and answer.json()["error"]["code"] == "redis_away"
    for path in ("/incidents", f"/incidents/{id}", "/queues", "/problems", "/stats", "/reviews", "/events"):
        assert api.get(path).status_code == 503, path
    assert api.post("/next", {"actor": "a"}).status_code == 503
    assert api.get("/whoami").status_code == 200 and api.post("/heartbeats/backup").status_code == 200
    assert api.get("/status").json()["incidents"][0]["id"] == id
    assert requests.get(api.t.url + "/status", timeout=10).status_code == 200
    redis_server = Redis(tmp_path / "other-redis", "--appendonly", "yes", "--appendfsync", "always")
    wait_until(lambda: api.get("/incidents").status_code == 200, "it is back")
    assert api.incident(id)["state"] == "open", "what was answered 503 was not done"
    assert api.verb(id, "acknowledge")["changed"] is True
    api.t.stop()
    redis_server.stop()


def test_a_verb_is_answered_504_when_redis_hangs_and_done_once(make_triaged, redis_server):
    import os
    import signal
    api = Api(make_triaged(CONFIG + FAST, rules=False)).ready()
    id = api.open("x")["id"]
    os.kill(redis_server.popen.pid, signal.SIGSTOP)
    try:
        body = {"actor": "a", "text": "slow", "request_id": "slow-1"}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            # the look-up of the incident hangs as well: the answer is a 5xx, and it may come at once when it is back
            answer = pool.submit(api.post, f"/incidents/{id}/note", body)
            wait_until(lambda: api.t.metrics().get('triaged_http_requests_pending{worker="0"}', 0) >= 1, "it hangs")
            os.kill(redis_server.popen.pid, signal.SIGCONT)
    finally:
        os.kill(redis_server.popen.pid, signal.SIGCONT)
    assert answer.result().status_code in (200, 503, 504)
    wait_until(lambda: api.post(f"/incidents/{id}/note", body).status_code == 200, "done in the end")
    notes = [e for e in api.get(f"/incidents/{id}/timeline").json()["timeline"] if e["event"] == "note"]
    assert len(notes) == 1


def test_verbs_survive_a_restart_and_are_done_once(make_triaged, store):
    api = Api(make_triaged(CONFIG + FAST, rules=False)).ready()
    ids = [api.open(f"n{n}")["id"] for n in range(20)]
    for id in ids:
        api.verb(id, "note", text="kept")
    api.t.kill()
    api.t.start()
    api.ready()
    for id in ids:
        events = [e["event"] for e in api.get(f"/incidents/{id}/timeline").json()["timeline"]]
        assert events == ["opened", "note"]
    api.verb(ids[0], "acknowledge")
    assert (api.t.directory / "spool" / "worker-0-verbs").is_dir()


def test_several_workers_serve_one_store(make_triaged, store):
    """Each worker has a stream of verbs of its own; what one did the others see."""
    api = Api(make_triaged(CONFIG + FAST + "workers: 3\n", rules=False)).ready()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: api.open(f"n{n}")["id"], range(24)))
        assert len(set(ids)) == 24
        for status in pool.map(lambda id: api.post(f"/incidents/{id}/acknowledge", {"actor": "a"}).status_code, ids):
            assert status == 200
    assert set(api.ids(state="acknowledged")) == set(ids)
    assert {p.name for p in (api.t.directory / "spool").glob("*-verbs")} == {f"worker-{n}-verbs" for n in range(3)}
