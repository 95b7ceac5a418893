"""One day in the life of an incident, as README.md tells it: a real Alertmanager, the clock of Redis and
triaged moved by hand, and the commands of the README with the answers that it shows."""
import os
import pathlib
import re
import shlex
import subprocess
import time

from conftest import PLAIN_BUILD, Redis, Store, wait_until
from peers import Alertmanager, ended_now
from test_readme import block_with

HERE = pathlib.Path(__file__).resolve().parent
POLICY = """teams:
  network: {id: NET, lead: "noc-lead", manager: "duty-manager"}
default_team: network
sla: {P1: {acknowledge: 15m}}
rules:
  - name: link-down
    match: ['alertname="LinkDown"']
    set: {category: network, impact: high, urgency: high, title: "Link down on {{instance}}"}
    group_by: [instance]
"""
ALERT = ("alertname=LinkDown", "instance=core-1", "severity=critical")


def as_regex(shown):
    """Blanks do not matter, "..." stands for anything, a span may be a minute shorter by now."""
    def span(m):
        n, unit = int(m.group(1)), m.group(2)
        return rf"(?:{n}|{n - 1}){unit}(?:\s?\d+s)?" if unit == "m" else r"\d+d"

    lines = []
    for line in shown:
        words = re.escape(re.sub(r"\s+", " ", line.strip())).replace(r"\.\.\.", ".*")
        lines.append(re.sub(r"\b(\d+)([md])\b", span, words).replace(r"\ ", r"\s+"))
    return r"\s*" + r"\s+".join(lines).replace(r"\s+.*\s+", r"\s.*\s") + (r".*" if shown[-1] == "..." else r"\s*$")


def chapters():
    """Of the README: [("09:15", [(command words, lines shown), ...]), ...]"""
    found = []
    for line in block_with("09:00  Alertmanager").splitlines():
        if re.match(r"\d\d:\d\d  ", line):
            found.append((line[:5], []))
        elif line.startswith("$ triagectl "):
            found[-1][1].append((shlex.split(line)[2:], []))
        elif line.strip():
            found[-1][1][-1][1].append(line)
    return found


class Day:
    def __init__(self, tmp_path):
        self.library, self.clock = tmp_path / "move_clock.so", tmp_path / "ahead"
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(self.library), str(HERE / "move_clock.c"),
                        "-ldl"], check=True)
        self.clock.write_text("0")
        self.env = {"LD_PRELOAD": str(self.library), "MOVE_CLOCK": str(self.clock)}
        self.began, self.url = None, None

    def move_to(self, mark):
        hours, minutes = map(int, mark.split(":"))
        since = (hours - 9) * 3600 + minutes * 60
        text = str(max(0, int(since - (time.time() - self.began) + 1)))
        part = self.clock.with_suffix(".part")  # read by others meanwhile
        part.write_text(text)
        part.rename(self.clock)

    def ctl(self, *words):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.clock.parent), "TZ": "UTC", "TRIAGED_URL": self.url,
               "TRIAGED_ACTOR": "mona", **self.env}
        done = subprocess.run([str(PLAIN_BUILD / "src/cli/triagectl"), *words], env=env, capture_output=True, text=True,
                              timeout=60)
        return done.stdout + done.stderr


def test_one_day_in_the_life(tmp_path, make_triaged, monkeypatch):
    # a sanitizer's runtime must be loaded first, so the plain build
    day = Day(tmp_path)
    for name, value in day.env.items():
        monkeypatch.setenv(name, value)
    redis_server = Redis(tmp_path / "day-redis")
    for name in day.env:
        monkeypatch.delenv(name)
    triaged = make_triaged(POLICY, rules=False, redis_sock=redis_server.sock, build=PLAIN_BUILD, env=day.env)
    day.url = triaged.url
    store = Store(redis_server.client)
    am = Alertmanager(tmp_path / "am", triaged.url + "/webhook/alertmanager")
    state = lambda: store.incidents()[0]["state"]
    try:
        am.add(*ALERT)
        store.wait_one(lambda i: i["state"] == "open")
        day.began = time.time()
        happens = {
            "09:15": lambda: wait_until(lambda: store.queue("network", "manager"), "the manager's queue"),
            "09:28": lambda: (am.add(*ALERT, ended_now()), wait_until(
                lambda: state() == "resolved", "resolved by the monitor", 60)),
            "09:58": lambda: wait_until(lambda: state() == "closed", "closed after grace")}
        for mark, commands in chapters():
            day.move_to(mark)
            happens.pop(mark, lambda: None)()
            for words, shown in commands:
                said = day.ctl(*words)
                if shown:
                    assert re.match(as_regex(shown), said, re.S), (mark, words, said, as_regex(shown))
        assert not happens, "the README tells of each of them"
        assert "done" in day.ctl("reviews") and "order a second path" in day.ctl("actions")
        entries = [e for e in store.r.lrange("triaged:{network}:timeline:NET-1", 0, -1) if "deadline_near" not in e]
        told = [re.search(r'"event":"(\w+)"', e).group(1) for e in entries]
        assert told == ["opened", "unassigned", "acknowledged", "update", "resolved", "mended", "confirmed", "closed",
                        "reviewed"]
        assert '"lead":"noc-lead"' in entries[1], "the lead is named"
        assert store.queued() == []
    finally:
        am.stop()
        assert triaged.stop() == 0
        redis_server.stop()
