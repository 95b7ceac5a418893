"""Reload, readiness, metrics, tokens, queues: what an operator and a responder rely on."""
import base64
import datetime
import hashlib
import json
import signal
import subprocess

import pytest
import requests

from conftest import need, wait_until

TAKE = ("for _,k in ipairs(KEYS) do local r=redis.call('XREADGROUP','GROUP','responders',ARGV[1],'COUNT',1,"
        "'STREAMS',k,'>') if r and r[1] then return r[1] end end return false")


def alert(name, severity="warning", **labels):
    return {"labels": {"alertname": name, "severity": severity, **labels}}


def queue_keys(team):
    return [f"triaged:{{{team}}}:queue:tier1:{p}" for p in ("P1", "P2", "P3", "P4")]


def test_a_responder_takes_the_most_urgent_first(triaged, store):
    """The one-liner of the contract, then XACK and XDEL."""
    triaged.alerts(alert("Slow", "info", team="x"), alert("Broken", "critical"), alert("Odd", "warning"))
    incidents = store.wait_incidents(3)
    team = incidents[0]["team"]
    assert {i["team"] for i in incidents} == {team}
    order = []
    while taken := store.r.eval(TAKE, 4, *queue_keys(team), "alice"):
        key, ((entry, fields),) = taken
        fields = dict(zip(fields[::2], fields[1::2]))
        order.append(fields["priority"])
        assert store.r.xack(key, "responders", entry) == 1 and store.r.xdel(key, entry) == 1
    assert order == sorted(order) and len(order) == 3
    assert store.queued() == []


def test_what_was_read_and_never_acknowledged_comes_back(make_triaged, store):
    triaged = make_triaged("queue: {claim_after: 1s}\n")
    triaged.alerts(alert("Forgotten", "critical"))
    incident = store.wait_incidents(1)[0]
    key, ((entry, _),) = wait_until(
        lambda: store.r.eval(TAKE, 4, *queue_keys(incident["team"]), "bob"), "taken by bob")
    back = wait_until(lambda: next((e for e in store.queued() if e["entry"] != entry), None), "put back")
    assert back["reason"] == "returned" and back["incident"] == incident["id"]
    assert len(store.queued()) == 1


def test_repeats_count_and_make_no_second_incident(triaged, store):
    for _ in range(5):
        triaged.alerts(alert("Again", instance="i:1"))
    wait_until(lambda: store.incidents() and
               sum(a["count"] for a in store.incidents()[0].alerts.values()) == 5, "five counted")
    assert len(store.incidents()) == 1 and len(store.queued()) == 1


def test_a_large_request_of_old_resolves_reaches_the_team_that_had_them(make_triaged, store):
    """What began before a reload may be another team's: its resolve goes to all of them, in one write."""
    teams = "teams: {%s}\ndefault_team: t0\n" % ", ".join("t%d: {id: T%d}" % (i, i) for i in range(40))
    rules = "rules: [{name: all, match: [], set: {team: %s, category: network, impact: low, urgency: low}}]\n"
    triaged = make_triaged(teams + rules % "t7", rules=False)
    triaged.alerts(alert("Moved", host="h0"))
    store.wait_one(lambda i: i["team"] == "t7")
    triaged.write_config(teams + rules % "t0")
    assert triaged.post("/-/reload", "").status_code == 200
    ended = [{**alert("Moved", host=f"h{i}"), "annotations": {"description": "x" * 1400}, "startsAt": "2026-01-01T00:00:00Z",
              "endsAt": datetime.datetime.now(datetime.timezone.utc).isoformat()} for i in range(4000)]
    answer = triaged.post("/api/v2/alerts", ended)
    assert answer.status_code == 200, answer.text
    store.wait_one(lambda i: i["team"] == "t7" and i["state"] == "resolved", "resolved where it fired", 60)
    assert len(store.incidents()) == 1


def test_resolve_then_fire_again_reopens(triaged, store):
    fire = {**alert("Flip", instance="i:1"), "startsAt": "2026-01-01T00:00:00Z"}
    triaged.alerts(fire)
    first = store.wait_one(lambda i: i["state"] == "open")
    triaged.alerts({**fire, "endsAt": "2026-01-02T00:00:00Z"})
    store.wait_one(lambda i: i["state"] == "resolved")
    assert store.queued() == []
    triaged.alerts({**fire, "endsAt": "2036-01-01T00:00:00Z", "startsAt": "2026-01-03T00:00:00Z"})
    store.wait_one(lambda i: i["state"] == "open" and i.get("reopens") == "1")
    assert store.queued()[0]["reason"] == "reopened"
    assert len(store.incidents()) == 1 and store.incidents()[0]["id"] == first["id"]


# ---- reload

RULE = """rules:
  - name: {name}
    match: ['alertname="Reloaded"']
    set: {{category: network, team: a}}
teams: {{a: {{id: AAA}}, b: {{id: BBB}}}}
default_team: b
"""


@pytest.mark.parametrize("how", ["SIGHUP", "POST"])
def test_reload_takes_over_new_rules(make_triaged, store, how):
    triaged = make_triaged("teams: {b: {id: BBB}}\ndefault_team: b\n", rules=False)
    triaged.alerts(alert("Reloaded", instance="1"))
    store.wait_one(lambda i: i["team"] == "b")
    triaged.write_config(RULE.format(name="mine"))
    if how == "POST":
        answer = triaged.post("/-/reload", "")
        assert answer.status_code == 200, answer.text
    else:
        triaged.popen.send_signal(signal.SIGHUP)
        triaged.log_has("configuration loaded")
    triaged.alerts(alert("Reloaded", instance="2"))
    assert store.wait_one(lambda i: i["team"] == "a")["rule"] == "mine"
    assert triaged.metrics()["triaged_config_last_reload_successful"] == 1


def test_a_wrong_file_changes_nothing_and_says_where(make_triaged, store):
    triaged = make_triaged(RULE.format(name="mine"), rules=False)
    session = requests.Session()
    assert session.get(triaged.url + "/-/healthy", timeout=10).ok
    triaged.write_config(RULE.format(name="mine").replace("team: a", "team: aa").replace("network", "netwrk"))
    answer = session.post(triaged.url + "/-/reload", timeout=30)
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert "rules[0].set.team" in message and 'did you mean "a"' in message
    assert "rules[0].set.category" in message, "several errors in one run"
    assert triaged.metrics()["triaged_config_last_reload_successful"] == 0
    triaged.alerts(alert("Reloaded"))
    assert store.wait_one(lambda i: True)["team"] == "a"


def test_reload_that_cannot_bind_keeps_the_old_listeners(make_triaged):
    import socket
    triaged = make_triaged()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        triaged.listen = triaged.listen.replace(
            "http: [", f'http: [{{address: "127.0.0.1:{taken.getsockname()[1]}"}}, ')
        triaged.write_config()
        answer = triaged.post("/-/reload", "")
        assert answer.status_code == 400 and "in use" in answer.text
    assert triaged.get("/-/healthy").ok


def test_reload_keeps_connections(make_triaged):
    """A keep-alive connection and a half-sent syslog line both live through it."""
    import socket
    triaged = make_triaged()
    http = socket.create_connection(("127.0.0.1", triaged.http_port))
    http.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in http.recv(4096)
    syslog = socket.create_connection(("127.0.0.1", triaged.tcp_port))
    syslog.sendall(b"<3>Nov 24 10:00:00 h kernel: EXT4-fs error (dev")
    assert triaged.post("/-/reload", "").status_code == 200
    http.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in http.recv(4096)
    syslog.sendall(b"ice sda1): half before, half after\n")
    name = 'triaged_alerts_total{source="syslog",outcome="accepted"}'
    wait_until(lambda: triaged.metrics().get(name) == 1, lambda: str(triaged.metrics()))
    http.close()
    syslog.close()


def test_check_finds_several_errors(make_triaged, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("lisen: {}\nteams: {a: {id: A}}\ndefault_team: b\nworkers: many\n")
    triaged = make_triaged()
    done = subprocess.run([triaged.build / "src/daemon/triaged", "--check", "-c", wrong],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f'{wrong}:1:1: ' in done.stderr and 'did you mean "listen"' in done.stderr
    assert f"{wrong}:4:" in done.stderr
    good = subprocess.run([triaged.build / "src/daemon/triaged", "--check", "-c", triaged.config],
                          capture_output=True, text=True, timeout=60)
    assert good.returncode == 0, good.stderr


# ---- operations

def test_metrics_pass_promtool(triaged):
    triaged.alerts(alert("One"))
    triaged.send_udp("<13>Nov 24 10:00:00 h app: text")
    done = subprocess.run([need("promtool"), "check", "metrics"], input=triaged.get("/metrics").text,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ready_tells_of_redis(triaged, redis_server):
    wait_until(lambda: "redis ready, 0 records wait" in triaged.get("/-/ready").text, "ready")
    redis_server.popen.kill()
    redis_server.popen.wait()
    wait_until(lambda: "redis ready" not in triaged.get("/-/ready").text, "not connected")
    triaged.alerts(alert("While away"))
    answer = wait_until(lambda: (a := triaged.get("/-/ready")) and "1 records wait" in a.text and a, "waits")
    assert answer.status_code == 200, "alerts are still taken in"


def test_alerts_taken_while_redis_is_away_arrive_once(tmp_path, make_triaged):
    from conftest import Redis, Store
    first = Redis(tmp_path / "own", "--appendonly", "yes", "--appendfsync", "always")
    triaged = make_triaged(redis_sock=first.sock)
    store = Store(first.client)
    triaged.alerts(alert("Before"))
    store.wait_incidents(1)
    first.stop(signal.SIGKILL)
    for n in range(50):
        triaged.alerts(alert("During", instance=f"i{n % 5}"))
    second = Redis(tmp_path / "own", "--appendonly", "yes", "--appendfsync", "always")
    store = Store(second.client)
    try:
        wait_until(lambda: sum(a["count"] for i in store.incidents() for a in i.alerts.values()) == 51,
                   lambda: str([(i["id"], i.alerts) for i in store.incidents()]), 30)
        wait_until(lambda: "0 records wait" in triaged.get("/-/ready").text, "all shipped")
    finally:
        triaged.stop()
        second.stop()


def test_starts_while_redis_is_down(tmp_path, make_triaged):
    from conftest import Redis, Store
    sock = tmp_path / "later" / "redis.sock"
    triaged = make_triaged(redis_sock=str(sock))
    triaged.alerts(alert("Early"))
    server = Redis(tmp_path / "later")
    try:
        assert Store(server.client).wait_one(lambda i: True)["state"] == "open"
    finally:
        triaged.stop()
        server.stop()


def test_stop_and_start_lose_and_repeat_nothing(triaged, store):
    triaged.alerts(alert("Kept", instance="1"))
    store.wait_incidents(1)
    triaged.restart()
    triaged.alerts(alert("Kept", instance="1"))
    wait_until(lambda: sum(a["count"] for i in store.incidents() for a in i.alerts.values()) == 2, "counted")
    triaged.kill()
    triaged.start()
    triaged.alerts(alert("Kept", instance="1"))
    wait_until(lambda: sum(a["count"] for i in store.incidents() for a in i.alerts.values()) == 3, "counted")
    assert len(store.incidents()) == 1


# ---- tokens

TOKENS = {"ingest": "send-me", "viewer": "look-at-me", "admin": "all-of-it"}


def test_tokens_and_roles(make_triaged):
    rows = ", ".join(f'{{name: {n}, role: {n}, sha256: "{hashlib.sha256(t.encode()).hexdigest()}"}}'
                     for n, t in TOKENS.items())
    triaged = make_triaged(f"auth: {{tokens: [{rows}]}}\n")

    def status(method, path, token=None, basic=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if basic:
            headers["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
        return requests.request(method, triaged.url + path, data="[]" if method == "POST" else None,
                                headers=headers, timeout=30).status_code

    assert status("GET", "/-/healthy") == 200
    assert status("POST", "/api/v2/alerts") == 401
    assert status("POST", "/api/v2/alerts", token="wrong") == 401
    assert status("POST", "/api/v2/alerts", token=TOKENS["ingest"]) == 200
    assert status("POST", "/api/v2/alerts", basic="ingest:" + TOKENS["ingest"]) == 200
    assert status("POST", "/api/v2/alerts", basic="viewer:" + TOKENS["ingest"]) == 401
    assert status("POST", "/api/v2/alerts", token=TOKENS["viewer"]) == 403
    assert status("GET", "/metrics", token=TOKENS["viewer"]) == 200
    assert status("POST", "/-/reload", token=TOKENS["viewer"]) == 403
    assert status("POST", "/-/reload", token=TOKENS["admin"]) == 200


def test_http_beyond_loopback_needs_tokens(make_triaged, tmp_path):
    triaged = make_triaged()
    open_wide = tmp_path / "open.yaml"
    open_wide.write_text('listen: {http: [{address: "0.0.0.0:0"}], syslog: [{address: "0.0.0.0:0", transport: udp}]}\n'
                         "teams: {a: {id: A}}\ndefault_team: a\n")
    done = subprocess.run([triaged.build / "src/daemon/triaged", "--check", "-c", open_wide],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "token" in done.stderr and "allow" in done.stderr


def test_two_workers_share_the_work(make_triaged, store):
    triaged = make_triaged("workers: 2\n")
    for n in range(40):
        triaged.alerts(alert("Shared", instance=f"i{n}"))  # a new connection each
    wait_until(lambda: store.incidents() and store.incidents()[0]["system_count"] == "40",
               lambda: str(store.incidents()))
    assert len(store.incidents()) == 1
    ready = triaged.get("/-/ready").text
    assert "worker 0" in ready and "worker 1" in ready


def test_grafana_webhook(triaged, store):
    triaged.post("/webhook/grafana", {
        "receiver": "triaged", "status": "firing", "orgId": 1, "groupLabels": {"alertname": "Latency"},
        "alerts": [{"status": "firing", "labels": {"alertname": "Latency", "service": "shop", "severity": "critical"},
                    "annotations": {"summary": "p99 over 2 s"}, "startsAt": "2026-01-01T00:00:00Z",
                    "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://grafana/alerting/x/view",
                    "fingerprint": "0", "dashboardURL": "http://grafana/d/x", "values": {"B": 2.1}}]})
    incident = store.wait_one(lambda i: True)
    assert incident["source"] == "grafana" and incident["title"]
    assert json.loads(json.dumps(incident.alerts))  # every alert is valid JSON


def test_a_resolve_reaches_the_incident_of_a_team_that_was_taken_out(make_triaged, store):
    """Its incidents are still worked off, so the monitor's resolve must find them."""
    triaged = make_triaged(RULE.format(name="mine"), rules=False)
    fire = {**alert("Reloaded", instance="1"), "startsAt": "2026-01-01T00:00:00Z"}
    triaged.alerts({**fire, "endsAt": "2036-01-01T00:00:00Z"})
    store.wait_one(lambda i: i["team"] == "a" and i["state"] == "open")
    triaged.write_config("teams: {b: {id: BBB}}\ndefault_team: b\n")
    assert triaged.post("/-/reload", "").status_code == 200

    def resolved():  # which teams stand in Redis is looked at now and then
        triaged.alerts({**fire, "endsAt": "2026-01-02T00:00:00Z"})
        return store.incidents("a")[0]["state"] == "resolved"

    wait_until(resolved, lambda: str(store.incidents()), 30, every=0.5)


def test_keys_that_change_at_a_restart_stay(make_triaged, store):
    triaged = make_triaged("teams: {b: {id: BBB}}\ndefault_team: b\n", rules=False)
    triaged.alerts(alert("One"))
    store.wait_incidents(1)
    triaged.write_config("teams: {b: {id: BBB}}\ndefault_team: b\nprefix: other\n")
    assert triaged.post("/-/reload", "").status_code == 200
    triaged.log_has("prefix: stays triaged until a restart; the file says other")
    triaged.alerts(alert("Two"))
    store.wait_incidents(2)
    assert not store.r.keys("other:*")


def test_a_time_before_1970_costs_no_neighbour(triaged, store):
    triaged.send_tcp(["<11>1 1960-01-01T00:00:00Z h app1 - - - from long ago",
                      "<11>1 2026-11-24T00:00:00Z h app2 - - - of today"])
    store.wait_incidents(2)
    assert triaged.metrics().get("triaged_dead_letters_total", 0) == 0


def test_an_alert_over_its_limit_costs_no_neighbour(triaged, store):
    huge = {f"a{n}": "x" * 16000 for n in range(40)}
    answer = triaged.post("/api/v2/alerts", [alert("Small"), {**alert("Huge"), "annotations": huge}])
    assert answer.status_code == 400 and "limits.alert" in answer.text
    store.wait_one(lambda i: "Small" in i["title"])
    answer = triaged.post("/webhook/alertmanager", {"version": "4", "alerts": [
        {"status": "firing", "labels": {"alertname": "Huge"}, "annotations": huge}]})
    assert answer.status_code == 200 and "limits.alert" in answer.json()["first_problem"]
    assert len(store.incidents()) == 1
