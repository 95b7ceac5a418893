"""./quickstart.sh as a new user runs it. Needs the plain build that tests/run.sh makes."""
import os
import re
import signal
import subprocess

import pytest

from conftest import ROOT, wait_until

pytestmark = pytest.mark.skipif(not (ROOT / "build/build.ninja").exists(), reason="no plain build in build/")


def test_demo_ends_with_incidents_on_the_queues():
    done = subprocess.run(["./quickstart.sh", "--demo", "--exit"], cwd=ROOT, capture_output=True, text=True,
                          timeout=600, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "incidents on the queues: 4" in done.stdout
    rows = re.findall(r"^(\w+-\d+) +(P[1-4]) +(\w+) +(\w+) +(\d+) +(.+)$", done.stdout, re.M)
    assert len(rows) == 4, done.stdout
    assert ("hardware", "50") in [(r[3], r[4]) for r in rows], "fifty hosts, one incident"
    assert "nothing is left running" in done.stdout


def test_ctrl_c_stops_all_that_it_started(tmp_path):
    log = tmp_path / "log"
    with open(log, "wb") as out:
        p = subprocess.Popen(["./quickstart.sh"], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, start_new_session=True,
                             env={**os.environ, "TMPDIR": str(tmp_path)})
    wait_until(lambda: "Ctrl-C stops" in log.read_text() or p.poll() is not None, log.read_text, 600)
    assert p.poll() is None, log.read_text()

    def children():
        out = subprocess.run(["ps", "-o", "pid=", "--sid", str(p.pid)], capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split() if int(pid) != p.pid]

    started = children()
    assert len(started) >= 2, "redis-server and triaged"
    os.killpg(p.pid, signal.SIGINT)
    assert p.wait(60) == 130, log.read_text()
    wait_until(lambda: not children(), lambda: f"left running: {children()}")
    assert not list(tmp_path.glob("triaged-quickstart.*")), "the temporary directory is gone"
