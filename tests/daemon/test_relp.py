"""RELP with an unmodified rsyslog (omrelp): what is acknowledged, and that its count and ours are the
same through stops, kill -9 whatever moment it comes at, and a Redis that is away."""
import pathlib
import subprocess
import signal
import socket
import threading

import pytest

from conftest import LONG, PLAIN_BUILD, free_port, wait_until
from peers import Rsyslogd, UnixSender
from test_syslog_senders import RULES, counted, snippet, stop_at_end, wait_counted  # noqa: F401

HERE = pathlib.Path(__file__).resolve().parent
APPS = 20  # a message that is lost and another that counts twice would have to be of the same


@pytest.fixture
def relp_port():
    return free_port()


def start_triaged(make_triaged, port, extra="", **kw):
    listen = ('listen:\n  http: [{address: "127.0.0.1:0"}]\n  syslog:\n'
              f'    - {{address: "127.0.0.1:{port}", transport: relp}}\n')
    return make_triaged(RULES + extra, rules=False, listen=listen, **kw)


def start_rsyslog(tmp_path, port, stop):
    """As documented, but with a queue in memory only. One on disk is worked off by a second thread with a
    connection of its own, and when triaged is away the two now and then send a message both."""
    text = snippet("rsyslog-relp").replace("192.0.2.10", "127.0.0.1").replace("2514", str(port))
    text = text.replace('queue.filename="triaged-relp" queue.saveOnShutdown="on"', "")
    assert "queue.filename" not in text
    return stop(Rsyslogd(tmp_path / "rsyslog", text))


class Load(threading.Thread):
    """Messages into rsyslog, some thousand a second, from the first-th on until they are enough."""

    def __init__(self, rsyslog, first, at_least):
        super().__init__()
        self.sender = UnixSender(rsyslog.socket)
        self.at, self.at_least = first, first + at_least
        self.done = threading.Event()
        self.start()

    def run(self):
        while self.at < self.at_least or not self.done.wait(.01):
            for _ in range(100):
                self.sender.send(f"<27>app-{self.at % APPS}: device {self.at} reports an error")
                self.at += 1

    def finish(self):
        """How many there are now, with those before the first."""
        self.done.set()
        self.join(120)
        assert not self.is_alive()
        return self.at


def expected(n):
    return {f"app-{i}": n // APPS for i in range(APPS)}


def surplus(found, expected_counts):
    """None while something is missing."""
    if set(found) != set(expected_counts) or any(found[a] < n for a, n in expected_counts.items()):
        return None
    return sum(found.values()) - sum(expected_counts.values())


def wait_counted_all(store, rsyslog, expected_counts, timeout=120):
    """omrelp sees that a connection broke when it sends the next message, and then sends the last
    ones again: so it is given something to send now and then."""
    sender = UnixSender(rsyslog.socket)

    def there():
        found = counted(store)
        found.pop("nudge", 0)
        if surplus(found, expected_counts) is None:
            sender.send("<30>nudge: anybody there")
            there.nudges += 1
            return False
        return True

    there.nudges = 0
    wait_until(there, lambda: f"{expected_counts}: {counted(store)}", timeout, every=1)
    return there.nudges


def resends(triaged):
    return sum(v for k, v in triaged.metrics().items() if k.startswith("triaged_relp_resends_total"))


@pytest.mark.parametrize("sig", ["kill", "stop"])
def test_counts_are_equal_through(tmp_path, make_triaged, store, relp_port, stop_at_end, sig):  # noqa: F811
    """Under load triaged is killed (or stopped) again and again: each message counts once."""
    triaged = start_triaged(make_triaged, relp_port, build=PLAIN_BUILD)
    rsyslog = start_rsyslog(tmp_path, relp_port, stop_at_end)
    sent = again = nudges = 0
    for kills in range(200 if LONG else 4):
        if kills % 4 == 0:
            nudges = expect_exactly(store, rsyslog, sent, nudges)
        before = sum(counted(store).values())
        load = Load(rsyslog, sent, 2000)
        wait_until(lambda: sum(counted(store).values()) > before, "messages arrive", 60)
        again += resends(triaged)
        if sig == "kill":
            triaged.kill()
        else:
            assert triaged.stop() == 0
        triaged.start()
        sent = load.finish()
    print(f"messages: {sent}, sent again: {again + resends(triaged)}")
    expect_exactly(store, rsyslog, sent, nudges)


def expect_exactly(store, rsyslog, n, nudges=0):
    """rsyslog's own count and ours. Returns the nudges, with those that there were before."""
    if n == 0:
        return 0
    nudges += wait_counted_all(store, rsyslog, expected(n))
    wait_until(lambda: rsyslog.submitted() == n + nudges,
               lambda: f"rsyslog took {rsyslog.submitted()}, of which nudges {nudges}")
    found = counted(store)
    found.pop("nudge", 0)
    assert found == expected(n)
    return nudges


TWO_TEAMS = """
teams: {even: {id: EVE}, odd: {id: ODD}}
default_team: even
rules:
  - name: even
    match: ['app=~"nudge|app-[0-9]*[02468]"']
    set: {category: software, team: even, impact: low, urgency: low}
    group_by: [app]
  - name: odd
    match: ['source="syslog"']
    set: {category: software, team: odd, impact: low, urgency: low}
    group_by: [app]
"""


def test_counts_are_equal_though_killed_within_a_write(tmp_path, make_triaged, store, relp_port,
                                                       stop_at_end):  # noqa: F811
    """Before, after and at three places within a write of several records."""
    library, control = tmp_path / "kill_in_write.so", tmp_path / "kill"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(library), str(HERE / "kill_in_write.c"),
                    "-ldl"], check=True)
    listen = ('listen:\n  http: [{address: "127.0.0.1:0"}]\n  syslog:\n'
              f'    - {{address: "127.0.0.1:{relp_port}", transport: relp}}\n')
    # a sanitizer's runtime must be loaded first, so the plain build
    triaged = make_triaged(TWO_TEAMS, rules=False, listen=listen, build=PLAIN_BUILD,
                           env={"LD_PRELOAD": str(library), "KILL_IN_WRITE": str(control)})
    rsyslog = start_rsyslog(tmp_path, relp_port, stop_at_end)
    sent = nudges = 0
    for quarters in [*range(5)] * (20 if LONG else 1):
        if quarters == 0:
            nudges = expect_exactly(store, rsyslog, sent, nudges)
        before = sum(counted(store).values())
        load = Load(rsyslog, sent, 0)
        wait_until(lambda: sum(counted(store).values()) > before, "messages arrive", 60)
        (tmp_path / "prepared").write_text(f"{quarters}\n")
        (tmp_path / "prepared").rename(control)
        triaged.popen.wait(30)
        triaged.kill()
        control.unlink()
        triaged.start()
        sent = load.finish()
    expect_exactly(store, rsyslog, sent, nudges)


def test_idle_sender_does_not_count_twice_after_a_restart(tmp_path, make_triaged, store, relp_port,
                                                          stop_at_end):  # noqa: F811
    """omrelp reads answers when it sends; so after a quiet hour its last messages come again."""
    triaged = start_triaged(make_triaged, relp_port)
    rsyslog = start_rsyslog(tmp_path, relp_port, stop_at_end)
    for n in range(3):
        rsyslog.log_message("-p", "daemon.err", "-t", "smartd", f"disk {n} is failing")
    wait_counted(store, {"smartd": 3})
    triaged.kill()
    triaged.start()
    rsyslog.log_message("-p", "daemon.err", "-t", "smartd", "disk 4 is failing")
    wait_counted_all(store, rsyslog, {"smartd": 4})
    assert counted(store)["smartd"] == 4


class Client:
    """The protocol by hand."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port))
        self.s.settimeout(20)
        self.txnr = 0
        self.buffer = b""
        offer = "relp_version=0\nrelp_software=test\ncommands=syslog"
        self.send("open", offer)
        self.expect(b"commands=syslog\n")

    def send(self, command, data):
        self.txnr += 1
        self.s.sendall(f"{self.txnr} {command} {len(data)} {data}\n".encode())

    def expect(self, text):
        while text not in self.buffer:
            got = self.s.recv(65536)
            assert got, self.buffer
            self.buffer += got
        self.buffer = self.buffer.split(text, 1)[1]

    def expect_silence(self, seconds):
        self.s.settimeout(seconds)
        with pytest.raises(TimeoutError):
            self.s.recv(1)
        self.s.settimeout(20)


def test_acknowledged_though_redis_is_away(tmp_path, make_triaged, store, redis_server, relp_port):
    """The promise is the spool's, so it does not wait for Redis; what was acknowledged survives."""
    triaged = start_triaged(make_triaged, relp_port)
    redis_server.popen.kill()
    redis_server.popen.wait()
    client = Client(relp_port)
    for n in range(10):
        client.send("syslog", f"<11>1 - h app-{n} - - - disk failure")
    for n in range(10):
        client.expect(f"{n + 2} rsp 6 200 OK\n".encode())
    triaged.kill()
    redis_server.__init__(redis_server.directory, *redis_server.options)
    triaged.start()
    wait_counted(store, {f"app-{n}": 1 for n in range(10)})


def test_acknowledged_though_its_cause_may_wait(make_triaged, store, redis_server, relp_port):
    """Repeats of a known cause wait while Redis is behind; those that RELP acknowledged do not."""
    n = 400
    triaged = start_triaged(make_triaged, relp_port, "", name="relp")
    client = Client(relp_port)

    client.send("syslog", "<11>1 - h known - - - disk failure")
    client.expect(b"2 rsp 6 200 OK\n")
    wait_counted(store, {"known": 1})
    redis_server.popen.send_signal(signal.SIGSTOP)
    try:
        for i in range(n):
            client.send("syslog", f"<11>1 - h app-{i} - - - disk failure")
        client.expect(f"{n + 2} rsp 6 200 OK\n".encode())
        for _ in range(10):
            client.send("syslog", "<11>1 - h known - - - disk failure")
        client.expect(f"{n + 12} rsp 6 200 OK\n".encode())
        triaged.kill()
    finally:
        redis_server.popen.send_signal(signal.SIGCONT)
    triaged.start()
    wait_counted(store, {"known": 11, **{f"app-{i}": 1 for i in range(n)}}, 60)


def test_nothing_is_acknowledged_while_the_spool_is_full(tmp_path, make_triaged, store, redis_server,
                                                         relp_port):
    triaged = start_triaged(make_triaged, relp_port,
                            spool='{directory: "%s", max_size: 64KiB, segment_size: 4KiB, min_free: 0}')
    redis_server.popen.kill()
    redis_server.popen.wait()
    client = Client(relp_port)
    sent = answered = 0
    while True:
        client.send("syslog", f"<11>1 - h app-{sent} - - - disk failure {'x' * 500}")
        sent += 1
        try:
            client.s.settimeout(2)
            client.expect(f"{sent + 1} rsp 6 200 OK\n".encode())
            answered = sent
        except TimeoutError:
            break
        assert sent < 1000
    client.expect_silence(1)  # withheld, not refused
    redis_server.__init__(redis_server.directory, *redis_server.options)
    client.expect(f"{answered + 2} rsp 6 200 OK\n".encode())
    wait_counted(store, {f"app-{n}": 1 for n in range(sent)}, 60)
    assert triaged.alive()


def test_stop_says_so(make_triaged, relp_port):
    triaged = start_triaged(make_triaged, relp_port)
    client = Client(relp_port)
    client.send("syslog", "<11>1 - h app - - - disk failure")
    client.expect(b"2 rsp 6 200 OK\n")
    assert triaged.stop() == 0
    client.expect(b"0 serverclose 0\n")
    assert client.s.recv(1) == b""
