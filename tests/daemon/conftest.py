"""Fixtures of the black-box suites: a real redis-server, a real triaged, in a directory of their own.

Every wait is a wait for a condition. Every process is stopped by its id. At the end of each test the
daemon's log is searched for sanitizer reports, so that every test is also a memory test.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time

import pytest
import redis
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "cases"
BUILD = pathlib.Path(os.environ.get("TRIAGED_BUILD", ROOT / "build"))
PLAIN_BUILD = pathlib.Path(os.environ.get("TRIAGED_PLAIN_BUILD", BUILD))
LONG = bool(os.environ.get("TRIAGED_LONG"))
WRAPPER = shlex.split(os.environ.get("TRIAGED_WRAPPER", ""))  # what triaged is run under, as valgrind
PATIENCE = int(os.environ.get("TRIAGED_PATIENCE", 1))  # waits are so many times as long
TIERS = ("tier1", "tier2", "tier3", "manager")
PRIORITIES = ("P1", "P2", "P3", "P4")


def wait_until(condition, what, timeout=20.0, every=0.02):
    """Polls condition() until it is truthy and returns it; fails with `what` after timeout seconds."""
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(every)


given_ports = set()


def free_port(kind=socket.SOCK_STREAM):
    """One that was not given before: two servers of a test must not get the same."""
    while True:
        with socket.socket(socket.AF_INET, kind) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


class Process:
    """A child process with its output in a file."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.log_path = pathlib.Path(log)
        self.log_file = open(log, "ab")
        self.popen = subprocess.Popen(argv, stdout=self.log_file, stderr=subprocess.STDOUT,
                                      stdin=subprocess.DEVNULL, env=env, cwd=cwd)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def stop(self, sig=signal.SIGTERM, timeout=30):
        if self.alive():
            self.popen.send_signal(sig)
        try:
            self.popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            pytest.fail(f"{self.popen.args[0]} did not stop:\n{self.log()[-3000:]}")
        finally:
            self.log_file.close()
        return self.popen.returncode


class Redis(Process):
    def __init__(self, directory, *options):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.sock = str(self.directory / "redis.sock")
        self.options = options
        super().__init__(["redis-server", "--port", "0", "--unixsocket", self.sock, "--dir",
                          str(self.directory), "--save", "", "--maxmemory-policy", "noeviction",
                          *options], self.directory / "redis.log")
        self.client = redis.Redis(unix_socket_path=self.sock, decode_responses=True)
        wait_until(self.answers, lambda: "redis-server answers\n" + self.log())

    def answers(self):
        try:
            return self.client.ping()
        except redis.exceptions.RedisError:
            return False


class Incident(dict):
    """An incident's hash, with its alerts."""


class Triaged(Process):
    """The daemon with a configuration of its own. `extra` is YAML text put behind the base."""

    def __init__(self, directory, redis_sock, extra="", build=BUILD, rules=True, listen=None,
                 spool="{directory: \"%s\"}", before="", env=None, redis=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.config = self.directory / "triaged.yaml"
        self.redis_sock = redis_sock
        self.redis = redis or f'{{url: "unix://{redis_sock}"}}'
        self.build = pathlib.Path(build)
        self.extra = extra
        self.listen = listen or ("listen:\n  http: [{address: \"127.0.0.1:0\"}]\n  syslog:\n"
                                 "    - {address: \"127.0.0.1:0\", transport: udp}\n"
                                 "    - {address: \"127.0.0.1:0\", transport: tcp}\n")
        self.spool = spool % (self.directory / "spool") if "%s" in spool else spool
        self.rules = rules
        self.env = {**os.environ, **(env or {})}
        self.write_config()
        self.start()

    def write_config(self, extra=None):
        if extra is not None:
            self.extra = extra
        include = f'include: ["{ROOT}/conf/rules.d/*.yaml"]\n' if self.rules else ""
        self.config.write_text(f'{self.listen}redis: {self.redis}\n'
                               f"spool: {self.spool}\n{include}{self.extra}")

    def start(self):
        log = self.directory / "triaged.log"
        seen = log.stat().st_size if log.exists() else 0
        super().__init__([*WRAPPER, str(self.build / "src/daemon/triaged"), "-c", str(self.config)], log,
                         env=self.env)
        self.log_seen = seen
        wait_until(lambda: "triaged 0" in self.log()[seen:] or not self.alive(),
                   lambda: "triaged is up\n" + self.log(), timeout=60)
        if not self.alive():
            pytest.fail("triaged did not start:\n" + self.log())
        ports = re.findall(r"listening (http|syslog) address=(\S+) port=(\d+)", self.log()[seen:])
        http = [int(p) for kind, _, p in ports if kind == "http"]
        syslog = [int(p) for kind, _, p in ports if kind == "syslog"]
        self.http_port = http[0] if http else None
        self.udp_port = syslog[0] if syslog else None
        self.syslog_ports = syslog
        self.tcp_port = syslog[1] if len(syslog) > 1 else None
        self.url = f"http://127.0.0.1:{self.http_port}"

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        self.start()

    def kill(self):
        self.popen.kill()
        self.popen.wait()
        self.log_file.close()

    # -- HTTP
    def get(self, path, **kw):
        return requests.get(self.url + path, timeout=30 * PATIENCE, **kw)

    def post(self, path, body, **kw):
        if isinstance(body, (dict, list)):
            kw.setdefault("headers", {})["Content-Type"] = "application/json"
            body = json.dumps(body)
        return requests.post(self.url + path, data=body, timeout=30 * PATIENCE, **kw)

    def alerts(self, *alerts):
        answer = self.post("/api/v2/alerts", list(alerts))
        assert (answer.status_code, answer.text) == (200, "")

    def metrics(self):
        found = {}
        for line in self.get("/metrics").text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def log_has(self, pattern, timeout=20):
        return wait_until(lambda: re.search(pattern, self.log()), lambda: f"log has {pattern}\n" +
                          self.log()[-3000:], timeout)

    # -- syslog
    def send_tcp(self, lines):
        with socket.create_connection(("127.0.0.1", self.tcp_port)) as s:
            s.sendall("".join(line + "\n" for line in lines).encode())
            s.shutdown(socket.SHUT_WR)
            s.settimeout(60)
            while s.recv(4096):
                pass

    def send_udp(self, *messages):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for m in messages:
                s.sendto(m.encode(), ("127.0.0.1", self.udp_port))


class Store:
    """What stands in Redis, as an integrator reads it."""

    def __init__(self, client, prefix="triaged"):
        self.r = client
        self.prefix = prefix

    def teams(self):
        return sorted(self.r.smembers(f"{self.prefix}:teams"))

    def incidents(self, team=None):
        found = []
        for t in [team] if team else self.teams():
            for key in self.r.keys(f"{self.prefix}:{{{t}}}:incident:*"):
                incident = Incident(self.r.hgetall(key))
                incident.alerts = {fp: json.loads(v) for fp, v in self.r.hgetall(
                    key.replace(":incident:", ":alerts:")).items()}
                found.append(incident)
        return sorted(found, key=lambda i: (i["team"], i["id"]))

    def queue(self, team, tier="tier1", priority=None):
        found = []
        for p in [priority] if priority else PRIORITIES:
            key = f"{self.prefix}:{{{team}}}:queue:{tier}:{p}"
            if self.r.exists(key):
                found += [dict(fields, entry=entry, key=key)
                          for entry, fields in self.r.xrange(key)]
        return found

    def queued(self):
        return [e for t in self.teams() for tier in TIERS for e in self.queue(t, tier)]

    def wait_incidents(self, n, timeout=30):
        return wait_until(lambda: len(self.incidents()) >= n and self.incidents(),
                          lambda: f"{n} incidents; there are {self.incidents()}", timeout)

    def wait_one(self, predicate, what="an incident", timeout=30):
        return wait_until(lambda: next((i for i in self.incidents() if predicate(i)), None),
                          lambda: f"{what}; there are {self.incidents()}", timeout)


def assert_clean(process):
    log = process.log()
    for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                 "WARNING: ThreadSanitizer"):
        assert mark not in log, log[log.index(mark) - 200:][:6000]
    found = re.search(r"^==\d+== ", log, re.M)  # valgrind -q says nothing else
    assert not found, log[found.start():][:6000]


@pytest.fixture
def redis_server(tmp_path):
    server = Redis(tmp_path / "redis", "--appendonly", "yes", "--appendfsync", "everysec")
    yield server
    server.stop()


@pytest.fixture
def store(redis_server):
    return Store(redis_server.client)


@pytest.fixture
def make_triaged(tmp_path, redis_server):
    """make_triaged(extra="", ...) starts a daemon; all are stopped and checked at the end."""
    made = []

    def make(extra="", name="triaged", **kw):
        made.append(Triaged(tmp_path / name, kw.pop("redis_sock", redis_server.sock), extra, **kw))
        return made[-1]

    yield make
    for t in made:
        if not t.log_file.closed:
            assert t.stop() == 0, t.log()[-3000:]
        assert_clean(t)


@pytest.fixture
def triaged(make_triaged):
    return make_triaged()


@pytest.fixture
def api(make_triaged):
    """A daemon with two teams and short clocks (api.py), and a responder who talks to it."""
    from api import CONFIG, FAST, Api  # which needs this file
    return Api(make_triaged(CONFIG + FAST, rules=False)).ready()


def need(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path, f"{program} is not installed (tests/run.sh installs it)"
    return path
