"""The right incident in the right queue with the right priority, sent by the real programs."""
import signal

import pytest

from conftest import free_port, wait_until
from peers import Alertmanager, Prometheus, Rsyslogd, amtool, ended_now, logger


@pytest.fixture
def stop_at_end():
    started = []
    yield started.append
    for p in reversed(started):
        p.stop()


def only_queue_entry(store, incident):
    entries = [e for e in store.queued() if e["incident"] == incident["id"]]
    assert len(entries) == 1, entries
    return entries[0]


RULES = """
groups:
- name: disks
  rules:
  - alert: NodeFilesystemAlmostOutOfSpace
    expr: %s
    labels: {severity: critical, instance: "web-1:9100", job: node}
    annotations: {summary: "Filesystem almost full, value {{ $value }}"}
"""


def test_prometheus_fires_and_resolves(tmp_path, triaged, store, stop_at_end):
    """A rule that is true, then no longer: firing, then resolved by Prometheus itself."""
    prometheus = Prometheus(tmp_path / "prometheus", [f"127.0.0.1:{triaged.http_port}"],
                            RULES % "vector(1)", external_labels="{cluster: eu-1}")
    stop_at_end(prometheus)
    incident = store.wait_one(lambda i: i["state"] == "open", "an open incident", 60)
    assert incident["category"] == "hardware"
    assert incident["source"] == "prometheus"
    assert incident["systems"] == '["web-1"]'
    entry = only_queue_entry(store, incident)
    assert entry["tier"] == "tier1" and entry["priority"] == incident["priority"]
    assert entry["key"].endswith(f"queue:tier1:{incident['priority']}")
    prometheus.set_rules(RULES % "vector(1) > 1")
    resolved = store.wait_one(lambda i: i["state"] == "resolved", "resolved by Prometheus", 60)
    assert resolved["id"] == incident["id"] and resolved["unattended"] == "1"
    assert not [e for e in store.queued() if e["incident"] == incident["id"]]
    assert len(store.incidents()) == 1, "resends made no second incident"
    assert prometheus.metric("prometheus_notifications_errors_total") == 0
    wait_until(lambda: prometheus.metric("prometheus_notifications_sent_total") >= 2, "both counted as sent")


def test_alertmanager_webhook(tmp_path, triaged, store, stop_at_end):
    am = Alertmanager(tmp_path / "am", triaged.url + "/webhook/alertmanager")
    stop_at_end(am)
    am.add("alertname=HighErrorRate", "service=checkout", "severity=critical",
           "--annotation=summary=too many errors")
    incident = store.wait_one(lambda i: i["state"] == "open")
    assert incident["source"] == "alertmanager" and incident["category"] == "software"
    assert only_queue_entry(store, incident)["service"] == "checkout"
    am.add("alertname=HighErrorRate", "service=checkout", "severity=critical",
           ended_now())
    store.wait_one(lambda i: i["state"] == "resolved", "resolved through the webhook", 60)
    assert store.queued() == []


def test_alertmanager_truncated_group_does_not_resolve_what_still_fires(tmp_path, triaged, store,
                                                                        stop_at_end):
    """With max_alerts 1 the payload tells of twin a alone, and its top-level status says resolved when a
    ends; b, known from elsewhere, still fires, so the incident stays open."""
    am = Alertmanager(tmp_path / "am", triaged.url + "/webhook/alertmanager", max_alerts=1)
    stop_at_end(am)
    am.add("alertname=Twin", "instance=a", "severity=warning")
    am.add("alertname=Twin", "instance=b", "severity=warning")
    triaged.alerts({"labels": {"alertname": "Twin", "instance": "b", "severity": "warning"},
                    "endsAt": "2036-01-01T00:00:00Z"})

    def states():
        return {a["labels"]["instance"]: a["state"] for i in store.incidents() for a in i.alerts.values()}

    wait_until(lambda: states() == {"a": "firing", "b": "firing"}, lambda: str(states()), 60)
    incident, = store.incidents()
    am.add("alertname=Twin", "instance=a", "severity=warning", ended_now())
    wait_until(lambda: states().get("a") == "resolved", lambda: str(states()), 60)
    assert states()["b"] == "firing"
    assert store.incidents()[0]["state"] == "open" and store.incidents()[0]["id"] == incident["id"]
    assert [e["incident"] for e in store.queued()] == [incident["id"]]
    assert triaged.metrics()['triaged_alerts_cut_by_sender_total{format="alertmanager"}'] >= 1


def test_alertmanager_retries_through_a_phase_of_errors(tmp_path, make_triaged, store, stop_at_end):
    """triaged is away when the group is first sent; Alertmanager's retry brings the alert once."""
    port = free_port()
    listen = f'listen:\n  http: [{{address: "127.0.0.1:{port}"}}]\n'
    triaged = make_triaged(listen=listen)
    am = Alertmanager(tmp_path / "am", f"http://127.0.0.1:{port}/webhook/alertmanager")
    stop_at_end(am)
    triaged.stop()
    am.add("alertname=LateOne", "severity=warning", "instance=x")
    wait_until(lambda: "connection refused" in am.log(), "Alertmanager saw an error", 30)
    triaged.start()
    incident = store.wait_one(lambda i: True, "the retried alert", 60)
    assert incident["state"] == "open" and len(store.incidents()) == 1


def test_alertmanager_retries_through_a_phase_of_503(tmp_path, make_triaged, redis_server, store,
                                                    stop_at_end):
    """Redis hangs until the spool is full: refused alerts are kept by Alertmanager and come once."""
    triaged = make_triaged(spool='{directory: "%s", max_size: 64KiB, segment_size: 16KiB, min_free: 0}')
    wait_until(lambda: "redis ready" in triaged.get("/-/ready").text, "ready")
    redis_server.popen.send_signal(signal.SIGSTOP)
    try:
        filler = [{"labels": {"alertname": f"Filler{n}", "text": "x" * 900}} for n in range(16)]
        answer, = wait_until(lambda: (a := triaged.post("/api/v2/alerts", filler)).status_code == 503 and [a],
                            "the spool is full", 60)
        assert answer.headers["Retry-After"] and answer.json()["error"]["code"] == "spool_full"
        am = Alertmanager(tmp_path / "am", triaged.url + "/webhook/alertmanager")
        stop_at_end(am)
        am.add("alertname=Refused", "severity=critical", "instance=x")
        wait_until(lambda: "503" in am.log(), "Alertmanager was answered 503", 30)
    finally:
        redis_server.popen.send_signal(signal.SIGCONT)
    store.wait_one(lambda i: "Refused" in i["title"], "the refused alert, once there is room", 60)
    assert sum("Refused" in i["title"] for i in store.incidents()) == 1


def test_amtool_alert_add(triaged, store):
    amtool(triaged.url, "alert", "add", "alertname=ByHand", "severity=warning", "node=db-7")
    incident = store.wait_one(lambda i: True)
    assert incident["systems"] == '["db-7"]'
    assert amtool(triaged.url, "config", "show").stdout.strip() != ""
    amtool(triaged.url, "alert", "add", "alertname=ByHand", "severity=warning", "node=db-7",
           ended_now())
    store.wait_one(lambda i: i["state"] == "resolved")


DISK_ERROR = "blk_update_request: I/O error, dev sda, sector 12345 op 0x0:(READ)"


@pytest.mark.parametrize("options", [
    pytest.param(("-d",), id="udp-3164"),
    pytest.param(("-d", "--rfc5424"), id="udp-5424"),
    pytest.param(("-T", "--rfc3164"), id="tcp-3164"),
    pytest.param(("-T", "--rfc5424"), id="tcp-5424"),
    pytest.param(("-T", "--octet-count", "--rfc5424"), id="tcp-octet-count"),
])
def test_logger(triaged, store, options):
    port = triaged.udp_port if "-d" in options else triaged.tcp_port
    logger("-n", "127.0.0.1", "-P", str(port), *options, "-p", "kern.err", "-t", "kernel", DISK_ERROR)
    incident = store.wait_one(lambda i: True)
    assert incident["source"] == "syslog" and incident["category"] == "hardware"
    alert = next(iter(incident.alerts.values()))
    assert alert["labels"]["app"] == "kernel" and alert["labels"]["severity"] == "err"
    assert DISK_ERROR in alert["labels"]["message"]
    assert only_queue_entry(store, incident)["category"] == "hardware"


@pytest.mark.parametrize("template", ["RSYSLOG_SyslogProtocol23Format", "RSYSLOG_TraditionalForwardFormat"])
def test_rsyslogd_forwards_over_tcp(tmp_path, triaged, store, stop_at_end, template):
    rsyslog = Rsyslogd(tmp_path / "rsyslog",
                       f'*.* action(type="omfwd" target="127.0.0.1" port="{triaged.tcp_port}" '
                       f'protocol="tcp" template="{template}")')
    stop_at_end(rsyslog)
    for n in range(5):
        rsyslog.log_message("-p", "daemon.err", "-t", "smartd",
                            f"Device: /dev/sdb [SAT], {n + 1} Currently unreadable (pending) sectors")
    incident = store.wait_one(lambda i: i["category"] == "hardware")
    wait_until(lambda: sum(a["count"] for a in store.incidents()[0].alerts.values()) == 5,
               lambda: f"five counted: {store.incidents()[0].alerts}")
    assert len(store.incidents()) == 1, "one cause, one incident"
    assert only_queue_entry(store, incident)["title"]
