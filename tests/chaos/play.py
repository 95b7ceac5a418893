"""A short life of the daemon, told in the same order each time, for suites that let the n-th call of something fail:
alerts of every kind of sender, a verb, a record that Redis refuses, reading, Redis away, a stop, a start, a stop. Then
a last life without faults, and the check: each alert that was accepted is in Redis once, all others once or not at
all. Senders do as real ones: what was refused or not answered they try again, HTTP with tags of its own, RELP and the
verb as they were."""
import base64
import collections
import concurrent.futures
import http.client
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from harness import PLAIN_BUILD, Store, assert_clean, wait_until
from load import Ledger
from proxy import Injector
from world import CONFIG, Check, Daemon, Server

LISTEN = """listen:
  http: [{address: "127.0.0.1:0"}]
  syslog:
    - {address: "127.0.0.1:0", transport: udp}
    - {address: "127.0.0.1:0", transport: tcp}
    - {address: "127.0.0.1:0", transport: relp}
"""
EXTRA = "limits: {http_answer: 4s}\n"
PATIENCE = 30
PAD = "x" * 4000
LANES = 4  # lives at a time
NOT_UP = "did not come up"


class Wire(Injector):
    """Redis refuses the records of alerts named Dead until it has moved past them; and it can be away."""
    away = False
    refusing = True

    def __init__(self, *args):
        self.refused, self.skipped = set(), set()
        super().__init__(*args)

    def perhaps(self, command):
        words = command[:600].split(b"\r\n")[2::2]
        if words[0] != b"EVALSHA" or len(words) < 7:
            return command
        record = words[5], words[6]  # stream, seq
        if int(command[1:command.index(b"\r")]) == 8 and record in self.refused:
            self.skipped.add(record)
        elif self.refusing and b"Dead" in command and record not in self.skipped:
            self.refused.add(record)
            return self.failing("ERR BADRECORD by a test")
        return command

    def let_in(self, client):
        return not self.away

    def leave(self):
        self.away = True
        self.cut()


class Life(Daemon):
    """May refuse to start: then it says why, and starts when it is asked again."""
    refusals = ()

    def start(self):
        for _ in range(10):
            try:
                return super().start()
            except pytest.fail.Exception:
                if self.alive():
                    raise
                said = self.log()[self.log_seen:]
                assert self.popen.returncode == 1 and f"{self.directory}/spool" in said, (self.popen.returncode, said)
                self.refusals += (said,)
                self.log_file.close()
        pytest.fail("triaged does not start:\n" + self.log())


class Play:
    SPOOL = '{directory: "%s", sync: always, segment_size: 16KiB, max_size: 64KiB, retain: 1h, min_free: 1MiB}'
    REDIS_OPTIONS = ()

    def __init__(self, directory, disk=None, wire=Wire):
        self.tmp = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.disk = disk
        self.ledger, self.n = Ledger(), 0
        self.relp_left = []
        self.verbs, self.dead = [], []
        self.redis = Server(directory / "redis", *self.REDIS_OPTIONS)
        self.wire = wire(self.address(), self.redis.sock, 1)
        self.daemon = None

    # -- parts
    def address(self):
        return self.tmp / "proxy.sock"

    def redis_config(self):
        return None

    def start(self):
        if self.daemon:
            self.daemon.start()
        else:
            self.daemon = Life(self.tmp / "triaged", self.wire.path, CONFIG.format(workers=1) + EXTRA, rules=False,
                               env=self.disk and self.disk.env, spool=self.SPOOL, listen=LISTEN,
                               redis=self.redis_config())
        self.await_redis()

    def await_redis(self):
        self.until(lambda: "redis ready" in self.daemon.get("/-/ready").text, "Redis is ready")

    def until(self, condition, what):
        wait_until(condition, lambda: f"{what() if callable(what) else what}\n{self.daemon.log()[-3000:]}", PATIENCE,
                   every=0.01)

    def metric(self, name):
        return sum(v for k, v in self.daemon.metrics().items() if k == name or k.startswith(name + "{"))

    def missing(self):
        there = Check(Store(self.redis.client), []).tags()
        return [tag for tag in self.ledger.accepted if tag not in there and tag not in self.dead]

    def letters(self):
        """The payloads in the dead-letter files."""
        return [base64.b64decode(json.loads(line)["payload"]).decode("latin-1")
                for path in self.daemon.directory.glob("spool/*/dead-letter*.jsonl") for line in path.open()]

    def shipped(self):
        self.until(lambda: not self.missing(), lambda: f"all is shipped, but {self.missing()}")

    def tag(self):
        self.n += 1
        return f"p{self.n}"

    # -- senders
    def labels(self, tag, team="red", name="Chaos"):
        return {"alertname": name, "severity": "warning", "tag": tag, "team": team, "pad": PAD}

    def request(self, path, body):
        """(status, headers, text); a status of None: no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.http_port, timeout=PATIENCE)
        try:
            connection.request("POST" if body is not None else "GET", path, body and json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None, {}, ""
        finally:
            connection.close()

    def alerts(self, alerts_of, path, count=1):
        """Sends until something is accepted. Each time other tags, since the first may have been kept."""
        deadline = time.monotonic() + PATIENCE
        while True:
            tags = [self.tag() for _ in range(count)]
            status, headers, text = self.request(path, alerts_of(tags))
            if status == 200:
                self.ledger.note("accepted", tags, 200)
                return tags
            if status == 503:
                assert headers["Retry-After"], text
                nothing = "nothing was kept" in text or "send again" in text
                self.ledger.note("refused" if nothing else "unknown", tags, "503" if nothing else "503?")
            else:
                assert status is None, f"{status}: {text}"
                self.ledger.note("unknown", tags, "none")
            assert time.monotonic() < deadline, f"nothing is accepted any more: {text}\n{self.daemon.log()[-3000:]}"
            threading.Event().wait(0.02)

    def api_v2(self, count=1, **kw):
        return self.alerts(lambda tags: [{"labels": self.labels(t, **kw)} for t in tags], "/api/v2/alerts", count)

    def webhook(self, count=2):
        def body(tags):
            return {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "triaged", "groupLabels": {},
                    "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am",
                    "alerts": [{"status": "firing", "labels": self.labels(t, "blue"), "annotations": {},
                                "fingerprint": "", "startsAt": "2026-01-01T00:00:00Z",
                                "endsAt": "0001-01-01T00:00:00Z",
                                "generatorURL": "http://prometheus:9090/graph"} for t in tags]}
        return self.alerts(body, "/webhook/alertmanager", count)

    @staticmethod
    def line(tag, app):
        return f"<11>1 2026-01-01T00:00:00Z {tag} {app} - - - something broke in the middle of the night"

    def tcp(self, count=3):
        """Nobody is told, so the daemon must show that it wrote them down."""
        tags = [self.tag() for _ in range(count)]
        before = self.metric("triaged_observations_total")
        self.daemon.send_tcp([self.line(t, "tcpd") for t in tags])
        self.until(lambda: self.metric("triaged_observations_total") >= before + count, "what TCP brought is written")
        self.ledger.note("accepted", tags, "tcp")

    def relp(self, count=0):
        """Sends new messages, and first what was not acknowledged, until all are."""
        self.relp_left += [self.tag() for _ in range(count)]
        deadline = time.monotonic() + PATIENCE
        while self.relp_left:
            self.relp_session()
            assert time.monotonic() < deadline, f"not acknowledged: {self.relp_left}\n{self.daemon.log()[-3000:]}"

    def relp_session(self):
        with socket.create_connection(("127.0.0.1", self.daemon.syslog_ports[2])) as s:
            s.settimeout(5)
            try:
                offers = b"relp_version=0\nrelp_software=play,1\ncommands=syslog"
                s.sendall(b"1 open %d %s\n" % (len(offers), offers))
                waiting, number, seen = {1: None}, 1, b""
                for tag in self.relp_left:
                    number += 1
                    text = self.line(tag, "relpd").encode()
                    waiting[number] = tag
                    s.sendall(b"%d syslog %d %s\n" % (number, len(text), text))
                while waiting:
                    data = s.recv(65536)
                    if not data:
                        return
                    seen = self.relp_answers(seen + data, waiting)
                s.sendall(b"%d close 0\n" % (number + 1))
            except OSError:
                pass

    def relp_answers(self, data, waiting):
        while (head := data.split(b" ", 3)) and len(head) == 4 and len(data) > (
                size := sum(len(word) + 1 for word in head[:3]) + int(head[2])):
            tag = waiting.pop(int(head[0]), None)
            if tag is not None:
                assert head[3].startswith(b"200"), data
                self.relp_left.remove(tag)
                self.ledger.note("accepted", [tag], "relp")
            data = data[size + 1:]
        return data

    def verb(self):
        """Opens an incident; asks again under the same request id until it is answered."""
        name = f"verb{len(self.verbs)}"
        self.verbs.append(name)
        self.insist("/api/v1/incidents", self.verb_named(name))

    @staticmethod
    def verb_named(name):
        return {"title": name, "team": "red", "impact": "low", "urgency": "low", "category": "software",
                "actor": "maria", "request_id": name}

    def read(self, path):
        return self.insist(path, None)

    def insist(self, path, body):
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            status, _, text = self.request(path, body)
            if status == 200:
                return json.loads(text)
            assert status in (None, 503, 504) or "Redis refused it" in text, f"{path}: {status}: {text}"
            assert time.monotonic() < deadline, f"{path}: {status}: {text}\n{self.daemon.log()[-3000:]}"
            threading.Event().wait(0.05)

    # -- the story
    def tell(self):
        self.start()
        self.first_life()
        self.stop()
        self.wire.away = False
        self.start()
        self.second_life()
        self.stop()

    def first_life(self):
        self.api_v2(2)
        self.webhook()
        self.dead = self.api_v2(name="Dead")
        self.until(lambda: self.metric("triaged_dead_letters_total") >= 1, "the dead letter is kept")
        self.relp(3)
        self.tcp()
        self.verb()
        for _ in range(5):  # more than the spool may hold: old segments go
            self.webhook()
        self.read("/api/v1/incidents")
        self.read("/api/v1/queues")
        self.shipped()
        self.wire.leave()
        self.until(lambda: "redis ready" not in self.daemon.get("/-/ready").text, "Redis is away")
        for _ in range(3):
            self.api_v2(2, team="blue")
        self.relp(2)

    def second_life(self):
        self.relp()
        self.shipped()  # from files
        for _ in range(4):
            self.webhook()
        self.verb()
        self.tcp(1)
        self.shipped()

    def stop(self):
        said = self.daemon.log()[self.daemon.log_seen:]
        counted = self.metric("triaged_spool_write_errors_total")
        assert counted or "failed, trying again" not in said, "an error that no metric counts\n" + said
        status = self.daemon.stop()
        assert status == 0, f"{status}\n{self.daemon.log()[-3000:]}"

    # -- the end
    def last_life(self):
        """Without faults: the rest is shipped, and dead letters come back."""
        if self.disk:
            self.disk.disarm()
        self.wire.away = self.wire.refusing = False
        if not self.daemon.log_file.closed:
            self.daemon.stop()
        self.daemon.start()
        self.await_redis()
        self.relp()
        self.shipped()
        self.dead = []
        self.until(self.retry, "dead letters are taken in")
        self.shipped()
        self.stop()

    def retry(self):
        done = subprocess.run([str(PLAIN_BUILD / "src/cli/triagectl"), "spool", "retry",
                               str(self.daemon.directory / "spool"), "--url", self.daemon.url], capture_output=True,
                              text=True, timeout=60, env={"HOME": "/nowhere", "PATH": os.environ["PATH"]})
        done_with = done.returncode == 0 or "is not done again" in done.stderr  # which is a verb
        assert done_with or "send again" in done.stderr, done.stdout + done.stderr
        return done_with

    def check(self):
        assert not self.ledger.odd, self.ledger.odd
        assert_clean(self.daemon)
        check = Check(Store(self.redis.client), [str(self.ledger)])
        names = [i["title"] for i in check.incidents if i["title"].startswith("verb")]
        letters = "".join(self.letters())
        assert len(names) == len(set(names)), names
        assert set(self.verbs) - set(names) <= {v for v in self.verbs if v in letters}, (names, self.verbs)
        check.all(self.ledger.accepted, self.ledger.refused, set())

    def close(self):
        if self.daemon and not self.daemon.log_file.closed:
            self.daemon.kill()
        self.wire.stop()
        self.redis.client.close()
        self.redis.popen.kill()
        self.redis.popen.wait()
        self.redis.log_file.close()


def play_all(faults, run, kind_of):
    """run(name of a directory, fault) says what came of each fault, a few of them at a time. None may have FAILED or be
    NOT SAID, and what never came up has shown nothing."""
    outcomes, wrong = collections.Counter(), []
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        for fault, outcome in zip(faults, pool.map(run, map(str, range(len(faults))), faults)):
            said = outcome.split("\n")[0]
            outcomes[kind_of(fault), said] += 1
            if said.startswith(("FAILED", "NOT SAID")):
                wrong.append(f"{fault}: {outcome}")
                print(wrong[-1], flush=True)
    for (kind, outcome), n in sorted(outcomes.items()):
        print(f"{n:5} {kind}: {outcome}")
    assert not wrong, f"{len(wrong)} of {len(faults)}\n" + "\n".join(wrong)
    missed = sum(n for (_, outcome), n in outcomes.items() if outcome == NOT_UP)
    assert 2 * missed < len(faults), f"{missed} of {len(faults)} never came up"
