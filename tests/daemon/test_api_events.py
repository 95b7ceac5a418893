"""Server-sent events: none lost, none twice, resumed where one stopped."""
import concurrent.futures
import json
import socket
import threading
import time

import requests

from api import CONFIG, TIME, Api
from conftest import wait_until


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
