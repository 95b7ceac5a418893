"""Reviews, actions, problems, known errors, automation: what is kept beside incidents."""
import json

from api import TIME, fire


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


BAD_REVIEWS = [
    ({"actions": [{"text": "a"}, {"owner": "x"}]}, "actions[1].text"), ({"actions": [{"text": "a", "due_at": "x"}]}, "actions[0].due_at"),
    ({"actions": {}}, "actions"), ({"known_error": {"id": "K", "match": []}}, "known_error.match"),
    ({"known_error": {"id": "K", "match": ["a=~\"(\""]}}, "known_error.match[0]"), ({"lesson": "x"}, "lesson")]


def test_review_refuses(api):
    for fields, path in BAD_REVIEWS:
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
