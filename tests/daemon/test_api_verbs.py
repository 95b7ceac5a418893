"""Writing by the API: verbs, opening by hand, many at once; what is refused, repeated, or too late."""
import concurrent.futures

import requests

from api import fire


def test_a_whole_story(api, store):
    id = fire(api, store, "LinkDown", instance="r1:9100")
    assert api.verb(id, "acknowledge", text="on it")["incident"]["assignee"] == "alice"
    assert api.verb(id, "update", text="we look", next_update_at="2036-01-01T00:00:00+01:00")["changed"]
    assert api.verb(id, "note", text="seen in the log")["changed"]
    assert api.verb(id, "lower", urgency="medium")["incident"]["priority"] == "P2"
    assert api.verb(id, "raise", urgency="high")["incident"]["priority"] == "P1"
    api.verb(id, "acknowledge")
    refused = api.verb(id, "resolve", 409, resolution="replaced")
    assert refused["error"]["code"] == "still_firing" and refused["error"]["firing"] == 1
    answer = api.verb(id, "resolve", resolution="replaced", kind="workaround", fix="swap")
    assert answer["incident"]["state"] == "resolved" and answer["incident"]["kind"] == "workaround"
    refused = api.verb(id, "close", 409)
    assert refused["error"]["code"] == "not_allowed" and refused["incident"]["state"] == "resolved"
    assert api.verb(id, "reopen", text="it is back")["incident"]["state"] == "open"
    refused = api.verb(id, "confirm", 409, by="boss")
    assert refused["error"]["code"] == "not_allowed" and "acknowledge" in refused["error"]["allowed"]
    assert api.verb(id, "escalate", from_tier="tier1", reason="hard")["incident"]["tier"] == "tier2"
    assert api.verb(id, "escalate", from_tier="tier1")["changed"] is False
    assert api.verb(id, "assign", assignee="bob")["incident"]["for"] == "bob"
    assert api.verb(id, "acknowledge", actor="bob")["incident"]["assignee"] == "bob"
    assert api.verb(id, "acknowledge", 409, actor="eve")["error"]["holder"] == "bob"
    assert api.verb(id, "acknowledge", actor="eve", take=True)["incident"]["assignee"] == "eve"
    assert api.verb(id, "snooze", **{"for": "10m"})["incident"]["snoozed_until"]
    assert api.verb(id, "release")["incident"]["state"] == "open"
    assert api.verb(id, "resolve", resolution="new cable", kind="workaround")["incident"]["state"] == "resolved"
    answer = api.verb(id, "close", force=True, text="enough")
    assert answer["incident"]["state"] == "closed" and answer["incident"]["review"] == "due"
    events = [e["event"] for e in api.get(f"/incidents/{id}/timeline").json()["timeline"]]
    assert events[0] == "opened" and {"acknowledged", "update", "note", "raised", "lowered", "resolved", "reopened",
                                      "escalated", "assigned", "taken_over", "snoozed", "released", "closed"} <= set(events)
    assert store.queued() == []


def test_merge(api, store):
    a, b = fire(api, store, "One"), fire(api, store, "Two")
    answer = api.verb(a, "merge", into=b)
    assert answer["incident"]["state"] == "closed" and answer["incident"]["merged_into"] == b
    assert api.incident(b)["merged"] == [a] and api.incident(b)["alerts"] == 2
    assert api.verb(b, "merge", 400, into=b)["error"]["code"] == "bad_request"


BAD_FIELDS = [
    ("assign", {}, "assignee"), ("assign", {"assignee": 7}, "assignee"), ("assign", {"assignee": ""}, "assignee"),
    ("note", {}, "text"), ("note", {"text": "x" * 65537}, "text"), ("note", {"text": ["x"]}, "text"),
    ("update", {"text": "x", "next_update_at": "soon"}, "next_update_at"), ("raise", {}, "impact"),
    ("raise", {"impact": "huge"}, "impact"), ("snooze", {}, "for"), ("snooze", {"for": "soon"}, "for"),
    ("snooze", {"for": -1}, "for"), ("snooze", {"for": "1h", "until": "2036-01-01T00:00:00Z"}, "for"),
    ("resolve", {}, "resolution"), ("resolve", {"resolution": "x", "kind": "magic"}, "kind"),
    ("resolve", {"resolution": "x", "noise": "yes"}, "noise"), ("confirm", {}, "by"), ("merge", {}, "into"),
    ("acknowledge", {"take": "yes"}, "take"), ("acknowledge", {"tke": True}, "tke"),
    ("acknowledge", {"actor": ""}, "actor"), ("acknowledge", {"actor": "a\nb"}, "actor"),
    ("acknowledge", {"actor": "x" * 257}, "actor"), ("acknowledge", {"request_id": "x" * 129}, "request_id"),
    ("acknowledge", {"if_version": "1"}, "if_version"), ("acknowledge", {"if_version": 1.5}, "if_version"),
    ("acknowledge", {"verb": "close"}, "verb"), ("acknowledge", {"role": "manager"}, "role"),
    ("escalate", {"tier": "tier9"}, "tier"), ("reopen", {}, "text"), ("close", {"force": 1}, "force")]


def test_a_bad_field_is_named(api):
    id = api.open("x")["id"]
    for verb, fields, path in BAD_FIELDS:
        answer = api.post(f"/incidents/{id}/{verb}", {"actor": "alice", **fields})
        assert answer.status_code == 400, (verb, fields)
        error = answer.json()["error"]
        assert error["path"] == path and path in error["message"], error


def test_did_you_mean(api):
    assert "did you mean assignee?" in api.verb(api.open("x")["id"], "assign", 400, asignee="bob")["error"]["message"]


NO_OBJECTS = [
    ("{", "bad_json"), ("[]", "bad_request"), ('"x"', "bad_request"), ("7", "bad_request"),
    ("null", "bad_request"), ("{} {}", "bad_json"), ("[" * 100, "bad_json"), ("\x00", "bad_json")]


def test_a_body_that_is_no_object(api):
    for raw, code in NO_OBJECTS:
        answer = api.post("/incidents/NET-1/acknowledge", raw=raw)
        assert answer.status_code in (400, 404) and "error" in answer.json()
        answer = api.post("/incidents", raw=raw)
        assert answer.status_code == 400 and answer.json()["error"]["code"] == code


def test_the_actor_is_required_without_tokens(api):
    answer = api.post("/incidents", {"title": "x"})
    assert answer.status_code == 400 and answer.json()["error"]["path"] == "actor"


def test_unknown_verbs_and_methods(api):
    id = api.open("x")["id"]
    assert api.post(f"/incidents/{id}/explode", {"actor": "a"}).status_code == 404
    answer = requests.delete(api.t.url + f"/api/v1/incidents/{id}", timeout=10)
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD"
    answer = requests.put(api.t.url + "/api/v1/incidents", timeout=10)
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD, POST"
    assert requests.head(api.t.url + f"/api/v1/incidents/{id}", timeout=10).status_code == 200


def test_open_by_hand(api):
    i = api.open("users cannot pay", service="checkout", systems=["pay1", "pay2"], category="software",
                 summary="three tickets", reported_by="helpdesk", urgency="high", subcategory="payments")
    assert (i["team"], i["impact"], i["priority"], i["source"]) == ("pay", "high", "P1", "manual")
    assert (i["systems"], i["reported_by"], i["summary"]) == (["pay1", "pay2"], "helpdesk", "three tickets")
    assert api.open("x", team="net")["priority"] == "P3"
    for fields, path in [({"category": "magic"}, "category"), ({"team": "nope"}, "team"), ({"title": ""}, "title"),
                         ({"systems": "web1"}, "systems"), ({"systems": ["a", 7]}, "systems[1]"), ({"impact": 3}, "impact")]:
        answer = api.post("/incidents", {"title": "x", "actor": "a", **fields})
        assert answer.status_code == 400 and answer.json()["error"]["path"] == path, answer.text


def test_request_ids_make_a_repeat_harmless(api):
    body = {"title": "once", "actor": "alice", "request_id": "req-1"}
    first, again = api.post("/incidents", body).json(), api.post("/incidents", body).json()
    assert again["repeated"] is True and again["incident"]["id"] == first["incident"]["id"]
    assert "repeated" not in first and first["request_id"] == again["request_id"] == "req-1"
    assert len(api.ids()) == 1
    id = first["incident"]["id"]
    assert api.verb(id, "note", text="x", request_id="n")["changed"] and api.verb(id, "note", text="x", request_id="n")["repeated"]
    notes = [e for e in api.get(f"/incidents/{id}/timeline").json()["timeline"] if e["event"] == "note"]
    assert len(notes) == 1


def test_versions_guard(api):
    i = api.open("x")
    id, version = i["id"], i["version"]
    answer = api.verb(id, "note", 409, text="x", if_version=version + 5)
    assert answer["error"]["code"] == "version" and answer["incident"]["version"] == version
    answer = api.post(f"/incidents/{id}/note", {"actor": "a", "text": "x"}, headers={"If-Match": f'"{version + 5}"'})
    assert answer.status_code == 412 and answer.json()["error"]["code"] == "version"
    answer = api.post(f"/incidents/{id}/note", {"actor": "a", "text": "x"}, headers={"If-Match": f'"{version}"'})
    assert answer.status_code == 200 and answer.headers["ETag"] == f'"{version + 1}"'
    assert api.post(f"/incidents/{id}/note", {"actor": "a", "text": "x"}, headers={"If-Match": "*"}).status_code == 200
    answer = api.post(f"/incidents/{id}/note", {"actor": "a", "text": "x"}, headers={"If-Match": "seven"})
    assert answer.status_code == 400 and answer.json()["error"]["path"] == "If-Match"


def test_two_responders_at_once(api):
    """Of many who acknowledge at once exactly one holds it; each of the others hears who."""
    for _ in range(5):
        id = api.open("race")["id"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: api.post(f"/incidents/{id}/acknowledge", {"actor": f"r{n}"}), range(8)))
        won = [a for a in answers if a.status_code == 200]
        lost = [a.json()["error"] for a in answers if a.status_code == 409]
        assert len(won) == 1 and len(lost) == 7
        assert {e["holder"] for e in lost} == {won[0].json()["incident"]["assignee"]}


def test_bulk_by_ids(api):
    ids = [api.open(f"n{n}")["id"] for n in range(5)]
    answer = api.post("/incidents/bulk", {"verb": "acknowledge", "ids": ids + ["NET-99", "ZZZ-1", ids[0]], "actor": "alice"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["done"], body["failed"]) == (5, 2)
    assert [r["status"] for r in body["results"]] == [200] * 5 + [404] * 2
    assert {api.incident(i)["state"] for i in ids} == {"acknowledged"}
    body = api.post("/incidents/bulk", {"verb": "acknowledge", "ids": ids, "actor": "bob"}).json()
    assert body["failed"] == 5 and body["results"][0]["error"]["holder"] == "alice"


def test_bulk_by_query(api):
    for n in range(6):
        api.open(f"n{n}", team="net" if n % 2 else "pay")
    where = {"team": ["net"], "filter": ['title=~"n.*"']}
    answer = api.post("/incidents/bulk", {"verb": "note", "where": where, "expect_count": 4, "text": "x", "actor": "a"})
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "count" and answer.json()["error"]["count"] == 3
    answer = api.post("/incidents/bulk", {"verb": "note", "where": where, "expect_count": 3, "text": "x", "actor": "a",
                                          "request_id": "bulk-1"}).json()
    assert (answer["done"], answer["failed"], answer["request_id"]) == (3, 0, "bulk-1")
    again = api.post("/incidents/bulk", {"verb": "note", "where": where, "expect_count": 3, "text": "x", "actor": "a",
                                         "request_id": "bulk-1"}).json()
    assert again["done"] == 3
    for id in api.ids(team="net"):
        assert [e["event"] for e in api.get(f"/incidents/{id}/timeline").json()["timeline"]].count("note") == 1


BAD_BULKS = [
    ({"ids": ["NET-1"]}, "verb"), ({"verb": "explode", "ids": ["NET-1"]}, "verb"), ({"verb": "release"}, "ids"),
    ({"verb": "release", "ids": []}, "ids"), ({"verb": "release", "where": {}}, "expect_count"),
    ({"verb": "release", "where": {}, "ids": ["NET-1"], "expect_count": 1}, "ids"),
    ({"verb": "release", "where": {"tem": ["x"]}, "expect_count": 1}, "where.tem"),
    ({"verb": "release", "where": {"team": ["x"]}, "expect_count": 1}, "where.team"),
    ({"verb": "release", "ids": ["x"] * 501}, "ids"), ({"verb": "note", "ids": ["NET-1"]}, "text"),
    ({"verb": "note", "ids": ["NET-1"], "text": "x", "into": "NET-2"}, "into")]


def test_bulk_refuses(api):
    for body, path in BAD_BULKS:
        answer = api.post("/incidents/bulk", {"actor": "a", **body})
        assert answer.status_code == 400 and answer.json()["error"]["path"] == path, answer.text
