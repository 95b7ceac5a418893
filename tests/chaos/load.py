"""A load of alerts, each with a tag of its own, and what the senders were told about each.

accepted  the request was answered 2xx, or (syslog) its stream was closed in good order by a daemon
          that lived
refused   answered 503 before anything was kept
unknown   no answer, or the connection broke
"""
import http.client
import json
import random
import socket
import threading

from harness import PATIENCE, wait_until

GROUPS = 36


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.accepted, self.refused, self.unknown = set(), set(), set()
        self.answers = {}   # status -> requests
        self.odd = []       # answers that nobody should get

    def note(self, outcome, tags, status=None):
        with self.lock:
            getattr(self, outcome).update(tags)
            self.answers[status] = self.answers.get(status, 0) + 1

    def total(self):
        return len(self.accepted) + len(self.refused) + len(self.unknown)

    def __str__(self):
        return (f"{len(self.accepted)} accepted, {len(self.refused)} refused, {len(self.unknown)} unknown; "
                f"requests by answer {self.answers}")


class Sender(threading.Thread):
    """Sends until told to stop. `where()` is asked before each connection."""

    def __init__(self, load, index):
        super().__init__(daemon=True)
        self.load, self.index = load, index
        self.rng = random.Random(load.seed * 1000 + index)
        self.n = 0
        self.error = None

    def tag(self):
        self.n += 1
        return f"{self.load.name}{self.index}x{self.n}"

    def run(self):
        try:
            while not self.load.stopping.is_set():
                self.load.running.wait()
                if not self.load.stopping.is_set():
                    self.turn()
                self.load.stopping.wait(self.load.pause * self.rng.random() * 2)
            self.end()
        except Exception as e:  # a bug of the test must not look like silence
            self.error = e
            raise

    def end(self):
        pass


class HttpSender(Sender):
    connection = None

    def labels(self, tag):
        group = self.rng.randrange(GROUPS)
        return {"alertname": f"Chaos{group}", "severity": "warning", "tag": tag,
                "team": ("red", "blue")[group % 2], "instance": f"host{group % 9}:9100"}

    def turn(self):
        tags = [self.tag() for _ in range(self.rng.choice((1, 1, 1, 2, 5, 20, 80)))]
        path, body = self.request([self.labels(t) for t in tags])
        self.load.ledger_add(tags)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.load.target().http_port,
                                                             timeout=40 * PATIENCE)
            self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.drop()
            self.load.ledger.note("unknown", tags, "none")
            self.load.stopping.wait(0.02)
            return
        self.judge(tags, answer, text)

    def judge(self, tags, answer, text):
        ledger = self.load.ledger
        if answer.status == 200:
            ledger.note("accepted", tags, 200)
        elif answer.status == 503:
            if not answer.getheader("Retry-After"):
                ledger.odd.append(f"503 without Retry-After: {text}")
            kept_nothing = "nothing was kept" in text or "send again" in text
            ledger.note("refused" if kept_nothing else "unknown", tags, "503" if kept_nothing else "503?")
            self.load.stopping.wait(0.05)
        else:
            ledger.odd.append(f"{answer.status}: {text[:300]}")
            ledger.note("unknown", tags, answer.status)
        if answer.getheader("Connection", "").lower() == "close":
            self.drop()

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def end(self):
        self.drop()


class ApiV2Sender(HttpSender):
    def request(self, labels):
        return "/api/v2/alerts", [{"labels": l, "annotations": {"summary": "made by a test"},
                                   "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2096-01-01T00:00:00Z"}
                                  for l in labels]


class WebhookSender(HttpSender):
    def request(self, labels):
        return "/webhook/alertmanager", {
            "version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "triaged",
            "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am",
            "alerts": [{"status": "firing", "labels": l, "annotations": {}, "fingerprint": "",
                        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
                        "generatorURL": "http://prometheus:9090/graph"} for l in labels]}


class SyslogSender(Sender):
    """RFC 5424 over TCP, some hundreds of messages a connection, then a close in good order. The tag
    is the host, which makes an alert of its own."""
    sock = None

    def turn(self):
        tags = []
        try:
            s = socket.create_connection(("127.0.0.1", self.load.target().tcp_port), timeout=60 * PATIENCE)
        except OSError:
            self.load.stopping.wait(0.02)
            return
        try:
            life = self.load.target().life
            with s:
                for _ in range(self.rng.randrange(1, 6)):
                    new = [self.tag() for _ in range(self.rng.randrange(1, 40))]
                    self.load.ledger_add(new)
                    tags += new
                    s.sendall("".join(self.line(t) for t in new).encode())
                    self.load.stopping.wait(self.load.pause * self.rng.random())
                s.shutdown(socket.SHUT_WR)
                s.settimeout(60 * PATIENCE)
                while s.recv(4096):
                    pass
        except OSError:
            self.load.ledger.note("unknown", tags, "syslog broken")
            return
        # Closed in good order means read, not written down: only a daemon that goes on does that.
        self.load.syslog_sent.append((life, tags))

    def line(self, tag):
        group = self.rng.randrange(GROUPS)
        return (f"<11>1 2026-01-01T00:00:00Z {tag} chaosd{group} - - - "
                f"something broke in the middle of the night\n")


ANSWERED = (WebhookSender, ApiV2Sender)  # each knows of each alert whether it was accepted


class Load:
    KINDS = (WebhookSender, ApiV2Sender, SyslogSender)

    def __init__(self, seed, target, senders=6, pause=0.04, name="t", kinds=KINDS):
        self.seed, self.target, self.pause, self.name = seed, target, pause, name
        self.ledger = Ledger()
        self.stopping, self.running = threading.Event(), threading.Event()
        self.running.set()
        self.syslog_sent = []
        self.sent_lock = threading.Lock()
        self.sent = 0
        self.senders = [kinds[i % len(kinds)](self, i) for i in range(senders)]

    def ledger_add(self, tags):
        with self.sent_lock:
            self.sent += len(tags)

    def start(self):
        for s in self.senders:
            s.start()
        return self

    def hold(self):
        self.running.clear()

    def quiet(self):
        """Holds, and waits until everybody has the answer to what was under way (no syslog: it has none)."""
        self.hold()
        wait_until(lambda: self.ledger.total() == self.sent, lambda: f"{self.sent} answered: {self.ledger}", 60)

    def go_on(self):
        self.running.set()

    def wait_sent(self, n, timeout=60):
        """Waits until n more alerts were sent."""
        want = self.sent + n
        wait_until(lambda: self.sent >= want, lambda: f"{n} more alerts sent; {want - self.sent} are missing",
                   timeout)

    def stop(self):
        self.stopping.set()
        self.running.set()
        for s in self.senders:
            if s.ident:
                s.join(120 * PATIENCE)
                assert not s.is_alive(), "a sender hangs"
                assert s.error is None, s.error
        return self.ledger

    def settle_syslog(self, life):
        """What was sent to a daemon that still lives was accepted; all else is unknown."""
        for sent_to, tags in self.syslog_sent:
            self.ledger.note("accepted" if sent_to == life else "unknown", tags, "syslog closed")
        self.syslog_sent = []
