"""Every row of the bad-input table of Alertmanager's API, and worse. Nothing of it stops the daemon."""
import json
import socket

import pytest

GOOD = {"labels": {"alertname": "Good", "severity": "warning"}}
JSON = {"Content-Type": "application/json"}

# body (or text), status, how the answer's body looks: "" empty, a number = that schema code, str = a JSON string
ROWS = [
    ("empty array", "[]", 200, ""),
    ("null", "null", 200, ""),
    ("unknown fields", json.dumps([{**GOOD, "extra": 1}]), 200, ""),
    ("no labels member", "[{}]", 422, 602),
    ("empty body", "", 422, 602),
    ("empty labels", '[{"labels":{}}]', 400, "at least one label pair required"),
    ("only empty values", '[{"labels":{"a":""}}]', 400, "at least one label pair required"),
    ("number as label value", '[{"labels":{"a":1}}]', 400, 400),
    ("object instead of array", '{"labels":{"a":"b"}}', 400, 400),
    ("broken JSON", '[{"labels":{"a":"b"}', 400, 400),
    ("bad time", '[{"labels":{"a":"b"},"startsAt":"yesterday"}]', 400, 400),
    ("number as time", '[{"labels":{"a":"b"},"startsAt":1700000000}]', 400, 400),
    ("ends before it starts", '[{"labels":{"a":"b"},"startsAt":"2026-01-02T00:00:00Z",'
     '"endsAt":"2026-01-01T00:00:00Z"}]', 400, "start time must be before end time"),
    ("generatorURL is no URL", '[{"labels":{"a":"b"},"generatorURL":"not a url"}]', 422, 601),
    ("null element", "[null]", None, None),
    ("deep nesting", "[" * 10000, 400, 400),
    ("nested labels", '[{"labels":{"a":{"b":"c"}}}]', 400, 400),
    ("NUL in a name", '[{"labels":{"a\\u0000b":"c"}}]', None, None),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    from conftest import Redis, Store, Triaged, assert_clean
    base = tmp_path_factory.mktemp("bad-input")
    server = Redis(base / "redis")
    triaged = Triaged(base / "triaged", server.sock)
    triaged.store = Store(server.client)
    yield triaged
    assert triaged.stop() == 0
    assert_clean(triaged)
    server.stop()


@pytest.mark.parametrize("body,status,form", [pytest.param(*r[1:], id=r[0]) for r in ROWS])
def test_api_v2_answers_as_alertmanager_does(daemon, body, status, form):
    answer = daemon.post("/api/v2/alerts", body, headers=JSON)
    if status is None:  # Alertmanager 0.25 itself panics or is silent here: any 4xx will do
        assert 400 <= answer.status_code < 500
    else:
        assert answer.status_code == status, answer.text
    if form == "":
        assert answer.text == ""
    elif isinstance(form, int):
        assert answer.json()["code"] == form and answer.json()["message"]
    elif isinstance(form, str):
        assert form in answer.json()
    assert daemon.get("/-/healthy").text == "OK\n"


def test_the_good_ones_of_a_mixed_batch_are_kept(daemon):
    answer = daemon.post("/api/v2/alerts", [GOOD, {"labels": {}}, {"labels": {"alertname": "Also"}}])
    assert answer.status_code == 400
    for name in ("Good", "Also"):
        daemon.store.wait_one(lambda i: any(a["labels"].get("alertname") == name
                                            for a in i.alerts.values()), name)
    assert daemon.metrics()['triaged_alerts_invalid_total{format="prometheus"}'] >= 1


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_content_type_must_be_json(daemon, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert daemon.post("/api/v2/alerts", "[]", headers=headers).status_code == 415


def test_content_type_may_have_a_charset(daemon):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert daemon.post("/api/v2/alerts", "[]", headers=headers).status_code == 200


def test_methods_and_paths(daemon):
    import requests
    assert requests.put(daemon.url + "/api/v2/alerts", data="[]", timeout=10).status_code == 405
    answer = daemon.get("/api/v2/nothing")
    assert answer.status_code == 404 and answer.json()["code"] == 404
    assert daemon.get("/nothing").json()["error"]["code"] == "not_found"
    assert daemon.post("/webhook/nobody", {}).status_code == 404
    head = requests.head(daemon.url + "/-/healthy", timeout=10)
    assert head.status_code == 200 and head.text == ""


def raw(daemon, request, timeout=10):
    """Sends bytes, returns all that comes back until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", daemon.http_port), timeout=timeout) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except (socket.timeout, ConnectionResetError):
            pass
        return answer


def test_duplicate_content_length(daemon):
    answer = raw(daemon, b"POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n[]  ")
    assert answer.startswith(b"HTTP/1.1 400")


def test_broken_request_line_and_binary(daemon):
    raw(daemon, bytes(range(256)) * 10, timeout=2)
    raw(daemon, b"GET\r\n\r\n", timeout=2)
    assert daemon.get("/-/healthy").ok


def test_body_over_the_limit(daemon):
    body = b"[" + b" " * (8 * 1024 * 1024) + b"]"
    try:
        assert daemon.post("/api/v2/alerts", body, headers=JSON).status_code == 413
    except Exception as e:  # the server may close while we still send
        assert "Connection" in type(e).__name__ or "Connection" in str(e)
    assert daemon.get("/-/healthy").ok


def test_gzip_body_is_read(daemon):
    import gzip
    body = gzip.compress(json.dumps([{"labels": {"alertname": "Zipped"}}]).encode())
    answer = daemon.post("/api/v2/alerts", body, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 200
    daemon.store.wait_one(lambda i: "Zipped" in json.dumps(i.alerts))


def test_webhook_of_no_use_is_answered_200_and_kept_aside(daemon):
    for body in ({"version": "4", "alerts": []}, {"hello": "world"}, {"alerts": [{"labels": {}}]}):
        answer = daemon.post("/webhook/alertmanager", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["quarantined"]
    from conftest import wait_until
    entries = wait_until(lambda: (e := daemon.store.r.xrange("triaged:quarantine")) and len(e) >= 3 and e,
                         "three payloads in quarantine")
    assert json.loads(entries[1][1]["body"]) == {"hello": "world"}
    assert entries[1][1]["reason"] and entries[1][1]["format"] == "alertmanager"


def test_webhook_that_is_no_json(daemon):
    answer = daemon.post("/webhook/alertmanager", "not json", headers=JSON)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "bad_payload"


SYSLOG_GARBAGE = [b"", b"\0" * 100, bytes(range(256)), b"<", b"<999>x", b"<34>1 ", b"<34>1 - - - - - [",
                  b"99999999999999 <34>x", b"<34>" + b"x" * 70000, "<34>ü\u0000".encode(), b"\xff" * 5000,
                  b"<34>1 2026-13-45T99:99:99Z h a p m - broken time"]


def test_syslog_garbage_over_udp_and_tcp(daemon):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for message in SYSLOG_GARBAGE:
            s.sendto(message[:60000], ("127.0.0.1", daemon.udp_port))
    for message in SYSLOG_GARBAGE:
        with socket.create_connection(("127.0.0.1", daemon.tcp_port)) as s:
            s.sendall(message)
    daemon.send_tcp(["<3>Nov 24 10:00:00 host-z kernel: EXT4-fs error (device sdz1): after the garbage"])
    daemon.store.wait_one(lambda i: "after the garbage" in json.dumps(i.alerts), "life after garbage")
    assert daemon.alive()
