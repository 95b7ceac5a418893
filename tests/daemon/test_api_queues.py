"""Queues, and the next incident: one answer for each, whoever asks at once."""
import concurrent.futures
import json
import socket
import time

from api import TIME
from conftest import wait_until


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
