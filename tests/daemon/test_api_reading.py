"""Reading by the API: lists, filters, pages, an incident with all that hangs on it."""
import time

import requests

from api import CONFIG, FAST, TIME, Api, alert, fire
from conftest import wait_until


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


NOT_THERE = [
    "/incidents/NET-99", "/incidents/NOPE-1", "/incidents/x", "/incidents/NET-",
    "/incidents/NET-0", "/incidents/NET-99/alerts", "/incidents/NET-99/timeline",
    "/reviews/NET-99", "/problems/PRB-x", "/actions/ACT-9", "/nothing"]


def test_what_is_not_there_is_404(api):
    for path in NOT_THERE:
        answer = api.get(path)
        assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"


BAD_PARAMETERS = [
    ("/incidents?limit=0", "limit"), ("/incidents?limit=501", "limit"), ("/incidents?limit=x", "limit"),
    ("/incidents?cursor=zzz", "cursor"), ("/incidents?cursor=b.1", "cursor"), ("/incidents?team=nope", "team"),
    ("/incidents?state=half", "state"), ("/incidents?priority=P5", "priority"), ("/incidents?overdue=maybe", "overdue"),
    ("/incidents?filter=%22", "filter"), ("/incidents?filter=a%3D~%22(%22", "filter"), ("/queues?team=nope", "team"),
    ("/problems?state=x", "state"), ("/problems?cursor=net", "cursor"), ("/actions?state=x", "state"),
    ("/reviews?state=x", "state"), ("/stats?within=x", "within"), ("/stats?team=x", "team"),
    ("/events?last_event_id=x", "Last-Event-ID"), ("/events?team=x", "team")]


def test_a_bad_parameter_is_named(api):
    for path, field in BAD_PARAMETERS:
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


def test_the_url_of_an_incident(make_triaged, store):
    api = Api(make_triaged(CONFIG + FAST + 'external_url: "https://triaged.example.org/"\n', rules=False)).ready()
    assert api.open("x")["url"] == "https://triaged.example.org/incidents/NET-1"
    assert api.incident(fire(api, store, "LinkDown"))["url"] == "https://triaged.example.org/incidents/NET-2"


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


def test_recent_logs_of_the_affected_systems(api, store):
    """Log alerts of other incidents, of any team, on the same systems; not those of other systems."""
    api.t.write_config(CONFIG.replace("rules:\n", """rules:
  - {name: db, match: ['source="syslog"', 'app="postgres"'], set: {category: software, team: pay, impact: low, urgency: low}, group_by: [app, skeleton]}
  - {name: log, match: ['source="syslog"'], set: {category: software, impact: low, urgency: low}, group_by: [app, skeleton]}
"""))
    assert api.t.post("/-/reload", "").status_code == 200
    api.t.send_tcp(["<11>Nov 24 18:00:01 r1 kernel: sda: read error at 7001", "<11>Nov 24 18:00:02 r2 kernel: sda: read error at 7002",
                    "<11>Nov 24 18:00:03 r1.example.org postgres[7]: out of memory", "<11>Nov 24 18:00:04 r3 cron[9]: cannot fork"])
    store.wait_incidents(3)
    id = fire(api, store, "DiskSlow", instance="r1:9100")
    logs = api.get(f"/incidents/{id}").json()["recent_logs"]
    found = {(l["team"], l["system"], l["app"], l["message"], l["count"], l["state"]) for l in logs}
    assert found == {("net", "r1", "kernel", "sda: read error at 7001", 1, "firing"),
                     ("pay", "r1.example.org", "postgres", "out of memory", 1, "firing")}
    assert {l["incident"].split("-")[0] for l in logs} == {"NET", "PAY"} and all(TIME.match(l["last_at"]) for l in logs)
    assert [l["last_at"] for l in logs] == sorted((l["last_at"] for l in logs), reverse=True)
    # one's own log alerts are no others'; what has no system asks for none
    assert api.get(f'/incidents/{next(l["incident"] for l in logs if l["team"] == "pay")}').json()["recent_logs"] != logs
    assert api.get(f'/incidents/{api.open("by hand")["id"]}').json()["recent_logs"] == []
    shown = api.get(f'/incidents/{api.open("by hand", systems=["R2.example.org"])["id"]}').json()["recent_logs"]
    assert [l["system"] for l in shown] == ["r2"]


def test_recent_logs_are_bounded(api, store):
    """The newest 20, though there are many messages on the system and many incidents beside."""
    api.t.write_config(CONFIG.replace("rules:\n", """rules:
  - {name: log, match: ['source="syslog"'], set: {category: software, impact: low, urgency: low}, group_by: [app]}
"""))
    assert api.t.post("/-/reload", "").status_code == 200
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november".split()
    api.t.send_tcp([f"<11>Nov 24 18:00:01 r1 app{n % 12}: {words[n // 12]} {words[n % 12]} failed" for n in range(144)])
    store.wait_incidents(12)
    base, now = "triaged:{net}:", int(time.time() * 1000)
    pipe = store.r.pipeline()
    for n in range(3000):
        id = f"NET-{10000 + n}"
        pipe.hset(base + "incident:" + id, mapping={"id": id, "team": "net", "state": "open", "priority": "P1", "systems": '["r1"]',
                                                   "source": "syslog", "title": "x", "version": "1", "opened_at": now + n})
        pipe.zadd(base + "board", {id: 10**13 + now + n})
    pipe.execute()
    id = api.open("slow", systems=["r1"])["id"]
    before = store.r.info("commandstats")
    logs = api.get(f"/incidents/{id}").json()["recent_logs"]
    after = store.r.info("commandstats")
    assert len(logs) == 20 and len({l["incident"] for l in logs}) <= 10
    spent = lambda c: after[c]["calls"] - before.get(c, {"calls": 0})["calls"]
    assert spent("cmdstat_hmget") <= 1000 and spent("cmdstat_hscan") <= 11


def test_recent_logs_of_many_teams_are_bounded(api, store):
    """Of other teams less is asked the more there are: no reply of Redis grows with their number."""
    more = "".join(f"  team{n}: {{id: T{n}}}\n" for n in range(50))
    api.t.write_config(CONFIG.replace("teams:\n", "teams:\n" + more))
    assert api.t.post("/-/reload", "").status_code == 200
    id = api.open("slow", systems=["r1"])["id"]
    kept = {k: store.r.config_get(k)[k] for k in ("slowlog-log-slower-than", "slowlog-max-len")}
    store.r.config_set("slowlog-max-len", 5000)
    store.r.slowlog_reset()
    store.r.config_set("slowlog-log-slower-than", 0)
    try:
        assert api.get(f"/incidents/{id}").json()["recent_logs"] == []
        asked = [e["command"].decode() for e in store.r.slowlog_get(5000)]
    finally:
        for k, v in kept.items():
            store.r.config_set(k, v)
    events = {c.split()[1]: int(c.split()[-1]) for c in asked if ":events " in c and c.startswith("XREVRANGE")}
    boards = [int(c.split()[-1]) + 1 for c in asked if ":board " in c and c.startswith("ZRANGE ")]
    assert len(events) >= 52 and events["triaged:{net}:events"] == 500 and min(events.values()) >= 10
    assert sum(events.values()) <= 2500 and len(boards) >= 52 and sum(boards) <= 2200
