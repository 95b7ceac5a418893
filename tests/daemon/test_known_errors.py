"""Known errors that people declare while the daemons run: matched on new alerts, over all workers, until
they are taken back; what cannot be matched is skipped and never stops the others."""
import json

import pytest
import requests

from api import FAST, Api, alert
from conftest import free_port, wait_until

CONFIG = """teams:
  net: {id: NET}
  pay: {id: PAY}
default_team: net
known_errors:
  - {id: KE-FILE, match: ['alertname="InFile"'], workaround: "of the file"}
rules:
  - {name: paid, match: ['area="pay"'], set: {category: software, team: pay}, group_by: [alertname]}
  - {name: logs, match: ['source="syslog"'], set: {category: software, impact: low, urgency: low}, group_by: [app, skeleton]}
  - {name: all, match: ['alertname=~".+"'], set: {category: software}, group_by: [alertname]}
"""


@pytest.fixture
def api(make_triaged):
    return Api(make_triaged(CONFIG + FAST, rules=False)).ready()


def declare(api, id, *match, **more):
    answer = api.post("/known-errors", {"actor": "mona", "id": id, "match": list(match), **more})
    assert answer.status_code == 200, answer.text


def take_back(api, id, **more):
    assert api.post("/known-errors", {"actor": "mona", "id": id, "delete": True, **more}).status_code == 200


def in_force(api, n, team="net", state="matched"):
    """The gauge is set before the workers are told; a request that waits behind it is served after."""
    name = f'triaged_known_errors_declared{{team="{team}",state="{state}"}}'
    wait_until(lambda: api.t.metrics().get(name, 0) == n, lambda: f"{n} {state}: {api.t.log()[-2000:]}", 20)


def told(store, name, known=None):
    """The incident of an alert; with `known`, whether that error explains it."""
    incident = store.wait_one(lambda i: name in i.get("group_key", ""), name)
    assert (incident["triage"], incident.get("known_error", "")) == (("known", known) if known else ("new", ""))
    return incident


def test_a_declared_error_is_matched_until_it_is_taken_back(api, store):
    api.t.alerts(alert("Before"))
    told(store, "Before")
    declare(api, "KE-1", 'alertname=~"Stale.*"', workaround="remount", kb="https://kb.example.org/1")
    in_force(api, 1)
    api.t.alerts(alert("StaleOne"), alert("Other"))
    incident = told(store, "StaleOne", "KE-1")
    assert (incident["workaround"], incident["kb"]) == ("remount", "https://kb.example.org/1")
    assert api.incident(incident["id"])["workaround"] == "remount"
    told(store, "Other")
    declare(api, "KE-1", 'alertname=~"Stale.*"', workaround="reboot")
    wait_until(lambda: api.t.log().count("known errors in force: 1") == 2, "the change is read")
    api.t.alerts(alert("StaleTwo"))
    assert told(store, "StaleTwo", "KE-1")["workaround"] == "reboot"
    take_back(api, "KE-1")
    in_force(api, 0)
    api.t.alerts(alert("StaleThree"), alert("StaleOne", instance="h2"))
    told(store, "StaleThree")
    told(store, "StaleOne", "KE-1")  # an open incident keeps what it was told


def test_a_completed_review_makes_it_known(api, store):
    id = api.open("disk", impact="high", urgency="high")["id"]
    api.verb(id, "acknowledge")
    api.verb(id, "resolve", resolution="swapped")
    api.verb(id, "close", force=True, text="for the test")
    answer = api.post(f"/reviews/{id}", {"actor": "mona", "done": True, "root_cause": "firmware", "known_error": {
        "id": "KE-FW", "match": ['alertname="DiskStalls"'], "workaround": "update the firmware"}})
    assert answer.status_code == 200, answer.text
    in_force(api, 1)
    api.t.alerts(alert("DiskStalls"))
    assert told(store, "DiskStalls", "KE-FW")["workaround"] == "update the firmware"


def test_only_alerts_of_its_team_and_the_file_comes_first(api, store):
    declare(api, "KE-PAY", 'alertname=~".+"', team="pay")
    declare(api, "KE-A", 'alertname=~"In.*"')
    in_force(api, 1, "pay")
    in_force(api, 1)
    api.t.alerts(alert("Elsewhere"), alert("Pays", area="pay"), alert("InFile"), alert("InHash"))
    told(store, "Elsewhere")
    told(store, "Pays", "KE-PAY")
    told(store, "InFile", "KE-FILE")
    told(store, "InHash", "KE-A")


def test_a_log_message_is_matched_by_what_the_cache_does_not_know(api, store):
    """The text of a message is no part of the verdict cache's key: two messages of one skeleton, one known."""
    line = "<11>Nov 24 18:00:0{0} {1} app[1]: cannot reach unit {2}"
    send = lambda n, host, unit: api.t.send_tcp([line.format(n, host, unit)])
    send(0, "h0", "7777")
    first = store.wait_one(lambda i: "unit" in i["group_key"])
    assert first["triage"] == "new"
    declare(api, "KE-U", 'message=~".*unit 42$"')
    in_force(api, 1)
    api.verb(first["id"], "resolve", resolution="gone", kind="workaround")
    api.verb(first["id"], "close", force=True, text="for the test")
    send(1, "h0", "7777")  # warms the cache with a verdict that is not known
    second = store.wait_one(lambda i: "unit" in i.get("group_key", "") and i["id"] != first["id"])
    assert second["triage"] == "new"
    api.verb(second["id"], "resolve", resolution="gone", kind="workaround")
    api.verb(second["id"], "close", force=True, text="for the test")
    send(2, "h0", "42")
    third = store.wait_one(lambda i: i["id"] not in (first["id"], second["id"]))
    assert (third["triage"], third["known_error"]) == ("known", "KE-U")


def test_what_cannot_be_matched_is_skipped_and_said_once(api, store):
    """Written to Redis by another hand: read when it is time to. One team has bad ones, another too many."""
    good = {"id": "KE-GOOD", "match": ['alertname="Good"']}
    store.r.hset("triaged:{pay}:known_errors", mapping={
        f"KE-{n:04}": json.dumps({"id": f"KE-{n:04}", "match": [f'alertname="A{n:04}"']}) for n in range(503)})
    store.r.hset("triaged:{net}:known_errors", mapping={
        "KE-GOOD": json.dumps(good), "KE-RE": json.dumps({**good, "match": ['a=~"("']}), "KE-NOT": "no JSON",
        "KE-LIST": "[]", "KE-NONE": json.dumps({"id": "x"}), "KE-TYPE": json.dumps({"match": [7, None]}),
        "KE-MANY": json.dumps({"match": ['a="b"'] * 101}), "KE-LONG": json.dumps({**good, "workaround": "w" * 4097}),
        "KE-HUGE": json.dumps({**good, "note": "x" * 140000}), "KE-WORD": json.dumps({"match": 'alertname="Good"'})})
    in_force(api, 1)
    in_force(api, 9, state="skipped")
    for id in ("KE-RE", "KE-NOT", "KE-LIST", "KE-NONE", "KE-TYPE", "KE-MANY", "KE-LONG", "KE-HUGE", "KE-WORD"):
        assert api.t.log().count(f"not matched team=net id={id}: ") == 1
    in_force(api, 500, "pay")
    in_force(api, 3, "pay", "skipped")
    assert "team=pay has more than 500" in api.t.log()
    api.t.alerts(alert("Good"), alert("A0499", area="pay"), alert("A0500", area="pay"))
    told(store, "Good", "KE-GOOD")
    told(store, "A0499", "KE-0499")
    told(store, "A0500")
    refused = api.post("/known-errors", {"actor": "mona", "id": "KE-X", "match": ['a="b"'], "team": "pay"})
    assert refused.status_code == 400 and "take one back" in refused.json()["error"]["message"]
    declare(api, "KE-0001", 'alertname="A0001"', title="one that is there may be changed", team="pay")


def test_texts_are_bounded_at_the_door(api):
    for name, most in (("title", 512), ("workaround", 4096), ("kb", 2048)):
        body = {"actor": "mona", "id": "KE-B", "match": ['a="b"'], name: "x" * (most + 1)}
        answer = api.post("/known-errors", body)
        assert answer.status_code == 400 and answer.json()["error"]["path"] == name
        assert api.post("/known-errors", {**body, name: "x" * most}).status_code == 200


def test_a_restart_a_reload_and_a_redis_that_is_away(make_triaged, tmp_path):
    from conftest import Redis, Store
    server = Redis(tmp_path / "other-redis", "--appendonly", "yes", "--appendfsync", "always")
    api = Api(make_triaged(CONFIG + FAST, rules=False, redis_sock=server.sock)).ready()
    declare(api, "KE-1", 'alertname=~"Stale.*"')
    in_force(api, 1)
    api.t.restart()
    api.ready()
    in_force(api, 1)
    store = Store(server.client)
    api.t.alerts(alert("StaleRestarted"))
    told(store, "StaleRestarted", "KE-1")
    api.t.write_config(CONFIG.replace("InFile", "InOtherFile") + FAST)
    assert api.t.post("/-/reload", "").status_code == 200
    api.t.alerts(alert("StaleReloaded"), alert("InOtherFile"))
    told(store, "StaleReloaded", "KE-1")
    told(store, "InOtherFile", "KE-FILE")
    server.stop()
    api.t.log_has("cannot be read from Redis|connection")
    api.t.alerts(alert("StaleMeanwhile"))
    server = Redis(tmp_path / "other-redis", "--appendonly", "yes", "--appendfsync", "always")
    told(Store(server.client), "StaleMeanwhile", "KE-1")
    api.t.stop()
    server.stop()


def test_every_worker_knows(make_triaged, store):
    listen = f'listen:\n  http: [{{address: "127.0.0.1:{free_port()}"}}]\n  syslog: []\n'  # port 0 would be one each
    api = Api(make_triaged(CONFIG + FAST + "workers: 3\n", rules=False, listen=listen)).ready()
    declare(api, "KE-1", 'alertname=~"Stale.*"')
    in_force(api, 1)
    for n in range(24):  # each on a connection of its own: the kernel spreads them
        with requests.Session() as session:
            answer = session.post(api.t.url + "/api/v2/alerts", json=[alert(f"Stale{n:02}")], timeout=20)
            assert answer.status_code == 200
    for i in store.wait_incidents(24):
        assert i["known_error"] == "KE-1", i
    cached = lambda: [v for k, v in api.t.metrics().items() if k.startswith("triaged_verdicts_cached{") and v > 0]
    wait_until(lambda: len(cached()) >= 2, lambda: f"several workers took them: {cached()}")
