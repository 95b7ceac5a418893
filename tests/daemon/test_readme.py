"""What the README tells a user to write works: snippets are read out of it and given to the programs."""
import re
import subprocess

from conftest import BUILD, ROOT, need, wait_until

README = (ROOT / "README.md").read_text()


def blocks(language):
    """Fences come in pairs: the text of those that open with this language."""
    parts = re.split(r"^```(.*)$", README, flags=re.M)  # text, info, inside, "", text, info, ...
    return [parts[i + 1].lstrip("\n") for i in range(1, len(parts), 4) if parts[i] == language]


def block_with(text, language=""):
    return next(b for b in blocks(language) if text in b)


def run(*argv, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, **kw)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_prometheus_snippet(tmp_path):
    (tmp_path / "prometheus.yml").write_text(block_with("alertmanagers:", "yaml"))
    run(need("promtool"), "check", "config", tmp_path / "prometheus.yml")


def test_alertmanager_snippet(tmp_path):
    (tmp_path / "alertmanager.yml").write_text("route: {receiver: triaged}\n" +
                                               block_with("webhook_configs", "yaml"))
    run(need("amtool"), "check-config", tmp_path / "alertmanager.yml")


def test_rsyslog_snippet(tmp_path):
    (tmp_path / "rsyslog.conf").write_text(block_with("omfwd"))
    run(need("rsyslogd"), "-N1", "-f", tmp_path / "rsyslog.conf")


def test_rules_snippet(tmp_path):
    (tmp_path / "triaged.yaml").write_text(
        "include: []\nteams: {platform: {id: PLT}}\ndefault_team: platform\n" +
        block_with("- name: disk-full", "yaml"))
    run(BUILD / "src/daemon/triaged", "--check", "-c", tmp_path / "triaged.yaml")
    out = run(BUILD / "src/cli/triagectl", "rules", "test", "-c", tmp_path / "triaged.yaml",
              "alertname=NodeFilesystemFull", "severity=critical", "instance=web-1:9100")
    assert "Disk filling on web-1" in out


def test_rules_test_prints_what_the_tour_shows():
    tour = block_with("triagectl rules test")
    command = re.search(r"\$ triagectl (.*)", tour).group(1).split()
    out = run(BUILD / "src/cli/triagectl", *command, cwd=ROOT)
    assert tour.split("...\n", 1)[1].strip() in out


def test_consumers_take_the_incident(triaged, store, redis_server):
    """The Python consumer and the redis-cli line, as written but for the path of the socket."""
    for n in range(2):
        triaged.alerts({"labels": {"alertname": "NodeFilesystemAlmostOutOfSpace", "cluster": f"c{n}",
                                   "instance": "web-1:9100", "severity": "critical"}})
    wait_until(lambda: len(store.queue("platform")) == 2, lambda: f"two on the queue: {store.queued()}")
    code = block_with("import redis", "python").replace("/run/redis/redis.sock", redis_server.sock)
    code = code.replace("http://127.0.0.1:9193", triaged.url)
    wait_until(lambda: triaged.get("/api/v1/queues").ok, "the API reaches Redis")
    first = run("/usr/bin/python3", "-c", code)
    assert re.match(r"P[1-4] PLT-\d+ ", first), first
    taken = store.wait_one(lambda i: i["state"] == "acknowledged", "acknowledged by the consumer")
    assert taken["id"] == first.split()[1] and taken["assignee"] == "alice"
    line = block_with("redis-cli", "sh").replace("/run/redis/redis.sock", redis_server.sock)
    taken = run("bash", "-c", line)
    assert "incident" in taken and "PLT-" in taken
    assert first.split()[1] not in taken.split(), "the second one, not the first again"


def test_documents_that_the_readme_names_exist():
    for path in re.findall(r"\]\(([a-zA-Z./_-]+)\)", README):
        assert (ROOT / path).exists(), path
