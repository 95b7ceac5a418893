"""triagectl rules test, check and config reference: what goes in, what comes out, how it fails."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"

CONFIG = """
teams: {platform: {id: PLT}, security: {id: SEC}}
default_team: platform
services:
  shop: {impact: high, match: ['job="shop"']}
heartbeats:
  - {name: beat, match: ['alertname="Watchdog"'], every: 5m, set: {category: software, team: platform, impact: low, urgency: low}}
maintenance:
  - {name: "patch day", match: ['cluster="eu"'], weekly: {days: [sun], from: "02:00", to: "04:00", zone: Europe/Berlin}}
rules:
  - {name: disk, match: ['alertname=~"Disk.*"', 'severity="critical"'], set: {category: hardware, urgency: high, title: "Disk on {{instance}}"}}
  - {name: guess, match: ['source="syslog"', 'app="sshd"', 'message=~"Failed .* from (?P<client>\\\\S+) .*"'],
     threshold: {count: 20, within: 1m, per: [host, client]}, group_by: [client], set: {category: security, team: security}}
  - {name: dull, match: ['source="syslog"', 'severity=~"info|debug"'], drop: true}
"""


def program():
    path = pathlib.Path(os.environ.get("TRIAGED_BUILD", ROOT / "build")) / "src" / "cli" / "triagectl"
    if not path.exists():
        pytest.skip("no %s: set TRIAGED_BUILD to the build directory" % path)
    return str(path)


def run(*args, data="", status=0):
    done = subprocess.run([program(), *args], input=data.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == status, (done.stdout + done.stderr).decode()
    return done.stdout.decode() if status == 0 else done.stderr.decode()


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "triaged.yaml"
    file.write_text(CONFIG)
    return str(file)


def test_words_for_people(config):
    out = run("rules", "test", "-c", config, "alertname=DiskFull", "severity=critical",
              "instance=web-1:9100")
    assert "  + disk\n" in out and "disk{" not in out.split("group key")[0]
    assert "priority       P2 = impact medium (default) x urgency high (rule)" in out
    assert "title          Disk on web-1:9100" in out
    out = run("rules", "test", "-c", config, "alertname=DiskFull", "severity=warning")
    assert '  - disk: severity="critical", is "warning"\n' in out
    assert "default (no rule matched)" in out


def test_words_as_json(config):
    got = json.loads(run("rules", "test", "-c", config, "--json", "alertname=DiskFull",
                         "severity=critical", "instance=a", "job=shop", "@description=long"))
    want = {"category": "hardware", "dropped": False, "held": False, "rule": "disk",
            "team": "platform", "priority": "P1", "impact": "high", "impact_from": "service",
            "urgency": "high", "title": "Disk on a", "summary": "long", "service": "shop",
            "source": "prometheus", "suppress": []}
    assert {k: got[k] for k in want} == want
    assert got["group_key"] == "disk{alertname=DiskFull}"
    assert got["trace"] == [{"rule": "disk", "matched": True}]


def test_syslog_is_read_as_the_daemon_reads_it(config):
    message = "Failed password for root from 192.0.2.7 port 22 ssh2"
    got = json.loads(run("rules", "test", "-c", config, "--json", "--source", "syslog", "host=h",
                         "app=sshd", "severity=info", "facility=authpriv", "message=" + message))
    assert got["held"] and got["dropped"] and got["rule"] == "guess"
    assert got["captures"] == {"client": "192.0.2.7"}
    assert got["threshold"] == {"count": 20, "within_ms": 60000,
                                "key": "guess{client=192.0.2.7,host=h}"}
    line = "<86>1 2026-11-24T10:00:00Z h sshd - - - " + message
    decoded = json.loads(run("decode", data=line + "\n"))
    other = json.loads(run("rules", "test", "-c", config, "--json", "--source", "syslog", "host=h",
                           "app=other", "severity=err", "message=" + message))
    decoded_other = json.loads(run("decode", data=line.replace("sshd", "other") + "\n"))
    assert other["fingerprint"] == decoded_other["fingerprint"]
    assert got["fingerprint"] != decoded["fingerprint"]  # completed by the client
    assert other["title"] == "other: " + decoded["skeleton"]


def test_json_lines(config):
    lines = [{"id": "a", "labels": {"alertname": "DiskFull", "severity": "critical"}},
             {"id": "b", "labels": {"source": "syslog", "app": "x", "severity": "info",
                                    "message": "m"}},
             {"id": "c", "labels": {"alertname": "Watchdog"}, "annotations": {"x": "y"}},
             {"id": "d", "labels": {"alertname": "X", "source": "own"}}]
    out = run("rules", "test", "-c", config, "--input", "jsonl",
              data="\n\n".join(map(json.dumps, lines)))
    got = {o["id"]: o for o in map(json.loads, out.splitlines())}
    assert got["a"]["rule"] == "disk" and not got["a"]["dropped"] and "trace" not in got["a"]
    assert got["b"]["rule"] == "dull" and got["b"]["dropped"] and not got["b"]["held"]
    assert got["c"]["heartbeat"] == "beat" and got["c"]["dropped"]
    assert got["d"]["source"] == "prometheus" and got["d"]["category"] == "software"


@pytest.mark.parametrize("line, said", [
    ("{", "line 1: "),
    ("[]", "line 1: must be an object"),
    ('{"labels": []}', "line 1: labels: must be an object"),
    ('{"labels": {"a": 1}}', "line 1: labels.a: must be a string"),
])
def test_bad_lines_are_named_and_the_rest_is_answered(config, line, said):
    good = '{"id": "g", "labels": {"alertname": "X"}}'
    done = subprocess.run([program(), "rules", "test", "-c", config, "--input", "jsonl"],
                          input=(line + "\n" + good).encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1
    assert said in done.stderr.decode()
    assert json.loads(done.stdout)["id"] == "g"


@pytest.mark.parametrize("name, n", [("alertmanager-firing", 1), ("grafana-firing", 1),
                                     ("prometheus", 1)])
def test_payloads_say_what_they_are(config, name, n):
    text = (FIXTURES / (name + ".json")).read_text()
    got = [json.loads(line)
           for line in run("rules", "test", "-c", config, "--json", data=text).splitlines()]
    assert len(got) >= n
    assert {o["source"] for o in got} == {name.split("-")[0]}


def test_maintenance_at_a_given_time(config):
    args = ["rules", "test", "-c", config, "--json", "alertname=X", "cluster=eu", "--now"]
    inside = json.loads(run(*args, "2026-11-22T01:30:00Z"))["suppress"]
    assert inside == [{"name": "patch day", "until_ms": 1795316400000}]
    assert json.loads(run(*args, "2026-11-22T03:00:00Z"))["suppress"] == []


@pytest.mark.parametrize("args, data, status, said", [
    ([], "", 2, "usage: triagectl"),
    (["rulse test"], "", 2, 'did you mean "rules test"?'),
    (["rules"], "", 2, "triagectl rules test"),
    (["rules", "test", "-c", "CONFIG", "novalue"], "", 1, '"novalue" is not LABEL=VALUE'),
    (["rules", "test", "-c", "CONFIG", "--source", "x", "a=b"], "", 1, 'unknown source "x"'),
    (["rules", "test", "-c", "CONFIG", "--now", "noon", "a=b"], "", 2, "--now takes a time"),
    (["rules", "test", "-c", "CONFIG", "--input", "xml"], "", 2, "--input is one of"),
    (["rules", "test", "-c", "CONFIG", "--input", "jsonl", "a=b"], "", 2, "unexpected"),
    (["rules", "test", "-c", "CONFIG", "--wrong"], "", 2, "usage: triagectl rules test"),
    (["rules", "test", "-c", "CONFIG"], "{}", 1, "say which with --source"),
    (["rules", "test", "-c", "CONFIG", "--source", "alertmanager"], "{", 1, "refused"),
    (["rules", "test", "-c", "/none/such.yaml", "a=b"], "", 1, "/none/such.yaml"),
    (["check", "-c", "CONFIG", "more"], "", 2, "unexpected argument"),
    (["config", "reference", "more"], "", 2, "unexpected argument"),
])
def test_wrong_use(config, args, data, status, said):
    args = [config if a == "CONFIG" else a for a in args]
    assert said in run(*args, data=data, status=status)


def test_check(config, tmp_path):
    assert run("check", "-c", config) == config + ": ok, 3 rules, 2 teams\n"
    bad = tmp_path / "bad.yaml"
    bad.write_text(CONFIG.replace('severity="critical"', 'severity'))
    assert "bad.yaml:11:" in run("check", "-c", str(bad), status=1)


def test_reference_and_help():
    assert "listen" in run("config", "reference")
    assert "--input jsonl" in run("help", "rules", "test")
    assert run("--version").startswith("triagectl ")
