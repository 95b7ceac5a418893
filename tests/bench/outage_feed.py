"""The load of bench_outage.py: known alerts over a few keep-alive connections, with a ledger.

Each connection has alerts of its own and posts them in turn, one request at a time, so that what was
said last of each is known. Most fire on; of the last block of each connection every alert fires or
is over by lot, drawn anew every tenth time.
"""
import json
import selectors
import socket
import time

from common import rfc3339

BLOCK = 64  # alerts a request
ALERTS_PER_INCIDENT = 10
DRAW_EVERY = 10


def request(alerts):
    body = json.dumps(alerts).encode()
    return (b"POST /api/v2/alerts HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body


class Alert:
    """What was said of one alert: what last, and how often what counts: all but a resolve of what is over."""

    def __init__(self, incident, number, start):
        self.instance = f"10.{number // 62500}.{number // 250 % 250}.{number % 250}:9100"
        self.labels = {"alertname": f"HighLatency{incident % 40}", "cluster": "eu-1", "namespace": f"ns{incident % 20}",
                       "service": f"svc{incident}", "instance": self.instance, "job": "node",
                       "severity": ("critical", "warning", "info")[incident % 3]}
        self.start, self.resolved, self.before, self.counted = start, False, False, 0

    def sent(self):
        self.counted += not (self.resolved and self.before)
        self.before = self.resolved

    def json(self, end):
        return {"labels": self.labels, "startsAt": rfc3339(self.start), "endsAt": rfc3339(end),
                "annotations": {"summary": f"latency of {self.labels['service']} is above its objective",
                                "description": "The 99th percentile has been above 2 s for 10 minutes. " * 2},
                "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=histogram_quantile"}


class Connection:
    def __init__(self, port, alerts, rng, lasting):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rng, self.turn = rng, 0
        self.blocks = [alerts[i:i + BLOCK] for i in range(0, len(alerts), BLOCK)]
        self.requests = [request([a.json(lasting) for a in block]) for block in self.blocks]
        self.lasting, self.rest = lasting, b""

    def drawn(self, block, now):
        said = []
        for a in block:
            resolved = self.rng.random() < 0.5
            if a.resolved and not resolved:
                a.start = now
            a.resolved = resolved
            said.append(a.json(now if resolved else self.lasting))
        return request(said)

    def send(self, draw):
        rounds, which = divmod(self.turn, len(self.blocks))
        block = self.blocks[which]
        self.turn += 1
        if draw and rounds % DRAW_EVERY == 1 and which == len(self.blocks) - 1:
            self.requests[which] = self.drawn(block, time.time())
        self.sock.sendall(self.requests[which])
        for a in block:
            a.sent()
        return len(block)

    def answer(self):
        """True when a whole 200 has come, False while it has not."""
        self.rest += self.sock.recv(65536)
        if not self.rest.endswith(b"\r\n\r\n"):  # these answers have no body
            return False
        assert self.rest.startswith(b"HTTP/1.1 200") and self.rest.count(b"HTTP/1.1 ") == 1, self.rest
        self.rest = b""
        return True


class Feed:
    def __init__(self, port, incidents, rng, connections=16, scattered=False):
        """scattered: each request has alerts of 64 incidents; else of six or seven, as a rule's are."""
        now, total = time.time(), incidents * ALERTS_PER_INCIDENT
        alerts = [Alert(n % incidents if scattered else n // ALERTS_PER_INCIDENT, n, now) for n in range(total)]
        share = -(-total // connections)
        self.alerts = alerts
        self.connections = [Connection(port, alerts[i:i + share], rng, now + 86400) for i in range(0, total, share)]

    def run(self, volume, draw=True):
        """Sends `volume` alerts or a few more; returns (alerts, seconds)."""
        begin, sent = time.monotonic(), 0
        with selectors.DefaultSelector() as ready:
            for c in self.connections:
                ready.register(c.sock, selectors.EVENT_READ, c)
                sent += c.send(draw)
            while ready.get_map():
                for key, _ in ready.select():
                    c = key.data
                    if not c.answer():
                        continue
                    if sent < volume:
                        sent += c.send(draw)
                    else:
                        ready.unregister(c.sock)
        return sent, time.monotonic() - begin

    def each_once(self):
        """Every alert fires once: then all are known."""
        sent = 0
        for c in self.connections:
            for _ in c.blocks:
                sent += c.send(False)
                while not c.answer():
                    pass
        return sent
