"""The alert rules that are shipped for triaged itself: they load, do what their tests say, and speak of
metrics that exist."""
import re
import subprocess

import yaml

from conftest import ROOT, need, wait_until

RULES = ROOT / "docs/alerts/triaged.rules.yml"
TESTS = ROOT / "docs/alerts/triaged.rules.test.yml"


def test_promtool_takes_the_rules():
    subprocess.run([need("promtool"), "check", "rules", str(RULES)], check=True)


def test_unit_tests_of_the_rules():
    done = subprocess.run([need("promtool"), "test", "rules", str(TESTS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tested_firing_and_quiet():
    names = [r["alert"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    firing, quiet = set(), set()
    for test in yaml.safe_load(TESTS.read_text())["tests"]:
        for t in test["alert_rule_test"]:
            (firing if t.get("exp_alerts") else quiet).add(t["alertname"])
    assert set(names) == firing == quiet


def test_the_metrics_exist(triaged):
    used = set(re.findall(r"\btriaged_\w+", " ".join(
        r["expr"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"])))
    triaged.alerts({"labels": {"alertname": "A", "severity": "warning"}})

    def missing():
        found = {re.sub(r"\{.*", "", name) for name in triaged.metrics()}
        return used - found - {"triaged_syslog_dropped_total"}  # of a listener that dropped

    wait_until(lambda: not missing(), lambda: f"all metrics of the rules; missing {missing()}")
