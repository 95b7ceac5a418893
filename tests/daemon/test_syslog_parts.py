"""What stands in the holes of a message, by name: rules match, group and count by it."""
import json
import subprocess

from conftest import PLAIN_BUILD, wait_until
from test_decode_cli import decode

RULES = """
categories: [security, hardware]
teams: {net: {id: NET}}
default_team: net
rules:
  - {name: guests, match: ['part.ip=~"10[.]9[.].*"', 'app="sshd"'], drop: true}
  - {name: break-in, match: ['app="sshd"', 'message=~"Failed password.*"'], group_by: [part.ip],
     threshold: {count: 5, within: 10m, per: [part.ip]},
     set: {category: security, impact: medium, urgency: high, title: "{{part.user}} tried from {{part.ip}}"}}
  - {name: visit, match: ['part.ip=~"10[.]8[.].*"', 'message=~"Accepted.*"'], group_by: [app],
     set: {category: security, impact: low, urgency: low, title: Visitor}}
  - {name: disk, match: ['app="kernel"', 'part.device=~"sd[a-f][0-9]*"'], group_by: [host, part.device],
     set: {category: hardware, impact: medium, urgency: high}}
  - {name: rest, match: ['source="syslog"'], drop: true}
"""
FAILED = "<38>Nov 24 18:14:30 web1 sshd[7]: Failed password for root from {} port {} ssh2"
ACCEPTED = FAILED.replace("Failed", "Accepted")
ERROR = "<3>Nov 24 18:14:30 db1 kernel: I/O error, dev {}, sector {}"


def test_rules_read_parts(make_triaged, store):
    """One skeleton, many addresses: each address is judged, counted and grouped for itself, though
    its messages come mixed with the others' and the verdicts are kept."""
    triaged = make_triaged(RULES, rules=False)
    lines = []
    for n in range(40):
        lines += [FAILED.format("192.0.2.1", n), ERROR.format("sda", n), ERROR.format("sdb1", n),
                  ERROR.format("nvme0n1", n), FAILED.format("10.9.0.1", n),
                  ACCEPTED.format("192.0.2.9", n), ACCEPTED.format("10.8.0.1", n)]
        if n < 5:
            lines.append(FAILED.format("192.0.2.2", n))
        if n < 4:
            lines.append(FAILED.format("192.0.2.3", n))  # one too few
    triaged.send_tcp(lines)
    wanted = {"break-in{part.ip=192.0.2.1}": 40, "break-in{part.ip=192.0.2.2}": 5,
              "visit{app=sshd}": 40, "disk{host=db1,part.device=sda}": 40,
              "disk{host=db1,part.device=sdb1}": 40}
    found = lambda: {i["group_key"]: sum(int(a["count"]) for a in i.alerts.values())  # noqa: E731
                     for i in store.incidents()}
    store.wait_one(lambda i: found() == wanted, f"just {wanted}")
    tried = store.wait_one(lambda i: i["group_key"] == "break-in{part.ip=192.0.2.1}")
    assert tried["title"] == "root tried from 192.0.2.1"
    (alert,) = tried.alerts.values()
    assert alert["labels"]["part.ip"] == "192.0.2.1"  # its identity
    assert "part.user" not in alert["labels"]  # may differ with every message
    metrics = triaged.metrics()
    assert metrics['triaged_alerts_total{source="syslog",outcome="dropped"}'] == 120


def test_kept_verdicts_know_the_parts(make_triaged, store):
    """What is decided by an address alone is kept, and found again for the same address."""
    triaged = make_triaged(RULES, rules=False)
    triaged.send_tcp([ACCEPTED.format("10.8.0.1", n) for n in range(100)])
    store.wait_one(lambda i: i["title"] == "Visitor")
    wait_until(lambda: triaged.metrics().get('triaged_verdict_cache_total{result="hit"}') == 99,
               "99 of 100 verdicts are found")


def test_decode_shows_them():
    ssh, disk = decode(FAILED.format("192.0.2.1", 1) + "\n" + ERROR.format("sda", 5) + "\n")
    assert (ssh["labels"]["part.ip"], ssh["labels"]["part.user"]) == ("192.0.2.1", "root")
    assert disk["labels"]["part.device"] == "sda" and "part.ip" not in disk["labels"]


def test_rules_can_be_tried_on_them(tmp_path):
    config = tmp_path / "triaged.yaml"
    config.write_text(RULES)
    run = subprocess.run([PLAIN_BUILD / "src/cli/triagectl", "rules", "test", "-c", config, "--input", "jsonl"],
                         input=json.dumps({"id": "1", "labels": {
                             "source": "syslog", "host": "db1", "app": "kernel", "severity": "err",
                             "message": "I/O error, dev sdc, sector 1"}}) + "\n",
                         capture_output=True, text=True, timeout=60, check=True)
    verdict = json.loads(run.stdout)
    assert verdict["rule"] == "disk" and "part.device=sdc" in verdict["group_key"]
