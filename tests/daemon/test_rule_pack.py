"""The shipped rule pack (conf/rules.d), judged by `triagectl rules test`.

Hand-written examples must hold exactly; public cases (../shared/cases/categories beside the
project, not part of it) must stay above floors. TRIAGED_BUILD names the build directory (default
./build). Each start of triagectl compiles all rules, so everything here is asked in one run.
"""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "conf" / "rules.d"
EXAMPLES = Path(__file__).with_name("pack_examples.jsonl")
CASES = ROOT.parent / "shared" / "cases" / "categories"
TRIAGECTL = Path(os.environ.get("TRIAGED_BUILD", ROOT / "build")) / "src" / "cli" / "triagectl"

DISK = "blk_update_request: I/O error, dev sd{}, sector {} op 0x0:(READ) flags 0x80700 phys_seg 1"
DULL = [
    ("shop-api", "local1", "INFO request {} served in {} ms"),
    ("systemd", "daemon", "Started Session {} of user u{}."),
    ("sshd", "authpriv", "Accepted publickey for deploy from 10.0.0.{} port {} ssh2"),
    ("CRON", "cron", "(root) CMD (/usr/local/bin/job{} {})"),
    ("kernel", "kern", "usb 1-{}: new high-speed USB device number {} using xhci_hcd"),
    ("postfix/qmgr", "mail", "3F2A{}: from=<app@example.net>, size={}, nrcpt=1 (queue active)"),
    ("dhcpd", "daemon", "DHCPACK on 10.0.0.{} to aa:bb:cc:00:11:22 (host{}) via eth0"),
    ("unheard-of", "user", "step {} of {} done"),
]


def syslog(host, app, facility, severity, message):
    return {"labels": {"source": "syslog", "host": host, "app": app, "facility": facility,
                       "severity": severity, "message": message}}


def questions():
    asked = {}
    for line in EXAMPLES.read_text().splitlines():
        example = json.loads(line)
        asked["example-" + example["id"]] = example
    for i in range(50):
        asked[f"disk-{i}"] = syslog(f"db{i:02}", "kernel", "kern", "err",
                                    DISK.format("abc"[i % 3], 1000 + i))
    for i in range(400):
        app, facility, text = DULL[i % len(DULL)]
        asked[f"dull-{i}"] = syslog("web03", app, facility, "info", text.format(i % 200, i))
    for severity in ("critical", "warning", "info"):
        asked["urgency-" + severity] = {"labels": {"alertname": "CephOSDDown",
                                                   "severity": severity}}
    return asked


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("pack") / "triaged.yaml"
    file.write_text(f'include: ["{PACK}/*.yaml"]\n')
    return file


@pytest.fixture(scope="module")
def answers(config):
    if not TRIAGECTL.exists():
        pytest.skip(f"no {TRIAGECTL}: build first, or set TRIAGED_BUILD")
    lines = [json.dumps({"id": key, "labels": q["labels"], "annotations": q.get("annotations", {})})
             for key, q in questions().items()]
    run = subprocess.run([TRIAGECTL, "rules", "test", "-c", config, "--input", "jsonl"],
                         input="\n".join(lines) + "\n", capture_output=True, text=True,
                         timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return {o["id"]: o for o in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("example", [json.loads(x) for x in EXAMPLES.read_text().splitlines()],
                         ids=lambda e: e["id"] + "-" + e["expect"]["rule"])
def test_example(answers, example):
    answer = answers["example-" + example["id"]]
    assert {k: answer[k] for k in example["expect"]} == example["expect"]
    assert answer["title"] and "{{" not in answer["title"]


def test_one_failing_disk_message_of_fifty_hosts_is_one_incident(answers):
    disks = [answers[f"disk-{i}"] for i in range(50)]
    assert {d["group_key"] for d in disks} == {"kernel-disk-error{app=kernel}"}
    assert not any(d["dropped"] for d in disks)
    # below high, so that the blast radius has something to raise
    assert {d["impact"] for d in disks} == {"low"}
    assert yaml.safe_load((PACK / "00-policy.yaml").read_text())["priority"]["blast_radius"][-1] == {
        "systems": 50, "impact": "high"}


def test_informational_lines_make_no_incident(answers):
    assert [k for k in answers if k.startswith("dull-") and not answers[k]["dropped"]] == []


def test_urgency_comes_from_severity(answers):
    got = {s: (answers["urgency-" + s]["urgency"], answers["urgency-" + s]["urgency_from"])
           for s in ("critical", "warning", "info")}
    assert got == {"critical": ("high", "severity"), "warning": ("medium", "severity"),
                   "info": ("low", "severity")}


@pytest.mark.parametrize("file,floors", [
    ("alerts_open.jsonl", {"strict": .93, "unambiguous": .98, "macro_recall": .93}),
    ("syslog_open.jsonl", {"strict": .94, "unambiguous": .98, "macro_recall": .94,
                           "kept_of_interesting": .98, "dropped_of_dull": .98}),
])
def test_public_cases(config, file, floors):
    if not (CASES / file).exists():
        pytest.skip(f"no {CASES / file}")
    if not TRIAGECTL.exists():
        pytest.skip(f"no {TRIAGECTL}: build first, or set TRIAGED_BUILD")
    run = subprocess.run([sys.executable, CASES / "score.py", TRIAGECTL, config, CASES / file, "30"],
                         capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    score = {k: float(v) for k, v in re.findall(r"(\w+) ([01]\.\d+)", run.stdout.splitlines()[-1])}
    low = {k: score.get(k) for k, floor in floors.items() if score.get(k, 0) < floor}
    assert not low, run.stdout


def rules():
    for file in sorted(PACK.glob("[1-9]*.yaml")):
        for rule in yaml.safe_load(file.read_text())["rules"]:
            yield file.name, rule


def test_every_rule_is_complete():
    policy = yaml.safe_load((PACK / "00-policy.yaml").read_text())
    for file, rule in rules():
        where, given = f"{file}: {rule['name']}", rule.get("set", {})
        assert given.get("category") in policy["categories"], where
        assert given.get("subcategory"), where
        if rule.get("drop"):
            assert "threshold" not in rule and "team" not in given, where
            continue
        assert given.get("impact") in ("high", "medium", "low"), where
        assert given.get("team", policy["default_team"]) in policy["teams"], where
        if file != "99-default.yaml":
            assert "team" in given, where


def test_no_syslog_reaches_the_rules_for_labelled_alerts():
    last = [r for f, r in rules() if f == "19-syslog-fallback.yaml"][-1]
    assert last["match"] == ['source="syslog"']
    for file, rule in rules():
        is_syslog = 'source="syslog"' in rule["match"]
        assert is_syslog == (file < "20") or file == "99-default.yaml", f"{file}: {rule['name']}"


def test_files_stay_readable():
    for file in PACK.glob("*.yaml"):
        text = file.read_text().splitlines()
        assert text[0].startswith("# "), file.name
        assert len(text) <= 600, file.name


def test_installed_files_are_all_files():
    listed = re.findall(r"'rules\.d/([^']+)'", (ROOT / "conf" / "meson.build").read_text())
    assert listed == sorted(f.name for f in PACK.glob("*.yaml"))
