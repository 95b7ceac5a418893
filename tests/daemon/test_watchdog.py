"""Our own beat to somewhere else (watchdog_url), at a real HTTP server: it comes while all is well, and
stops when deadlines are not worked off or an incident has none."""
import http.server
import os
import signal
import ssl
import subprocess
import threading
import time

import pytest

from api import CONFIG, FAST, Api
from conftest import LONG, Redis, need, wait_until


class Deadman:
    """Counts the calls it gets; answers with `status`, after `hold` is set."""

    def __init__(self, tls=None, status=200):
        self.calls, self.at, self.status, self.hold = [], [], status, None
        deadman = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                deadman.at.append(time.monotonic())
                deadman.calls.append((self.path, self.headers.get("User-Agent", "")))
                if deadman.hold:
                    deadman.hold.wait(30)
                try:
                    self.send_response(deadman.status)
                    if deadman.status == 302:
                        self.send_header("Location", "/elsewhere")
                        deadman.status = 200
                    self.end_headers()
                    self.wfile.write(b"OK")
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.url = f'{"https" if tls else "http"}://127.0.0.1:{self.server.server_port}/ping'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_more(self, n=1, timeout=30):
        seen = len(self.calls)
        wait_until(lambda: len(self.calls) >= seen + n, lambda: f"{n} more beats; {len(self.calls)}", timeout)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def deadman():
    made = []

    def make(**kw):
        made.append(Deadman(**kw))
        return made[-1]

    yield make
    for d in made:
        d.close()


def configured(url, more=""):
    return CONFIG + FAST + f'watchdog_url: "{url}"\nwatchdog_every: 1s\n' + more


def beats(triaged, result):
    return triaged.metrics().get(f'triaged_watchdog_beats_total{{result="{result}"}}', 0)


def withheld(triaged, deadman, why):
    """The log says why; from then on no beat comes though they are due."""
    triaged.log_has(why, 60)
    wait_until(lambda: beats(triaged, "withheld") >= 1, "counted")
    came, before = len(deadman.calls), beats(triaged, "withheld")
    wait_until(lambda: beats(triaged, "withheld") > before, "a beat was due")
    assert len(deadman.calls) == came


def test_beats_come_and_stop_when_an_incident_has_no_deadline(make_triaged, deadman, store):
    d = deadman()
    api = Api(make_triaged(configured(d.url), rules=False)).ready()
    d.wait_more(2)
    assert d.calls[0][0] == "/ping" and d.calls[0][1].startswith("triaged/")
    ids = [api.open(f"n{n}", impact="high", urgency="high", team=t)["id"] for n in range(3) for t in ("net", "pay")]
    api.verb(ids[0], "acknowledge")
    api.verb(ids[1], "resolve", resolution="x")
    quiet = api.open("by hand, taken, nothing due", impact="low", urgency="low")["id"]
    api.verb(quiet, "acknowledge")
    d.wait_more(2)  # the first may have been on its way
    base, lost = "triaged:{net}:", ids[2]
    (member, score), = [(m, s) for m, s in store.r.zrange(base + "deadlines", 0, -1, withscores=True)
                        if m.startswith(lost + "/")]
    # gone; moved away; never made
    store.r.zrem(base + "deadlines", member)
    withheld(api.t, d, f"1 open incidents have no valid next deadline: {lost} has no deadline of its")
    assert api.t.metrics()["triaged_incidents_without_deadline"] == 1
    store.r.zadd(base + "deadlines", {member: score + 10**12})
    withheld(api.t, d, "have no valid next deadline")
    store.r.zadd(base + "deadlines", {member: score})
    d.wait_more()
    clocks = store.r.hget(base + "incident:" + lost, "clocks")
    store.r.hset(base + "incident:" + lost, "clocks", "")
    withheld(api.t, d, f"{lost} has no acknowledge clock")
    store.r.hset(base + "incident:" + lost, "clocks", clocks)
    d.wait_more()
    wait_until(lambda: api.t.log().count("beats are sent") == 3, "told")
    assert api.t.metrics()["triaged_incidents_without_deadline"] == 0
    assert api.t.log().count("no beats: ") == 2, "a line for each change, not for each beat"
    assert api.t.log().count("beats are sent to watchdog_url") == 3
    assert d.url not in api.t.log(), "the URL may be a secret"


def test_a_long_walk_does_not_make_beats_rare(make_triaged, deadman, store):
    """4000 incidents take 2 s to look at: that is no time on top of watchdog_every."""
    pipe = store.r.pipeline()
    for n in range(4000):
        id = f"NET-{10000 + n}"
        pipe.hset("triaged:{net}:incident:" + id, mapping={"id": id, "state": "resolved", "priority": "P4"})
        pipe.zadd("triaged:{net}:board", {id: 8 * 10**13 + n})
    pipe.execute()
    d = deadman()
    make_triaged(configured(d.url).replace("watchdog_every: 1s", "watchdog_every: 2s"), rules=False)
    wait_until(lambda: len(d.at) >= 3, "three beats", 60)
    assert d.at[2] - d.at[0] < 6.5, "two times two seconds, not two times four"


def test_beats_stop_while_redis_is_gone(make_triaged, deadman, tmp_path):
    d = deadman()
    server = Redis(tmp_path / "other-redis")
    triaged = make_triaged(configured(d.url), rules=False, redis_sock=server.sock)
    d.wait_more()
    server.stop()
    withheld(triaged, d, "no beats: ")
    server = Redis(tmp_path / "other-redis")
    d.wait_more(timeout=60)
    assert triaged.stop() == 0
    server.stop()


@pytest.mark.skipif(not LONG, reason="15 s until a tick is missed")
def test_beats_stop_while_redis_is_paused(make_triaged, deadman, redis_server):
    d = deadman()
    triaged = make_triaged(configured(d.url), rules=False)
    d.wait_more()
    os.kill(redis_server.popen.pid, signal.SIGSTOP)
    try:
        triaged.log_has("no beats: deadlines are not worked off", 60)
        came = len(d.calls)
        assert triaged.get("/-/healthy").status_code == 200
        assert len(d.calls) == came
    finally:
        os.kill(redis_server.popen.pid, signal.SIGCONT)
    d.wait_more(timeout=60)


def test_a_server_that_fails_or_hangs_holds_up_nobody(make_triaged, deadman):
    d = deadman(status=503)
    triaged = make_triaged(configured(d.url, "watchdog_timeout: 500ms\n"), rules=False)
    triaged.log_has("watchdog_url does not take our beat: answered with status 503")
    d.status = 302
    triaged.log_has("beats are sent to watchdog_url every 1 s")
    assert "/elsewhere" in [path for path, _ in d.calls]
    wait_until(lambda: triaged.metrics()["triaged_watchdog_last_beat_timestamp_seconds"] > time.time() - 60, "kept")
    d.hold = threading.Event()
    triaged.log_has("does not take our beat: .*[Tt]imed? ?out")
    ticks = 'triaged_ticks_total{result="ok"}'
    before = triaged.metrics()[ticks]
    wait_until(lambda: triaged.metrics()[ticks] > before, "the tick goes on")
    d.wait_more(1)
    begun = time.monotonic()
    assert triaged.stop() == 0  # while a beat hangs
    assert time.monotonic() - begun < 10
    d.hold.set()
    assert beats_in_log(triaged) == (2, 1)


def beats_in_log(triaged):
    return triaged.log().count("does not take our beat"), triaged.log().count("beats are sent")


def test_https_is_checked(make_triaged, deadman, tmp_path):
    pem = tmp_path / "deadman.pem"
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-subj", "/CN=deadman", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                    "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")], check=True, capture_output=True)
    pem.write_text((tmp_path / "key").read_text() + (tmp_path / "cert").read_text())
    d = deadman(tls=str(pem))
    triaged = make_triaged(configured(d.url), rules=False)
    triaged.log_has("watchdog_url does not take our beat: .*certificate")
    assert d.calls == []
    triaged.write_config(configured(d.url, f'watchdog_ca: "{tmp_path}/cert"\n'))
    assert triaged.post("/-/reload", "").status_code == 200
    d.wait_more()
    triaged.write_config(CONFIG + FAST)
    assert triaged.post("/-/reload", "").status_code == 200
    wait_until(lambda: beats(triaged, "sent") == len(d.calls), "the last one is counted")
    came = len(d.calls)
    before = triaged.metrics()['triaged_ticks_total{result="ok"}']
    wait_until(lambda: triaged.metrics()['triaged_ticks_total{result="ok"}'] > before + 4, "two seconds went by")
    assert len(d.calls) <= came + 1, "taken out of the configuration"
