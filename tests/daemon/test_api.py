"""The responder API: every route, its answers, refusals and bounds."""
import concurrent.futures
import json
import re
import socket
import threading
import time

import pytest
import requests

from api import CONFIG, FAST, ROLES, Api, alert, tokens
from conftest import wait_until

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def api(make_triaged):
    return Api(make_triaged(CONFIG + FAST, rules=False)).ready()


def fire(api, store, name, severity="critical", **labels):
    before = {i["id"] for i in store.incidents()}
    api.t.alerts(alert(name, severity, **labels))
    return store.wait_one(lambda i: i["id"] not in before)["id"]


# ---- reading
def test_an_incident_shows_numbers_times_and_lists(api, store):
    id = fire(api, store, "LinkDown", instance="r1:9100", ifname="eth0")
    answer = api.get(f"/incidents/{id}")
    assert answer.headers["ETag"] == f'"{answer.json()["incident"]["version"]}"'
    body = answer.json()
    i = body["incident"]
    assert (i["id"], i["team"], i["state"], i["priority"], i["systems"]) == (id, "net", "open", "P1", ["r1"])
    assert i["title"] == "LinkDown on r1:9100" and i["runbook"].endswith("/urgent")
    assert (i["alerts"], i["firing"], i["count"]) == (1, 1, 1) and isinstance(i["version"], int)
    assert TIME.match(i["opened_at"]) and TIME.match(i["next_due"]) and i["next_due_kind"] == "acknowledge"
    assert i["why"]["rule"] == "urgent" and i["why"]["matrix"]["priority"] == "P1"
    assert {c["kind"] for c in i["clocks"]} >= {"acknowledge", "tier2", "tier3", "update"}
    assert body["alerts"][0]["labels"]["ifname"] == "eth0" and body["alerts_next"] is None
    assert TIME.match(body["alerts"][0]["first_at"])
    assert body["timeline"][0]["event"] == "opened" and TIME.match(body["timeline"][0]["at"])
    assert (body["similar"], body["review"], body["problem"]) == ([], None, None)
    assert api.get(f"/incidents/{id}/alerts").json()["alerts"] == body["alerts"]
    assert api.get(f"/incidents/{id}/timeline").json()["timeline"] == body["timeline"]
    assert len(api.get(f"/incidents/{id}/timeline", limit=1).json()["timeline"]) == 1


@pytest.mark.parametrize("path", ["/incidents/NET-99", "/incidents/NOPE-1", "/incidents/x", "/incidents/NET-",
                                  "/incidents/NET-0", "/incidents/NET-99/alerts", "/incidents/NET-99/timeline",
                                  "/reviews/NET-99", "/problems/PRB-x", "/actions/ACT-9", "/nothing"])
def test_what_is_not_there_is_404(api, path):
    answer = api.get(path)
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("path, field", [
    ("/incidents?limit=0", "limit"), ("/incidents?limit=501", "limit"), ("/incidents?limit=x", "limit"),
    ("/incidents?cursor=zzz", "cursor"), ("/incidents?cursor=b.1", "cursor"), ("/incidents?team=nope", "team"),
    ("/incidents?state=half", "state"), ("/incidents?priority=P5", "priority"), ("/incidents?overdue=maybe", "overdue"),
    ("/incidents?filter=%22", "filter"), ("/incidents?filter=a%3D~%22(%22", "filter"), ("/queues?team=nope", "team"),
    ("/problems?state=x", "state"), ("/problems?cursor=net", "cursor"), ("/actions?state=x", "state"),
    ("/reviews?state=x", "state"), ("/stats?within=x", "within"), ("/stats?team=x", "team"),
    ("/events?last_event_id=x", "Last-Event-ID"), ("/events?team=x", "team")])
def test_a_bad_parameter_is_named(api, path, field):
    answer = api.get(path)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "bad_request" and error["path"] == field and len(error["message"]) > 10


def test_filters(api, store):
    a = fire(api, store, "LinkDown", instance="r1:9100")
    b = api.open("slow checkout", service="checkout", systems=["web1", "web2"], urgency="low")["id"]
    c = api.open("odd", impact="low", urgency="low", category="security")["id"]
    api.verb(a, "acknowledge")
    api.verb(c, "assign", assignee="bob")
    assert api.ids() == [a, b, c], "the most urgent first"
    assert api.ids(team="pay") == [b] and set(api.ids(team=["pay", "net"])) == {a, b, c}
    assert api.ids(state="acknowledged") == [a] and api.ids(state=["open", "resolved"]) == [b, c]
    assert api.ids(priority=["P1", "P4"]) == [a, c] and api.ids(category="security") == [c]
    assert api.ids(service="checkout") == [b] and api.ids(system="web2") == [b] and api.ids(system="w") == []
    assert api.ids(assignee="alice") == [a] and api.ids(assignee="bob") == [c] and api.ids(rule="urgent") == [a]
    assert api.ids(filter='title=~"slow.*"') == [b] and api.ids(filter=['team="net"', 'priority!="P1"']) == [c]
    assert api.ids(filter='label.alertname="LinkDown"') == [a] == api.ids(filter='alertname="LinkDown"')
    assert api.ids(filter='alertname="Other"') == [] and api.ids(overdue="true") == []
    assert api.ids(state="closed") == []


def test_pages(api):
    made = [api.open(f"number {n}", impact="low", urgency="low", team="net" if n % 3 else "pay")["id"]
            for n in range(23)]
    for limit in (1, 4, 22, 23, 24):
        seen, cursor, pages = [], None, 0
        while True:
            page = api.list(limit=limit, **({"cursor": cursor} if cursor else {}))
            assert len(page["incidents"]) <= limit
            seen += [i["id"] for i in page["incidents"]]
            pages += 1
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == made, f"limit {limit}: each once, in order"
        assert pages <= 23 // limit + 2


def test_pages_of_incidents_opened_in_the_same_millisecond(api, store):
    """Ties of the order are no gap and no repeat (and are looked through though they fill whole rounds)."""
    api.t.alerts(*[alert(f"Same{n}") for n in range(250)])
    made = {i["id"] for i in store.wait_incidents(250)}
    seen, cursor = [], None
    while True:
        page = api.list(limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [i["id"] for i in page["incidents"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 250 and set(seen) == made


def test_closed_incidents_come_last_and_newest_first(api):
    done = [api.closed(f"done {n}") for n in range(4)]
    live = api.open("live")["id"]
    every = ["open", "acknowledged", "resolved", "closed"]
    assert api.ids(state=every) == [live] + done[::-1]
    assert api.ids(state="closed") == done[::-1]
    first = api.list(state=every, limit=2)
    second = api.list(state=every, limit=5, cursor=first["next"])
    assert [i["id"] for i in first["incidents"] + second["incidents"]] == [live] + done[::-1]


def test_a_page_looks_at_a_bounded_number(api, store):
    """A filter that nothing matches: no page looks at all incidents, and the pages come to an end."""
    base, now = "triaged:{net}:", int(time.time() * 1000)
    pipe = store.r.pipeline()
    for n in range(5000):
        id = f"NET-{10000 + n}"
        pipe.hset(base + "incident:" + id, mapping={"id": id, "team": "net", "state": "open", "priority": "P4",
                                                   "title": "x", "version": "1", "opened_at": now + n})
        pipe.zadd(base + "board", {id: 4 * 10**13 + now + n})
    pipe.execute()
    before = store.r.info("commandstats")["cmdstat_hgetall"]["calls"]
    page = api.list(filter='title="y"')
    assert page["incidents"] == [] and page["next"]
    assert store.r.info("commandstats")["cmdstat_hgetall"]["calls"] - before <= 1000
    pages = 1
    while page["next"]:
        page = api.list(filter='title="y"', cursor=page["next"])
        pages += 1
    assert pages <= 6


def test_similar_incidents_of_the_past(api, store):
    began = {**alert("LinkDown", "critical", instance="r1:9100"), "startsAt": "2026-01-01T00:00:00Z"}
    api.t.alerts(began)
    first = store.wait_one(lambda i: True)["id"]
    api.verb(first, "acknowledge")
    api.verb(first, "resolve", resolution="cable replaced", kind="workaround", fix="swap-cable")
    api.t.alerts({**began, "endsAt": "2026-01-02T00:00:00Z"})
    wait_until(lambda: api.incident(first)["firing"] == 0, "ended")
    api.verb(first, "confirm", by="lead")
    api.verb(first, "close", force=True, text="for the test")
    second = api.open("similar?", service="checkout")["id"]
    assert api.get(f"/incidents/{second}").json()["similar"] == []
    api.t.alerts(alert("LinkDown", "critical", instance="r9:9100"))
    third = store.wait_one(lambda i: i["id"] not in (first, second))["id"]
    similar = api.get(f"/incidents/{third}").json()["similar"]
    assert [(s["id"], s["like"], s["resolution"], s["fix"]) for s in similar] == [
        (first, "cause", "cable replaced", "swap-cable")]


# ---- verbs
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


@pytest.mark.parametrize("verb, fields, path", [
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
    ("escalate", {"tier": "tier9"}, "tier"), ("reopen", {}, "text"), ("close", {"force": 1}, "force")])
def test_a_bad_field_is_named(api, verb, fields, path):
    id = api.open("x")["id"]
    answer = api.post(f"/incidents/{id}/{verb}", {"actor": "alice", **fields})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["path"] == path and path in error["message"], error


def test_did_you_mean(api):
    assert "did you mean assignee?" in api.verb(api.open("x")["id"], "assign", 400, asignee="bob")["error"]["message"]


@pytest.mark.parametrize("raw, code", [("{", "bad_json"), ("[]", "bad_request"), ('"x"', "bad_request"), ("7", "bad_request"),
                                       ("null", "bad_request"), ("{} {}", "bad_json"), ("[" * 100, "bad_json"), ("\x00", "bad_json")])
def test_a_body_that_is_no_object(api, raw, code):
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


# ---- bulk
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


@pytest.mark.parametrize("body, path", [
    ({"ids": ["NET-1"]}, "verb"), ({"verb": "explode", "ids": ["NET-1"]}, "verb"), ({"verb": "release"}, "ids"),
    ({"verb": "release", "ids": []}, "ids"), ({"verb": "release", "where": {}}, "expect_count"),
    ({"verb": "release", "where": {}, "ids": ["NET-1"], "expect_count": 1}, "ids"),
    ({"verb": "release", "where": {"tem": ["x"]}, "expect_count": 1}, "where.tem"),
    ({"verb": "release", "where": {"team": ["x"]}, "expect_count": 1}, "where.team"),
    ({"verb": "release", "ids": ["x"] * 501}, "ids"), ({"verb": "note", "ids": ["NET-1"]}, "text"),
    ({"verb": "note", "ids": ["NET-1"], "text": "x", "into": "NET-2"}, "into")])
def test_bulk_refuses(api, body, path):
    answer = api.post("/incidents/bulk", {"actor": "a", **body})
    assert answer.status_code == 400 and answer.json()["error"]["path"] == path, answer.text


# ---- queues
def test_next_takes_the_most_urgent_of_all_teams(api):
    low = api.open("low", impact="low", urgency="low")["id"]
    high = api.open("high", team="pay", impact="high", urgency="high")["id"]
    mid = api.open("mid", impact="medium", urgency="high")["id"]
    queues = api.get("/queues").json()["queues"]
    assert {(q["team"], q["tier"], q["priority"], q["length"]) for q in queues} == {
        ("net", "tier1", "P4", 1), ("pay", "tier1", "P1", 1), ("net", "tier1", "P2", 1)}
    assert all(q["first"]["reason"] == "opened" and TIME.match(q["first"]["opened_at"]) for q in queues)
    assert [q["team"] for q in api.get("/queues", team="pay").json()["queues"]] == ["pay"]
    taken = [api.post("/next", {"actor": "bob"}) for _ in range(4)]
    assert [t.status_code for t in taken] == [200, 200, 200, 204] and taken[3].text == ""
    assert [t.json()["incident"]["id"] for t in taken[:3]] == [high, mid, low]
    assert all(t.json()["incident"]["state"] == "acknowledged" and t.json()["incident"]["assignee"] == "bob" for t in taken[:3])
    assert api.get("/queues").json()["queues"] == []


def test_next_of_one_team_and_tier(api):
    a = api.open("a")["id"]
    b = api.open("b", team="pay")["id"]
    api.verb(a, "escalate")
    assert api.post("/next", {"actor": "bob", "teams": ["net"]}).status_code == 204
    assert api.post("/next", {"actor": "bob", "teams": ["net"], "tiers": ["tier1", "tier2"]}).json()["incident"]["id"] == a
    assert api.post("/next", {"actor": "bob", "teams": ["net", "pay"]}).json()["incident"]["id"] == b
    for body, path in [({"teams": ["x"]}, "teams"), ({"tiers": ["tier9"]}, "tiers"), ({"wait": "1m"}, "wait"), ({"teams": "net"}, "teams")]:
        answer = api.post("/next", {"actor": "bob", **body})
        assert answer.status_code == 400 and answer.json()["error"]["path"] == path


def test_next_passes_over_what_waits_for_another(api):
    hers, his, anyones = (api.open(t, impact="high", urgency="high")["id"] for t in ("hers", "his", "anyones"))
    api.verb(hers, "assign", assignee="carol")
    api.verb(his, "assign", assignee="bob")
    assert {api.post("/next", {"actor": "bob"}).json()["incident"]["id"] for _ in range(2)} == {his, anyones}
    assert api.post("/next", {"actor": "bob"}).status_code == 204
    assert api.post("/next", {"actor": "carol"}).json()["incident"]["id"] == hers


def test_next_repeated_with_its_request_id_takes_no_second(api):
    a, b = api.open("a")["id"], api.open("b")["id"]
    first = api.post("/next", {"actor": "bob", "request_id": "r1"}).json()
    again = api.post("/next", {"actor": "bob", "request_id": "r1"}).json()
    assert first["incident"]["id"] == again["incident"]["id"] == a and again["repeated"] is True
    assert api.incident(b)["state"] == "open"


def test_many_call_next_at_once(api):
    made = {api.open(f"n{n}")["id"] for n in range(12)}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: api.post("/next", {"actor": f"r{n}"}), range(12)))
    assert {a.json()["incident"]["id"] for a in answers if a.status_code == 200} == made


def test_next_waits(api):
    begun = time.monotonic()
    assert api.post("/next", {"actor": "bob", "wait": "1s"}).status_code == 204
    assert time.monotonic() - begun < 5
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post, "/next", {"actor": "bob", "wait": "20s"})
        wait_until(lambda: api.t.metrics().get('triaged_http_requests_pending{worker="0"}', 0) >= 1, "it waits")
        id = api.open("came later")["id"]
        assert waiting.result().json()["incident"]["id"] == id


def test_who_left_takes_nothing(api):
    with socket.create_connection(("127.0.0.1", api.t.http_port)) as s:
        body = json.dumps({"actor": "gone", "wait": "20s"})
        s.sendall(f"POST /api/v1/next HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        wait_until(lambda: api.t.metrics().get('triaged_http_requests_pending{worker="0"}', 0) >= 1, "it waits")
    id = api.open("whose")["id"]
    wait_until(lambda: api.t.metrics()['triaged_http_requests_pending{worker="0"}'] == 0, "it was given up")
    assert api.incident(id)["state"] == "open"


# ---- records
def test_review_from_owed_to_done(api, store):
    id = fire(api, store, "LinkDown", instance="r|1<b>:9100")
    api.verb(id, "acknowledge")
    api.verb(id, "update", text="we are | on <it>")
    api.verb(id, "resolve", resolution="cable", kind="workaround", fix="swap")
    assert api.get(f"/reviews/{id}").json()["review"] == {"id": id, "state": "none", "actions": []}
    api.verb(id, "close", force=True, text="for the test")
    item = api.get("/reviews").json()["reviews"][0]
    assert (item["id"], item["state"], item["overdue"]) == (id, "due", False) and TIME.match(item["due_at"])
    assert api.get("/reviews", state="done").json()["reviews"] == [] == api.get("/reviews", state="overdue").json()["reviews"]
    answer = api.post(f"/reviews/{id}", {"actor": "boss", "done": True})
    assert answer.status_code == 400 and "root_cause" in answer.json()["error"]["message"]
    answer = api.post(f"/reviews/{id}", {
        "actor": "boss", "root_cause": "old cables", "lessons": "buy new ones", "done": True,
        "actions": [{"text": "replace cables", "owner": "bob", "due_at": "2036-01-01T00:00:00Z"}],
        "known_error": {"id": "KE-9", "match": ['alertname="LinkDown"'], "workaround": "swap"}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["state"] == "done" and answer.json()["incident"]["review"] == "done"
    body = api.get(f"/reviews/{id}").json()
    assert body["review"]["done_by"] == "boss" and TIME.match(body["review"]["done_at"])
    assert (body["actions"][0]["text"], body["actions"][0]["owner"], body["actions"][0]["overdue"]) == ("replace cables", "bob", False)
    assert api.get(f"/incidents/{id}").json()["review"]["root_cause"] == "old cables"
    for document in (api.get(f"/reviews/{id}", format="markdown"), api.get(f"/reviews/{id}", headers={"Accept": "text/markdown"})):
        assert document.headers["Content-Type"].startswith("text/markdown")
        text = document.text
        assert text.startswith(f"# Review of {id}: LinkDown on r|1&lt;b>")
        for part in ("## Summary", "## Impact", "## Times", "to acknowledge", "## What the deadlines said", "## Timeline",
                     "## Participants\n\nalice, boss", "old cables", "buy new ones", "## Action items", "| bob |", "we are \\| on &lt;it>"):
            assert part in text, (part, text)
    assert [r["id"] for r in api.get("/reviews", state="done").json()["reviews"]] == [id]


@pytest.mark.parametrize("fields, path", [
    ({"actions": [{"text": "a"}, {"owner": "x"}]}, "actions[1].text"), ({"actions": [{"text": "a", "due_at": "x"}]}, "actions[0].due_at"),
    ({"actions": {}}, "actions"), ({"known_error": {"id": "K", "match": []}}, "known_error.match"),
    ({"known_error": {"id": "K", "match": ["a=~\"(\""]}}, "known_error.match[0]"), ({"lesson": "x"}, "lesson")])
def test_review_refuses(api, fields, path):
    answer = api.post("/reviews/NET-1", {"actor": "a", **fields})
    assert answer.status_code == 400 and answer.json()["error"]["path"] == path, answer.text


def test_review_of_an_open_incident_is_refused(api):
    answer = api.post(f"/reviews/{api.open('x')['id']}", {"actor": "a", "root_cause": "x"})
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "not_allowed"


def test_actions(api):
    id = api.open("x")["id"]
    new = api.post("/actions", {"actor": "a", "text": "tidy up", "incident": id, "due_at": "2026-01-01T00:00:00Z"}).json()
    action = new["record"]["id"]
    shown = api.get(f"/actions/{action}").json()["record"]
    assert (shown["text"], shown["incident"], shown["state"], shown["overdue"]) == ("tidy up", id, "open", True)
    assert [a["id"] for a in api.get("/actions", state="overdue").json()["actions"]] == [action]
    done = api.post(f"/actions/{action}", {"actor": "a", "state": "done", "owner": "bob"}).json()
    assert done["changed"] and done["record"]["state"] == "done"
    again = api.post(f"/actions/{action}", {"actor": "a", "state": "done"}).json()
    assert again["changed"] is False and again["record"] is None
    assert api.get("/actions", state="open").json()["actions"] == []
    assert [a["id"] for a in api.get("/actions", owner="bob").json()["actions"]] == [action]
    assert api.get("/actions", owner="eve").json()["actions"] == []
    api.post("/actions", {"actor": "a", "text": "another team's", "team": "pay"})
    answer = api.get(f"/actions/{action}")
    assert answer.status_code == 409 and answer.json()["error"]["code"] == "ambiguous"
    assert api.get(f"/actions/{action}", team="pay").json()["record"]["text"] == "another team's"
    answer = api.post(f"/actions/{action}", {"actor": "a", "text": "mine", "team": "pay"})
    assert answer.json()["record"]["text"] == "mine"
    assert api.post("/actions", {"actor": "a", "text": "x", "incident": "NO-1"}).json()["error"]["path"] == "incident"
    assert api.post("/actions", {"actor": "a", "text": "x", "incident": id, "team": "pay"}).json()["error"]["path"] == "team"


def test_known_errors(api, store):
    known = api.get("/known-errors").json()["known_errors"]
    assert [(k["id"], k["declared_by"], k["match"]) for k in known] == [("KE-7", "configuration", ['alertname="NFSStale"'])]
    answer = api.post("/known-errors", {"actor": "a", "id": "KE-1", "match": ['a="b"'], "workaround": "restart"})
    assert answer.status_code == 200 and answer.json()["record"]["match"] == ['a="b"'], answer.text
    known = api.get("/known-errors").json()["known_errors"]
    assert [(k["id"], k["declared_by"]) for k in known] == [("KE-7", "configuration"), ("KE-1", "review")]
    for body, path in [({"match": ['a="b"']}, "id"), ({"id": "K"}, "match"), ({"id": "K", "match": ["("]}, "match[0]"),
                       ({"id": "K", "match": ['a=~"("']}, "match[0]"), ({"id": "K", "match": 'a="b"'}, "match")]:
        answer = api.post("/known-errors", {"actor": "a", **body})
        assert answer.status_code == 400 and answer.json()["error"]["path"] == path, answer.text
    assert api.post("/known-errors", {"actor": "a", "id": "bad id", "match": ['a="b"']}).status_code == 400
    assert api.post("/known-errors", {"actor": "a", "id": "KE-1", "delete": True}).json()["changed"] is True
    assert api.post("/known-errors", {"actor": "a", "id": "KE-1", "delete": True}).json()["changed"] is False
    assert len(api.get("/known-errors").json()["known_errors"]) == 1


def test_the_third_use_of_a_fix_is_a_task_for_automation(api):
    for n in range(3):
        id = api.open(f"disk full {n}", impact="low", urgency="low", category="hardware")["id"]
        api.verb(id, "resolve", resolution="cleaned", fix="clean-tmp.sh")
    found = api.get("/automation", state="candidate").json()["automation"]
    assert [(f["fix"], f["uses"], len(f["incidents"])) for f in found] == [("clean-tmp.sh", 3, 3)]
    assert api.get("/automation", state="seen").json()["automation"] == []


def test_problems(api, store):
    base = "triaged:{net}:problems"
    for n in range(150):
        store.r.hset(base, f"PRB-{n}", json.dumps({"id": f"PRB-{n}", "cause": "c", "why": "recurs", "state": "candidate",
                                                  "title": "t", "incidents": {}, "created_at": 1767600000000}))
    seen, cursor = [], None
    while True:
        page = api.get("/problems", limit=20, **({"cursor": cursor} if cursor else {})).json()
        seen += [p["id"] for p in page["problems"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"PRB-{n}" for n in range(150))
    assert page["problems"] == [] or page["problems"][0]["incidents"] == []
    answer = api.post("/problems/PRB-7", {"actor": "boss", "state": "known", "root_cause": "cables", "owner": "bob"})
    assert answer.status_code == 200 and answer.json()["record"]["state"] == "known", answer.text
    assert [p["id"] for p in api.get("/problems", state="known", limit=500).json()["problems"]] == ["PRB-7"]
    assert api.get("/problems/PRB-7").json()["record"]["root_cause"] == "cables"
    assert api.post("/problems/PRB-7", {"actor": "boss", "state": "half"}).json()["error"]["path"] == "state"
    assert api.post("/problems/PRB-999", {"actor": "boss", "state": "known"}).status_code == 404


def test_stats(api):
    api.open("still open", impact="high", urgency="high")
    for n in range(3):
        id = api.open(f"n{n}", impact="low", urgency="low")["id"]
        api.verb(id, "acknowledge")
        api.verb(id, "resolve", resolution="x", noise="not_actionable")
        wait_until(lambda: api.incident(id)["state"] == "closed", "closed")
    stats = api.get("/stats", within="1h").json()
    net = next(t for t in stats["teams"] if t["team"] == "net")
    rows = {p["priority"]: p for p in net["priorities"]}
    assert net["incidents"] == 3 and rows["P1"]["active"] == 1 and rows["P4"]["closed"] == 3
    spread = rows["P4"]["time_to_close_ms"]
    assert spread["n"] == 3 and 0 <= spread["median"] <= spread["p90"] <= 60000
    assert stats["within_ms"] == 3600000


def test_whoami_without_tokens(api):
    me = api.get("/whoami").json()
    assert (me["name"], me["role"], me["team"]) == (None, "manager", None)
    assert {(t["name"], t["id"]) for t in me["teams"]} == {("net", "NET"), ("pay", "PAY")}


# ---- events
class Events(threading.Thread):
    """Follows the events in the background."""

    def __init__(self, api, **params):
        super().__init__(daemon=True)
        self.answer = requests.get(api.t.url + "/api/v1/events", stream=True, timeout=60, params=params,
                                   headers=params.pop("headers", None))
        self.seen, self.raw = [], []
        self.start()

    def run(self):
        try:
            last = None
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                self.raw.append(line)
                if line.startswith("id: "):
                    last = line[4:]
                elif line.startswith("data: "):
                    self.seen.append((last, json.loads(line[6:])))
        except (requests.RequestException, AttributeError, ValueError):
            pass

    def names(self):
        return [e["event"] for _, e in self.seen]


def test_events_are_told_and_resumed(api):
    events = Events(api)
    assert events.answer.headers["Content-Type"] == "text/event-stream"
    wait_until(lambda: events.raw, "the stream begins")
    a = api.open("first")["id"]
    wait_until(lambda: "opened" in events.names(), "opened is told")
    api.verb(a, "acknowledge", text="x")
    b = api.open("second", team="pay")["id"]
    wait_until(lambda: events.names() == ["opened", "acknowledged", "opened"], lambda: events.names())
    position, event = events.seen[1]
    assert (event["incident"], event["team"], event["actor"], event["state"]) == (a, "net", "alice", "acknowledged")
    assert event["detail"] == {"text": "x"} and TIME.match(event["at"]) and event["version"] == 2
    for again in (Events(api, last_event_id=position), Events(api, headers={"Last-Event-ID": position})):
        wait_until(lambda: again.names() == ["opened"], lambda: again.names())
        assert again.seen[0] == events.seen[2]
    one = Events(api, last_event_id=events.seen[0][0], team="pay")
    wait_until(lambda: [e["incident"] for _, e in one.seen] == [b], lambda: one.seen)
    whole = Events(api, last_event_id="0-0.", incident=a)
    wait_until(lambda: whole.names() == ["opened", "acknowledged"], lambda: whole.names())
    assert api.t.metrics()['triaged_event_listeners{worker="0"}'] == 5
    for e in (events, one):
        e.answer.close()


def test_events_lose_none_and_repeat_none(api):
    live = Events(api)
    wait_until(lambda: live.raw, "begun")
    ids = [api.open(f"n{n}", team="pay" if n % 2 else "net")["id"] for n in range(40)]
    wait_until(lambda: len(live.seen) >= 40, lambda: len(live.seen))
    assert [e["incident"] for _, e in live.seen] == ids
    for n in (0, 7, 38):
        rest = Events(api, last_event_id=live.seen[n][0])
        wait_until(lambda: len(rest.seen) >= 39 - n, lambda: len(rest.seen))
        assert rest.seen == live.seen[n + 1:]


def test_a_long_past_is_caught_up_in_order(api, store):
    for n in range(1500):
        store.r.xadd("triaged:{net}:events" if n % 3 else "triaged:{pay}:events",
                     {"at": 1, "event": "note", "incident": f"NET-{n}", "version": 1, "actor": "x", "detail": ""})
    follower = Events(api, last_event_id="0-0.")
    wait_until(lambda: len(follower.seen) >= 1500, lambda: len(follower.seen), 30)
    for team in ("net", "pay"):
        assert [int(e["incident"][4:]) for _, e in follower.seen if e["team"] == team] == [
            n for n in range(1500) if (n % 3 > 0) == (team == "net")]


def test_listeners_are_limited(api):
    open_ones = []
    try:
        for _ in range(64):
            s = socket.create_connection(("127.0.0.1", api.t.http_port))
            s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
            open_ones.append(s)
        answer = api.get("/events")
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "busy"
    finally:
        for s in open_ones:
            s.close()
    wait_until(lambda: api.t.metrics()['triaged_event_listeners{worker="0"}'] == 0, "all are gone")
    assert requests.head(api.t.url + "/api/v1/events", timeout=10).status_code == 200


def test_a_stop_ends_listeners_and_waiters(make_triaged):
    api = Api(make_triaged(CONFIG, rules=False)).ready()
    events = Events(api)
    wait_until(lambda: events.raw, "begun")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post, "/next", {"actor": "bob", "wait": "25s"})
        wait_until(lambda: api.t.metrics().get('triaged_http_requests_pending{worker="0"}', 0) >= 1, "it waits")
        begun = time.monotonic()
        assert api.t.stop() == 0
        assert time.monotonic() - begun < 8
        assert waiting.result().status_code == 204


# ---- heartbeats, status
def test_heartbeats(api, store):
    assert api.post("/heartbeats/backup").json() == {"heartbeat": "backup"}
    wait_until(lambda: int(store.r.hget("triaged:{net}:heartbeats", "backup") or 0) > 10**12, "the beat is applied")
    assert api.post("/heartbeats/unknown").status_code == 404
    assert store.incidents() == []


def test_public_status(api, store):
    assert api.get("/status").json()["status"] in ("operational", "unknown")
    id = api.open("shop <b>down</b>", impact="high", urgency="high", service="checkout")["id"]
    api.verb(id, "acknowledge")
    api.verb(id, "update", text="we are <on> it")
    api.open("not so urgent")
    status = wait_until(lambda: (s := api.get("/status").json())["incidents"] and s, "it is shown", 40)
    assert status["status"] == "outage" and status["stale"] is False and status["open"]["P1"] == 1
    assert status["incidents"][0]["update_text"] == "we are <on> it" and status["incidents"][0]["service"] == "checkout"
    page = requests.get(api.t.url + "/status", timeout=10)
    assert page.headers["Content-Type"].startswith("text/html") and "shop &lt;b&gt;down" in page.text
    assert "we are &lt;on&gt; it" in page.text and "<b>down" not in page.text
    assert "http://" not in page.text and "https://" not in page.text, "the page needs nothing from elsewhere"


def test_metrics_of_incidents(api, store):
    wait_until(lambda: 'triaged_oldest_unassigned_seconds{team="net"}' in api.t.metrics(), "a first look", 40)
    id = fire(api, store, "LinkDown", instance="r1:9100")
    api.verb(id, "acknowledge")
    api.open("waits", impact="high", urgency="high")
    found = wait_until(lambda: (m := api.t.metrics()).get('triaged_incident_events_total{team="net",event="acknowledged"}') and m,
                       "looked again", 40)
    assert found['triaged_incidents{team="net",priority="P1",state="active"}'] == 2
    assert found['triaged_queue_entries{team="net",tier="tier1",priority="P1"}'] == 1
    assert found['triaged_oldest_unassigned_seconds{team="net"}'] > 0
    assert found['triaged_incidents_opened_total{team="net",priority="P1",category="network"}'] == 1
    assert found['triaged_time_to_acknowledge_seconds_count{team="net",priority="P1"}'] == 1
    assert found['triaged_verbs_total{outcome="done"}'] >= 2


# ---- roles
MATRIX = [  # method, path, body, least role
    ("GET", "/incidents", None, "viewer"), ("POST", "/incidents", {"title": "x"}, "responder"),
    ("GET", "/incidents/{id}", None, "viewer"), ("GET", "/incidents/{id}/alerts", None, "viewer"),
    ("GET", "/incidents/{id}/timeline", None, "viewer"), ("POST", "/incidents/{id}/note", {"text": "x"}, "responder"),
    ("POST", "/incidents/bulk", {"verb": "note", "ids": ["{id}"], "text": "x"}, "responder"),
    ("POST", "/next", {}, "responder"), ("GET", "/queues", None, "viewer"), ("GET", "/problems", None, "viewer"),
    ("POST", "/problems/PRB-1", {"state": "known"}, "manager"), ("GET", "/reviews", None, "viewer"),
    ("GET", "/reviews/{id}", None, "viewer"), ("POST", "/reviews/{closed}", {"lessons": "x"}, "manager"),
    ("GET", "/actions", None, "viewer"), ("POST", "/actions", {"text": "x"}, "responder"),
    ("GET", "/known-errors", None, "viewer"), ("POST", "/known-errors", {"id": "K", "match": ['a="b"']}, "manager"),
    ("GET", "/automation", None, "viewer"), ("GET", "/stats", None, "viewer"), ("GET", "/whoami", None, "viewer"),
    ("POST", "/heartbeats/backup", {}, "ingest"), ("GET", "/status", None, "anyone")]


def test_role_matrix(make_triaged, store):
    part, secrets = tokens()
    triaged = make_triaged(CONFIG + FAST + part, rules=False)
    boss = Api(triaged, token=secrets["manager"]).ready()
    ids = {"id": boss.open("x")["id"], "closed": boss.closed("y")}
    store.r.hset("triaged:{net}:problems", "PRB-1", json.dumps({"id": "PRB-1", "state": "open", "incidents": ["NET-1"]}))
    for method, path, body, least in MATRIX:
        for role in (None, *ROLES):
            api = Api(triaged, token=secrets.get(role))
            path_now = path.format(**ids)
            text = json.dumps(body).replace("{id}", ids["id"]) if body is not None else None
            answer = api.get(path_now) if method == "GET" else api.post(path_now, raw=text)
            if least == "anyone":
                want = 200
            elif role is None:
                want = 401
            elif least == "ingest":
                want = 200 if role in ("ingest", "manager", "admin") else 403
            else:
                want = 200 if role != "ingest" and ROLES.index(role) >= ROLES.index(least) else 403
            if path == "/next" and want == 200:
                assert answer.status_code in (200, 204)
            else:
                assert answer.status_code == want, (method, path, role, answer.status_code, answer.text)
            if want in (401, 403):
                assert answer.json()["error"]["code"] in ("unauthorized", "forbidden")


def test_what_only_a_manager_may_do_to_an_incident(make_triaged):
    part, secrets = tokens()
    triaged = make_triaged(CONFIG + FAST + part, rules=False)
    boss, she = Api(triaged, None, secrets["manager"]).ready(), Api(triaged, None, secrets["responder"])
    id = she.open("x", impact="high", urgency="high", actor="she")["id"]
    assert she.incident(id)["team"] == "net"
    she.verb(id, "acknowledge", actor=None)
    assert she.incident(id)["assignee"] == "responder-token", "the token's name is the actor"
    she.verb(id, "resolve", resolution="x")
    assert she.verb(id, "close", 403, force=True, text="x")["error"]["code"] == "forbidden"
    boss.verb(id, "close", force=True, text="x")
    assert she.verb(id, "reopen", 403, text="x")["error"]["code"] == "forbidden"
    assert boss.verb(id, "reopen", text="x")["incident"]["state"] == "open"
    me = she.get("/whoami").json()
    assert (me["name"], me["role"]) == ("responder-token", "responder")


# ---- when Redis is away
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


def test_the_url_of_an_incident(make_triaged, store):
    api = Api(make_triaged(CONFIG + FAST + 'external_url: "https://triaged.example.org/"\n', rules=False)).ready()
    assert api.open("x")["url"] == "https://triaged.example.org/incidents/NET-1"
    assert api.incident(fire(api, store, "LinkDown"))["url"] == "https://triaged.example.org/incidents/NET-2"
