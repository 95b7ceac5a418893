"""TLS to Redis, with Debian's redis-server: what is accepted, what is refused and what is said then."""
import re
import shutil
import signal
import subprocess

import pytest

from certificates import Authority
from conftest import BUILD, Process, Redis, Store, Triaged, assert_clean, free_port, need, wait_until

ALERT = {"labels": {"alertname": "A", "instance": "db1"}}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(ca):
    return ca.issue("good", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def run(tmp_path):
    """run(ca, certificate, url="rediss://…{port}", tls="…", clients=…) starts both; all are stopped at the end."""
    made = []

    def start(ca, certificate, url="rediss://localhost:{port}/0", tls="", clients="no"):
        port = free_port()
        server = Redis(tmp_path / "redis", *ca.redis_options(port, certificate, clients))
        made.append(server)
        section = f"url: \"{url.format(port=port)}\"" + (f", tls: {{{tls}}}" if tls else "")
        daemon = Triaged(tmp_path / "triaged", server.sock, redis=f"{{{section}}}")
        made.append(daemon)
        return server, daemon

    yield start
    for process in reversed(made):
        if not process.log_file.closed:
            assert process.stop() == 0, process.log()[-3000:]
        assert_clean(process)


def is_ready(daemon):
    return "redis ready" in daemon.get("/-/ready").text


def shows_incident(server, daemon):
    """From a sender to Redis and back through the API."""
    wait_until(lambda: is_ready(daemon), lambda: "ready\n" + daemon.log()[-2000:])
    daemon.alerts(ALERT)
    incident = Store(server.client).wait_incidents(1)[0]
    wait_until(lambda: daemon.get(f"/api/v1/incidents/{incident['id']}").ok, "the API has it")


def test_every_connection_speaks_tls(run, ca, good):
    server, daemon = run(ca, good, tls=f'ca: "{ca.ca}"')
    shows_incident(server, daemon)
    names = ("triaged-worker-0", "triaged-ticker", "triaged-metrics")
    wait_until(lambda: all(daemon.metrics()[f'triaged_redis_connected{{name="{n}"}}'] == 1 for n in names), "all there")
    ours = {c["name"]: c["laddr"] for c in server.client.client_list() if c["name"].startswith("triaged")}
    assert set(ours) == set(names) and all(a.startswith("127.0.0.1:") for a in ours.values())
    assert re.search(r"ready redis rediss://localhost:\d+/0 ", daemon.log())


@pytest.mark.parametrize("what, says", [
    ("another CA", "its certificate is not trusted: no CA that we trust has issued it: "),
    ("the system's CAs", "its certificate is not trusted: no CA that we trust has issued it: "),
    ("another name", r"its certificate is not for localhost but for other.example, \*.more.example"),
    ("another address", "its certificate is not for 127.0.0.1 but for localhost, 127.0.0.2"),
    ("a name in CN only", r"its certificate is not for localhost but for nobody \(it has no subjectAltName\)"),
    ("an old certificate", "its certificate is not trusted: certificate has expired"),
    ("another server_name", "its certificate is not for redis.example but for localhost, 127.0.0.1"),
    ("no client certificate", "TLS: it wants a client certificate"),
    ("an unknown client certificate", "TLS: it does not trust our certificate"),
    ("no TLS there", r"no TLS handshake within 5000 ms; does it speak TLS there\?"),
])
def test_refused(run, ca, good, tmp_path, what, says):
    """Nothing is sent in the clear, alerts are taken in, and the log and /-/ready say which check failed."""
    url, tls, certificate, clients = "rediss://localhost:{port}", f'ca: "{ca.ca}"', good, "no"
    if what == "another CA":
        tls = f'ca: "{Authority(tmp_path / "other").ca}"'
    elif what == "the system's CAs":
        tls = ""
    elif what == "another name":
        certificate = ca.issue("other", "DNS:other.example,DNS:*.more.example")
    elif what == "another address":
        url, certificate = "rediss://127.0.0.1:{port}", ca.issue("host", "DNS:localhost,IP:127.0.0.2")
    elif what == "a name in CN only":
        certificate = ca.issue("cn", "")
    elif what == "an old certificate":
        certificate = ca.issue("old", days=-1)
    elif what == "another server_name":
        tls += ", server_name: redis.example"
    elif what == "no client certificate":
        clients = "yes"
    elif what == "an unknown client certificate":
        pem, key = Authority(tmp_path / "other").issue("client")
        clients, tls = "yes", f'{tls}, certificate: "{pem}", key: "{key}"'
    plain = Redis(tmp_path / "plain", "--port", str(free_port())) if what == "no TLS there" else None
    if plain:
        url = f"rediss://localhost:{plain.client.config_get('port')['port']}"
    server, daemon = run(ca, certificate, url, tls, clients)
    daemon.log_has(r"triaged-worker-0: cannot use redis rediss://\S+: " + says)
    ready = wait_until(lambda: re.search(says, daemon.get("/-/ready").text), lambda: daemon.get("/-/ready").text)
    assert ready
    daemon.alerts(ALERT)
    for redis in (server, plain):
        assert not redis or redis.client.dbsize() == 0
    if plain:
        plain.stop()


def test_client_certificate(run, ca, good):
    """Certificate and key in one file, too."""
    pem, key = ca.issue("client")
    both = pem.with_name("both.pem")
    both.write_text(pem.read_text() + key.read_text())
    server, daemon = run(ca, good, tls=f'ca: "{ca.ca}", certificate: "{both}"', clients="yes")
    shows_incident(server, daemon)


@pytest.mark.parametrize("name", ["a.redis.example", "*.redis.example"])
def test_server_name(run, ca, name):
    server, daemon = run(ca, ca.issue("named", f"DNS:{name}"), "rediss://127.0.0.1:{port}",
                         f'ca: "{ca.ca}", server_name: a.redis.example')
    shows_incident(server, daemon)


def test_a_renewed_certificate_needs_no_restart(run, ca, good, tmp_path):
    """Redis comes back with a certificate of another CA; the file of CAs is replaced before or after."""
    file = tmp_path / "trusted.pem"
    shutil.copy(ca.ca, file)
    server, daemon = run(ca, good, tls=f'ca: "{file}"')
    shows_incident(server, daemon)
    server.stop(signal.SIGKILL)
    other = Authority(tmp_path / "renewed")
    certificate = other.issue("renewed")
    server = Redis(server.directory, *other.redis_options(server.options[1], certificate))
    daemon.log_has("its certificate is not trusted")
    daemon.alerts(ALERT)
    assert server.client.dbsize() == 0
    shutil.copy(other.ca, file)
    wait_until(lambda: is_ready(daemon), lambda: "ready again\n" + daemon.log()[-2000:], 30)
    Store(server.client).wait_incidents(1)
    server.stop()


def test_login_and_large_records(run, ca, good):
    """A database, a user with a password, and records of many TLS frames both ways."""
    server, daemon = run(ca, good, "rediss://triaged:se%40cret@localhost:{port}/3", f'ca: "{ca.ca}"')
    daemon.log_has("AUTH: WRONGPASS")
    server.client.execute_command("ACL SETUSER triaged on >se@cret ~* &* +@all")
    wait_until(lambda: is_ready(daemon), "logged in", 30)
    text = "x" * 60000
    daemon.alerts(*({"labels": {"alertname": f"A{n}"}, "annotations": {"description": text}} for n in range(60)))
    server.client.select(3)
    wait_until(lambda: len(server.client.keys("triaged:*:incident:*")) == 60, "all there", 30)
    answer = wait_until(lambda: daemon.get("/api/v1/incidents?limit=100").json(), "a page")
    assert len(answer["incidents"]) == 60


def test_sentinel(ca, good, tmp_path):
    """Sentinel and master speak TLS alone; the master's address is the one that its sentinel gives."""
    port, sentinel_port = free_port(), free_port()
    options = ca.redis_options(port, good)
    server = Redis(tmp_path / "redis", *options, "--tls-replication", "yes")
    directory = tmp_path / "sentinel"
    directory.mkdir()
    config = directory / "sentinel.conf"
    pem, key = good
    config.write_text(f"port 0\ntls-port {sentinel_port}\ntls-cert-file {pem}\ntls-key-file {key}\n"
                      f"tls-ca-cert-file {ca.ca}\ntls-auth-clients no\ntls-replication yes\ndir {directory}\n"
                      f"sentinel monitor mine 127.0.0.1 {port} 1\n")
    sentinel = Process([need("redis-server"), str(config), "--sentinel"], directory / "sentinel.log")
    daemon = Triaged(tmp_path / "triaged", server.sock,
                     redis=f'{{url: "rediss+sentinel://localhost:{sentinel_port}/mine", tls: {{ca: "{ca.ca}"}}}}')
    try:
        shows_incident(server, daemon)
        assert f"ready redis rediss+sentinel://localhost:{sentinel_port}" in daemon.log()
    finally:
        assert daemon.stop() == 0
        sentinel.stop()
        server.stop()
    assert_clean(daemon)


@pytest.mark.parametrize("section, says", [
    ('url: "rediss://h", tls: {ca: "/nowhere/ca.pem"}',
     r"triaged.yaml:1:\d+: redis.tls: /nowhere/ca.pem: cannot read the CAs: No such file or directory"),
    ('url: "rediss://h", tls: {ca: "triaged.yaml"}', r"redis.tls: \S+/triaged.yaml: cannot read the CAs: "),
    ('url: "rediss://h", tls: {certificate: "/nowhere/c.pem"}',
     "redis.tls: /nowhere/c.pem: cannot read the certificate: No such file or directory"),
    ('url: "rediss://h", tls: {key: "/nowhere/k.pem"}', "redis.tls.key: a key needs the certificate"),
    ('url: "redis://h", tls: {server_name: x}', "redis.tls: the url of Redis does not ask for TLS; write rediss://"),
    ('url: "rediss+cluster://h"', "not supported yet"),
])
def test_check(tmp_path, section, says):
    config = tmp_path / "triaged.yaml"
    config.write_text(f"redis: {{{section}}}\nteams: {{a: {{id: A}}}}\ndefault_team: a\n")
    done = subprocess.run([str(BUILD / "src/daemon/triaged"), "-c", str(config), "--check"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1 and re.search(says, done.stderr), done.stderr
