"""Real senders over every transport: the right counts and the right labels. What docs/SYSLOG.md tells
people to write is read out of it and tried with the program that it is for."""
import json
import os
import re
import subprocess
import textwrap

import pytest

from conftest import ROOT, BUILD, Process, free_port, need, wait_until
from peers import Haproxy, Rsyslogd, SyslogNg, loggen, logger

DOCUMENT = ROOT / "docs/SYSLOG.md"
RULES = """
teams: {ops: {id: OPS}}
default_team: ops
rules:
  - name: everything
    match: ['source="syslog"']
    set: {category: software, team: ops, impact: low, urgency: low}
    group_by: [app]
"""


def snippet(name):
    found = re.search(rf"<!-- snippet: {name} -->\n```\w*\n(.*?)```\n", DOCUMENT.read_text(), re.S)
    assert found, f"{DOCUMENT} has no snippet {name}"
    return found[1]


@pytest.fixture
def stop_at_end():
    started = []

    def add(process):
        started.append(process)
        return process

    yield add
    for p in reversed(started):
        p.stop()


def make_certificates(directory):
    """A certificate that is its own CA, made out as the document says."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "2", "-subj", "/CN=triaged.example.org", "-addext",
                    "subjectAltName=DNS:triaged.example.org,IP:127.0.0.1", "-keyout",
                    str(directory / "server.key"), "-out", str(directory / "server.pem")],
                   check=True, capture_output=True)


class Site:
    """The document's world on this machine: its addresses, ports and files are others here."""

    def __init__(self, directory):
        self.directory = directory
        make_certificates(directory)
        self.ports = {}

    def port(self, name):
        return self.ports.setdefault(name, free_port())

    def localise(self, text):
        text = re.sub(r"\b0\.0\.0\.0\b|\b192\.0\.2\.10\b", "127.0.0.1", text)
        text = text.replace("192.0.2.0/24", "127.0.0.0/8").replace("192.0.2.20", "127.0.0.1")
        for port in ("5514", "6514", "2514", "2515", "5515"):
            text = re.sub(rf"\b{port}\b", lambda m: str(self.port(m[0])), text)
        text = text.replace("bind :514", f"bind 127.0.0.1:{self.port('514')}")
        text = text.replace("/etc/ssl/certs/triaged-ca.pem", str(self.directory / "server.pem"))
        for there in ("/etc/triaged/tls", "/run/triaged", "/run/systemd/journal"):
            text = text.replace(there, str(self.directory))
        return text

    def snippet(self, name):
        return self.localise(snippet(name))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def documented(make_triaged, site):
    """triaged with the listeners of the document."""
    listen = site.snippet("listeners").replace("listen:\n", 'listen:\n  http: [{address: "127.0.0.1:0"}]\n')
    return make_triaged(RULES, rules=False, listen=listen)


def counted(store):
    """Messages by app, as they stand in Redis."""
    found = {}
    for incident in store.incidents():
        for alert in incident.alerts.values():
            app = alert["labels"].get("app", "")
            found[app] = found.get(app, 0) + alert["count"]
    return found


def wait_counted(store, expected, timeout=30):
    wait_until(lambda: counted(store) == expected,
               lambda: f"counted {expected}: counted {counted(store)}", timeout)


def labels_of(store, app):
    return next(a["labels"] for i in store.incidents() for a in i.alerts.values()
                if a["labels"].get("app") == app)


def send_some(sender):
    """The same by whatever way: two apps, three severities."""
    for n in range(20):
        sender.log_message("-p", "daemon.err", "-t", "smartd", f"Device: /dev/sdb, {n + 1} unreadable sectors")
    for n in range(5):
        sender.log_message("-p", "auth.warning", "-t", "sshd", f"Failed password for root from 10.0.0.{n}")


def expect_some(store):
    wait_counted(store, {"smartd": 20, "sshd": 5})
    smartd, sshd = labels_of(store, "smartd"), labels_of(store, "sshd")
    assert (smartd["severity"], smartd["facility"]) == ("err", "daemon")
    assert (sshd["severity"], sshd["facility"]) == ("warning", "auth")
    assert smartd["host"] == os.uname().nodename.split(".")[0] or smartd["host"] == os.uname().nodename
    assert smartd["message"].strip().startswith("Device: /dev/sdb, ")


TRANSPORTS = {"udp": ("udp", "5514"), "tcp": ("tcp", "5514"), "tls": ("tls", "6514"),
              "relp": ("relp", "2514"), "relp-tls": ("relp", "2515")}


def by_transport(triaged, site, way):
    transport, port = TRANSPORTS[way]
    return triaged.metrics().get(f'triaged_syslog_messages_total{{listener="127.0.0.1:{site.port(port)}",'
                                 f'transport="{transport}"}}', 0)


@pytest.mark.parametrize("way", ["udp", "tcp", "tls", "relp", "relp-tls"])
def test_rsyslog(site, documented, store, stop_at_end, tmp_path, way):
    rsyslog = stop_at_end(Rsyslogd(tmp_path / "rsyslog", site.snippet(f"rsyslog-{way}")))
    send_some(rsyslog)
    expect_some(store)
    assert by_transport(documented, site, way) == 25, rsyslog.log()


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
def test_syslog_ng(site, documented, store, stop_at_end, tmp_path, way):
    syslog_ng = stop_at_end(SyslogNg(tmp_path / "ng", site.snippet(f"syslog-ng-{way}")))
    send_some(syslog_ng)
    expect_some(store)
    assert by_transport(documented, site, way) == 25, syslog_ng.log()


@pytest.mark.parametrize("options", [
    pytest.param("-i -D", id="udp"), pytest.param("-i -S", id="tcp-lines"),
    pytest.param("-i -S -P", id="tcp-5424-octet-count"), pytest.param("-i -S -P -F", id="tcp-5424-lines"),
    pytest.param("-U", id="tls"), pytest.param("-U -P", id="tls-5424"),
    pytest.param("-x -D -P -F", id="unix-dgram"), pytest.param("-x -S -P -F", id="unix-stream"),
    pytest.param("-x -D", id="unix-dgram-3164"), pytest.param("-x -S", id="unix-stream-3164"),
    pytest.param("-i -S --active-connections=5", id="five-connections"),
])
def test_loggen(site, documented, store, tmp_path, options):
    """loggen writes 'prg00000' as program and 'seq: 0000000000' into the text."""
    n = 8 if "connections" in options else 40
    if "-x" in options:
        target = [str(site.directory / ("syslog.sock" if "-D" in options else "stream.sock"))]
    else:
        target = ["127.0.0.1", str(site.port("6514" if "-U" in options else "5514"))]
    connections = 5 if "connections" in options else 1
    loggen(*options.split(), "-Q", "-n", str(n), "-r", "200", "-s", "200", *target)
    wait_until(lambda: sum(counted(store).values()) == n * connections,
               lambda: f"{n * connections}: {counted(store)}")
    assert set(counted(store)) <= {f"prg{i:05}" for i in range(5)}
    labels = labels_of(store, "prg00000")
    assert labels["host"] == "localhost" and labels["severity"] == "info" and "seq: " in labels["message"]


@pytest.mark.parametrize("options", [[], ["-U"]], ids=["tcp", "before-tls"])
def test_loggen_through_a_proxy(make_triaged, site, store, options):
    """loggen plays the load balancer, too; the header is one of its ten messages, and before TLS it
    sends one more of them inside."""
    listener = '{address: "127.0.0.1:5515", transport: tcp, proxy: true}'
    if options:
        listener = ('{address: "127.0.0.1:5515", transport: tls, proxy: true, tls: {certificate: '
                    "/etc/triaged/tls/server.pem, key: /etc/triaged/tls/server.key}}")
        options = ["-U", "--proxied-tls-passthrough"]
    listen = f'listen:\n  http: [{{address: "127.0.0.1:0"}}]\n  syslog:\n    - {listener}\n'
    make_triaged(RULES, rules=False, listen=site.localise(listen))
    loggen(*(options or ["-i", "-S"]), "-H", "--proxy-src-ip=192.0.2.77", "--proxy-dst-ip=192.0.2.78",
           "-Q", "-n", "10", "-r", "100", "127.0.0.1", str(site.port("5515")))
    wait_until(lambda: counted(store).get("prg00000") == 9, lambda: f"9: {counted(store)}")


def test_haproxy(site, documented, store, stop_at_end, tmp_path):
    """The message names no host, so that the host is the address of the sender in the header."""
    stop_at_end(Haproxy(tmp_path / "haproxy", textwrap.dedent(site.snippet("haproxy")), site.port("514")))
    import socket
    with socket.create_connection(("127.0.0.1", site.port("514")), source_address=("127.0.0.7", 0)) as s:
        s.sendall(b"<11>1 - - app-without-host - - - disk failure\n")
    wait_counted(store, {"app-without-host": 1})
    assert labels_of(store, "app-without-host")["host"] == "127.0.0.7"


@pytest.mark.parametrize("options, severity", [
    pytest.param("-d -n 127.0.0.1 -P 5514 --rfc3164", "err", id="udp-3164"),
    pytest.param("-d -n 127.0.0.1 -P 5514 --rfc5424", "err", id="udp-5424"),
    pytest.param("-d -n 127.0.0.1 -P 5514 --rfc5424=notime,notq,nohost", "err", id="udp-5424-bare"),
    pytest.param("-T -n 127.0.0.1 -P 5514 --rfc3164", "err", id="tcp-3164"),
    pytest.param("-T -n 127.0.0.1 -P 5514 --rfc5424", "err", id="tcp-5424"),
    pytest.param("-T -n 127.0.0.1 -P 5514 --octet-count", "err", id="tcp-octet-count"),
    pytest.param("-T -n 127.0.0.1 -P 5514 --octet-count --rfc3164", "err", id="tcp-octet-count-3164"),
    pytest.param("-u /run/triaged/syslog.sock", "err", id="unix-dgram"),
    pytest.param("-u /run/triaged/syslog.sock --rfc5424 -i", "err", id="unix-dgram-5424-pid"),
    pytest.param("-u /run/triaged/syslog.sock --id=4711", "err", id="unix-dgram-id"),
    pytest.param("-u /run/triaged/stream.sock -T", "err", id="unix-stream"),
    pytest.param("-u /run/triaged/syslog.sock --prio-prefix", "err", id="prio-prefix"),
    pytest.param("-d -n 127.0.0.1 -P 5514 --rfc5424 --msgid ID7 --sd-id x@1 --sd-param k=\"v\\]\"", "err",
                 id="structured-data"),
])
def test_logger(site, documented, store, options, severity):
    text = "backup of /srv failed: No space left on device"
    arguments = site.localise(options).split()
    if "--prio-prefix" in arguments:
        arguments = [*arguments, "-f", str(site.directory / "prefixed")]
        (site.directory / "prefixed").write_text(f"<11>{text}\n")
    logger(*arguments, "-p", "user.err", "-t", "backup", *([] if "-f" in arguments else [text]))
    wait_counted(store, {"backup": 1})
    labels = labels_of(store, "backup")
    assert labels["severity"] == severity and labels["facility"] == "user"
    assert labels["message"].strip() == text
    assert labels.get("site") == ("local" if "syslog.sock" in options else None)


def test_logger_of_a_file(site, documented, store, tmp_path):
    lines = tmp_path / "lines"
    lines.write_text("".join(f"line {n} of a file\n" for n in range(30)))
    logger("-u", str(site.directory / "syslog.sock"), "-t", "from-file", "-p", "user.warning", "-f", str(lines))
    wait_counted(store, {"from-file": 30})


def test_documented_logger_line(site, documented, store):
    subprocess.run(site.snippet("logger"), shell=True, check=True, timeout=30)
    wait_counted(store, {"backup": 1})
    assert labels_of(store, "backup")["severity"] == "err"


JOURNALD = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d
cp "$1" /run/systemd/journald.conf.d/triaged.conf
printf '[Journal]\\nStorage=none\\nReadKMsg=no\\nAudit=no\\nRateLimitIntervalSec=0\\n' > /run/systemd/journald.conf.d/test.conf
ln -s "$2" /run/systemd/journal/syslog
/lib/systemd/systemd-journald &
journald=$!
trap 'kill $journald; wait' EXIT
until [ -S /run/systemd/journal/dev-log ]; do read -rt 0.1 <> <(:) || :; done # polls
for n in 1 2 3; do logger -u /run/systemd/journal/dev-log -p daemon.err -t smartd "Device $n is failing"; done
logger -u /run/systemd/journal/dev-log -p daemon.debug -t smartd "too mild for MaxLevelSyslog"
logger --journald <<< $'MESSAGE=a native entry\\nPRIORITY=3\\nSYSLOG_IDENTIFIER=native'
read -rt 20 < "$3" || : # until the test has counted
"""


def test_journald(site, make_triaged, store, tmp_path):
    """journald in a mount namespace of its own, since its paths are fixed."""
    if subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    listen = site.snippet("journald-listener").replace("listen:\n", 'listen:\n  http: [{address: "127.0.0.1:0"}]\n')
    make_triaged(RULES, rules=False, listen=listen)
    (tmp_path / "journald.conf").write_text(snippet("journald"))
    os.mkfifo(tmp_path / "done")
    process = Process(["unshare", "--mount", "--propagation", "private", "bash", "-c", JOURNALD, "bash",
                       str(tmp_path / "journald.conf"), str(tmp_path / "syslog"), str(tmp_path / "done")],
                      tmp_path / "journald.log")
    try:
        wait_until(lambda: counted(store) == {"smartd": 3, "native": 1},
                   lambda: f"{counted(store)}\n{process.log()}", 30)
        assert labels_of(store, "smartd")["severity"] == "err"
        assert labels_of(store, "native")["message"] == "a native entry"
    finally:
        (tmp_path / "done").write_text("done\n")
        process.popen.wait(30)
        process.log_file.close()


SAMPLES = [("core-1", "", "notice"), ("", "", "crit"), ("fw-1", "", "warning"), ("mx-1", "rpd", "warning"),
           ("", "", "alert")]


def test_sample_lines_of_network_gear(tmp_path):
    lines = snippet("samples").splitlines()
    done = subprocess.run([str(BUILD / "src/cli/triagectl"), "decode", "--now", "2026-11-24T18:15:00Z"],
                          input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(read) == len(SAMPLES) == len(lines)
    severities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
    for message, (host, app, severity) in zip(read, SAMPLES):
        got = message["severity"]
        assert (severities[got] if isinstance(got, int) else got) == severity, message
        assert not host or message["host"] == host, message
        assert not app or message["app"] == app, message
        assert not message["timestamp"] or message["timestamp"].startswith("2026-11-24T18:14:30"), message


def test_sockets_of_systemd(tmp_path, redis_server, store):
    """The listeners of the configuration take the sockets that they are passed; others are opened."""
    http, tcp, own = free_port(), free_port(), free_port()
    listen = (f'listen:\n  http: [{{address: "127.0.0.1:{http}"}}]\n  syslog:\n'
              f'    - {{address: "127.0.0.1:{tcp}", transport: tcp}}\n'
              f'    - {{address: "127.0.0.1:{own}", transport: tcp}}\n')
    (tmp_path / "triaged").mkdir()
    config = tmp_path / "triaged" / "triaged.yaml"
    config.write_text(f'{listen}redis: {{url: "unix://{redis_server.sock}"}}\n'
                      f'spool: {{directory: "{tmp_path}/spool"}}\n{RULES}')
    process = Process([need("systemd-socket-activate"), "-l", f"127.0.0.1:{http}", "-l", f"127.0.0.1:{tcp}",
                       str(BUILD / "src/daemon/triaged"), "-c", str(config)], tmp_path / "activate.log",
                      env={**os.environ})
    wait_until(lambda: "Listening on" in process.log(), process.log, 30)
    logger("-T", "-n", "127.0.0.1", "-P", str(tcp), "-p", "user.err", "-t", "early", "before the daemon ran")
    wait_counted(store, {"early": 1}, 60)
    logger("-T", "-n", "127.0.0.1", "-P", str(own), "-p", "user.err", "-t", "own", "its own socket")
    wait_counted(store, {"early": 1, "own": 1})
    fds = {os.readlink(f"/proc/{process.popen.pid}/fd/{fd}") for fd in (3, 4)}
    assert all(fd.startswith("socket:") for fd in fds), fds
    assert process.stop() == 0, process.log()
