"""Ten incidents instead of ten million lines: storms make one incident each, counts exact."""
import contextlib
import json
import signal
import socket
import time

import requests

from conftest import PLAIN_BUILD, wait_until

N_LINES = 100_000


def total(incident):
    return sum(a["count"] for a in incident.alerts.values())


def test_100000_messages_of_one_cause(make_triaged, store):
    triaged = make_triaged(build=PLAIN_BUILD)
    triaged.send_tcp(f"<3>Nov 24 10:00:00 db-1 kernel: blk_update_request: I/O error, dev sda, sector {n}"
                     for n in range(N_LINES))
    wait_until(lambda: store.incidents() and total(store.incidents()[0]) == N_LINES,
               lambda: f"all counted: {[total(i) for i in store.incidents()]}", 60)
    assert len(store.incidents()) == 1
    assert len(store.queued()) == 1
    metrics = triaged.metrics()
    assert metrics['triaged_alerts_total{source="syslog",outcome="accepted"}'] == N_LINES


def test_64_alerts_a_thousand_times(make_triaged, store):
    triaged = make_triaged(build=PLAIN_BUILD)
    body = json.dumps([{"labels": {"alertname": "HostDown", "cluster": "c1", "instance": f"h{n}:9100",
                                   "severity": "warning"}} for n in range(64)])
    session = requests.Session()
    for _ in range(1000):
        answer = session.post(triaged.url + "/api/v2/alerts", data=body,
                              headers={"Content-Type": "application/json"})
        assert answer.status_code == 200
    wait_until(lambda: store.incidents() and total(store.incidents()[0]) == 64_000,
               lambda: f"all counted: {[total(i) for i in store.incidents()]}", 60)
    incident, = store.incidents()
    assert incident["system_count"] == "64" and len(incident.alerts) == 64
    assert {a["count"] for a in incident.alerts.values()} == {1000}
    entry, = store.queued()
    assert entry["system_count"] == "64"


def test_fifty_hosts_with_one_failing_disk_message(make_triaged, store):
    """DESIGN section 3: one incident with 50 affected systems, raised by blast radius."""
    triaged = make_triaged(build=PLAIN_BUILD)
    line = "<3>Nov 24 10:00:00 node-{:02d} kernel: ata1.00: failed command: READ FPDMA QUEUED"
    triaged.send_tcp([line.format(1)])
    first = store.wait_one(lambda i: True)
    triaged.send_tcp(line.format(n) for n in range(1, 51))
    incident = store.wait_one(lambda i: i["system_count"] == "50")
    assert incident["id"] == first["id"] and len(store.incidents()) == 1
    assert incident["impact"] == "high", "fifty systems: impact high"
    assert incident["priority"] < first["priority"], "raised"
    entry, = store.queued()
    assert entry["priority"] == incident["priority"] and entry["reason"] == "raised"


def word(n):
    return "".join("abcdefghij"[int(d)] for d in f"{n:04d}")


def causes(names, text="failed"):
    return [f"<27>Nov 24 10:00:00 web-1 app: component {word(n)} {text}" for n in names]


def observations(triaged):
    return triaged.metrics().get("triaged_observations_total", 0)


def test_recurring_causes_fold_though_they_are_many(make_triaged, store):
    """Thousands of causes, of which each window of 20 ms sees each only once or twice."""
    rounds, n = 20, 3000
    triaged = make_triaged(build=PLAIN_BUILD)
    triaged.send_tcp(causes(range(n)))
    store.wait_incidents(n, 60)
    before, begin = observations(triaged), time.monotonic()
    for _ in range(rounds):
        triaged.send_tcp(causes(range(n)))
    windows = (time.monotonic() - begin) / 2 + 2  # a repeat waits for 2 s at most, however slow all is
    wait_until(lambda: sum(total(i) for i in store.incidents()) == (rounds + 1) * n,
               lambda: str(sum(total(i) for i in store.incidents())), 60, every=.5)
    assert observations(triaged) - before < n * max(rounds / 3, windows)


@contextlib.contextmanager
def stuck(redis_server, triaged, store, n=400):
    """Redis does nothing, and so many records are on their way to it that triaged knows it."""
    triaged.send_tcp(causes(range(n)))
    store.wait_incidents(n, 60)
    redis_server.popen.send_signal(signal.SIGSTOP)
    try:
        before = observations(triaged)
        triaged.send_tcp(causes(range(n), "is on fire"))
        wait_until(lambda: observations(triaged) == before + n, lambda: str(observations(triaged)))
        yield
    finally:
        redis_server.popen.send_signal(signal.SIGCONT)


def test_a_new_cause_does_not_wait_with_known_ones(make_triaged, store, redis_server):
    triaged = make_triaged(build=PLAIN_BUILD)
    with stuck(redis_server, triaged, store):
        before = observations(triaged)
        triaged.send_tcp(causes([1, 2, 3] * 50) + causes([7], "is new"))
        wait_until(lambda: observations(triaged) > before, "the new one is written")
        assert observations(triaged) == before + 1, "the known ones wait"
        wait_until(lambda: observations(triaged) == before + 4, "not for ever", 10)
    wait_until(lambda: sum(total(i) for i in store.incidents()) == 400 + 400 + 150 + 1, "all counted", 60)


def test_a_stop_writes_what_waits(make_triaged, store, redis_server):
    triaged = make_triaged(build=PLAIN_BUILD)
    with stuck(redis_server, triaged, store):
        triaged.send_tcp(causes([1, 2, 3] * 50))
        triaged.popen.send_signal(signal.SIGHUP)
        triaged.send_tcp(causes([1, 2, 3] * 50))
        triaged.popen.send_signal(signal.SIGTERM)
    assert triaged.stop() == 0
    wait_until(lambda: sum(total(i) for i in store.incidents()) == 400 + 400 + 300, "all counted", 60)


def test_a_million_informational_lines_make_no_incident(make_triaged, store):
    triaged = make_triaged(build=PLAIN_BUILD)
    block = "".join(f"<30>Nov 24 10:00:00 web-{n % 50} systemd[1]: Started Session {n} of user root.\n"
                    for n in range(10_000)).encode()
    with socket.create_connection(("127.0.0.1", triaged.tcp_port)) as s:
        for _ in range(100):
            s.sendall(block)
    name = 'triaged_alerts_total{source="syslog",outcome="dropped"}'
    wait_until(lambda: triaged.metrics().get(name) == 1_000_000,
               lambda: f"a million counted: {triaged.metrics().get(name)}", 60)
    assert store.incidents() == [] and store.queued() == []


def test_last_message_repeated_counts_on_the_message_before(make_triaged, store):
    triaged = make_triaged(build=PLAIN_BUILD)
    head = "<3>Nov 24 10:00:00 db-1 "
    triaged.send_tcp([head + "kernel: EXT4-fs error (device sda1): bad block 7",
                      head + "last message repeated 41 times",
                      head.replace("db-1", "db-2") + "last message repeated 5 times",
                      head + "message repeated 8 times: [ kernel: EXT4-fs error (device sda1): bad block 9]"])
    wait_until(lambda: store.incidents() and total(store.incidents()[0]) >= 42,
               lambda: str([i.alerts for i in store.incidents()]))
    assert len(store.incidents()) <= 2 and not any("repeated" in i["title"] for i in store.incidents())
