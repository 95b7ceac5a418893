"""triagectl as its users meet it: a day of a responder and a manager, refusals, exit statuses, tables
in a terminal, settings from files, a watch that outlives the daemon."""
import fcntl
import hashlib
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time

import pytest

from conftest import free_port, wait_until

OK, FAILED, USAGE, UNREACHABLE, DENIED = range(5)
TOKENS = {"alice": "responder", "bob": "responder", "mona": "manager", "vic": "viewer", "prom": "ingest"}


def auth():
    rows = ", ".join(f'{{name: {name}, role: {role}, sha256: "{hashlib.sha256(name.encode()).hexdigest()}"}}'
                     for name, role in TOKENS.items())
    return f"auth: {{tokens: [{rows}]}}\n"


POLICY = """
teams:
  network: {id: NET, lead: noc-lead, manager: duty-manager}
  platform: {id: PLT}
default_team: platform
rules:
  - name: link-down
    match: ['alertname="LinkDown"']
    set: {category: network, team: network, impact: high, urgency: high, title: "Link down on {{instance}}"}
    group_by: [instance]
    runbook: "https://runbooks.example.org/link"
"""


@pytest.fixture
def ctl(make_triaged, tmp_path):
    """ctl("ack", "NET-1", who="alice", rc=0) runs triagectl against a daemon with the tokens above."""
    return Ctl(make_triaged(POLICY + auth(), rules=False), tmp_path)


class Ctl:
    def __init__(self, triaged, tmp_path):
        self.triaged = triaged
        self.wait_ready()
        self.home = tmp_path / "home"
        (self.home / ".config").mkdir(parents=True)
        self.program = str(triaged.build / "src/cli/triagectl")

    def wait_ready(self):
        if "tls=yes" not in self.triaged.log():
            wait_until(lambda: self.triaged.get("/api/v1/queues", auth=("vic", "vic")).status_code != 503,
                       "triaged has found Redis")

    def env(self, who=None, **more):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("TRIAGED", "XDG_", "NO_COLOR", "ASAN", "COLUMNS")) and "proxy" not in k.lower()}
        env.update({"HOME": str(self.home), "TZ": "UTC", "TERM": "xterm", "TRIAGED_URL": self.triaged.url, **more})
        if who:
            env["TRIAGED_TOKEN"] = who  # the tests' tokens are their names
        return env

    def run(self, *words, who="alice", **env):
        done = subprocess.run([self.program, *words], env=self.env(who, **env), capture_output=True,
                              text=True, timeout=60)
        assert "runtime error" not in done.stderr and "Sanitizer" not in done.stderr, done.stderr
        return done

    def __call__(self, *words, who="alice", rc=OK, **env):
        done = self.run(*words, who=who, **env)
        assert done.returncode == rc, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if rc == OK else done.stdout + done.stderr

    def json(self, *words, who="alice", rc=OK):
        done = self.run(*words, "--json", who=who)
        assert done.returncode == rc, (words, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def start(self, *words, who="alice", out):
        return subprocess.Popen([self.program, *words], env=self.env(who), stdout=open(out, "wb"),
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def alert(self, name="LinkDown", instance="sw-1:9100", **more):
        labels = {"alertname": name, "instance": instance, "severity": "critical", **more.pop("labels", {})}
        answer = self.triaged.post("/api/v2/alerts", [{"labels": labels, **more}], auth=("prom", "prom"))
        assert answer.status_code == 200, answer.text

    def incident(self, id):
        return self.json("show", id)["incident"]

    def wait_listed(self, *ids):
        wait_until(lambda: set(ids) <= {i["id"] for i in self.json("list")["incidents"]},
                   lambda: f"{ids} are listed: {self('list')}")


# ---- a day -------------------------------------------------------------------------------------------

def test_one_day_in_the_life(ctl):
    assert "nothing waits" in ctl("next", "--team", "network", rc=FAILED)
    ctl.alert(annotations={"summary": "eth0 of sw-1 is down"})
    ctl.wait_listed("NET-1")
    assert "link-down" in ctl("explain", "NET-1")
    assert re.search(r"network +tier1 +P1 +1 +NET-1 +opened", ctl("queues"))
    taken = ctl("next", "--team", "network")
    assert "Link down on sw-1" in taken and re.search(r"Held by +alice", taken)
    assert "https://runbooks.example.org/link" in taken
    assert "held by alice" in ctl("ack", "NET-1", who="bob", rc=FAILED)
    assert "acknowledged by bob" in ctl("ack", "NET-1", "--take", who="bob")
    ctl("note", "NET-1", "the", "transceiver", "is", "dark", who="bob")
    ctl("update", "NET-1", "We", "are", "replacing", "a", "part", "--next", "20m", who="bob")
    refused = ctl("resolve", "NET-1", "replaced the transceiver", who="bob", rc=FAILED)
    assert "still fire" in refused and "--workaround" in refused
    ctl("resolve", "NET-1", "traffic rerouted", "--workaround", "--fix", "reroute", who="bob")
    early = ctl("close", "NET-1", who="bob", rc=FAILED)
    assert "not yet" in early
    closing = ctl("confirm", "NET-1", "--by", "Carla, checkout", who="bob")
    assert "It closes once" in closing and "confirm" not in closing.split("once", 1)[1]
    assert "not yet" in ctl("close", "NET-1", who="mona", rc=FAILED)
    ctl("close", "NET-1", "--force", "-m", "agreed with Carla", who="bob", rc=DENIED)
    assert "closed" in ctl("close", "NET-1", "--force", "-m", "agreed with Carla", who="mona")
    assert ctl.incident("NET-1")["confirmed_by"] == "Carla, checkout"
    review = ctl("review", "show", "NET-1")
    for part in ("# Review of NET-1", "We are replacing a part", "agreed with Carla", "traffic rerouted", "bob"):
        assert part in review
    assert re.search(r"NET-1 +P1 +due", ctl("reviews"))
    ctl("review", "write", "NET-1", "--root-cause", "x", rc=DENIED)
    assert "root_cause" in ctl("review", "write", "NET-1", "--done", who="mona", rc=FAILED)
    ctl("review", "write", "NET-1", "--root-cause", "an aged transceiver", "--action", "buy spares",
        "--done", who="mona")
    assert re.search(r"NET-1 +P1 +done", ctl("reviews", "--state", "done"))
    assert "an aged transceiver" in ctl("review", "show", "NET-1")
    assert "buy spares" in ctl("actions")
    ctl("action", "done", "ACT-1")
    assert "buy spares" not in ctl("actions", "--state", "open")
    assert re.search(r"network +P1 +0", ctl("stats"))
    assert "No incident was marked as noise" in ctl("noise")
    assert re.search(r"reroute +link-down +1", ctl("automation"))


def test_a_p1_that_nobody_takes_goes_to_the_manager_and_closes_after_grace(make_triaged, tmp_path):
    policy = POLICY + "sla: {P1: {acknowledge: 1s, grace: 1s}}\n" + auth()
    ctl = Ctl(make_triaged(policy, rules=False), tmp_path)
    ctl.alert()
    wait_until(lambda: "unassigned" in ctl("queues"), lambda: "it is escalated: " + ctl("queues"))
    assert "nothing waits" in ctl("next", rc=FAILED)
    assert re.search(r"Held by +mona", ctl("next", "--tier", "manager", who="mona"))
    ctl("update", "NET-1", "the link is being mended", who="mona")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ctl.alert(endsAt=now)
    wait_until(lambda: ctl.incident("NET-1")["state"] == "resolved", lambda: "it ends: " + ctl("show", "NET-1"))
    assert "the user confirms" in ctl("resolve", "NET-1", "replaced the cable", who="mona")
    assert "not yet" in ctl("close", "NET-1", who="mona", rc=FAILED)
    ctl("confirm", "NET-1", "--by", "Carla", who="mona")
    wait_until(lambda: ctl.incident("NET-1")["state"] == "closed", lambda: "it closes: " + ctl("show", "NET-1"))
    assert "NET-1" in ctl("reviews", "--state", "due") and "unassigned" in ctl("review", "show", "NET-1")


def test_every_verb_on_incidents_opened_by_hand(ctl):
    opened = ctl("open", "Printers", "are", "slow", "--reported-by", "dora", "--system", "prn-1",
                 "--system", "prn-2", "--impact", "low", "--urgency", "low")
    assert "Printers are slow" in opened and re.search(r"Systems +prn-1, prn-2", opened) and "dora" in opened
    ctl("open", "Printers are very slow", "--service", "office")
    assert "for bob" in ctl("assign", "PLT-1", "bob")
    assert "for carol" in ctl("assign", "PLT-1", "--to", "carol", "-m", "she knows it")
    assert "acknowledged by bob" in ctl("ack", "PLT-1", "PLT-2", who="bob")
    assert ", for" not in ctl("release", "PLT-1", who="bob")
    assert "P3" in ctl("raise", "PLT-1", "-i", "medium", "-u", "medium")
    assert "P4" in ctl("lower", "PLT-1", "--impact", "low")
    assert "snoozed" in ctl("snooze", "PLT-1", "2h")
    ctl("snooze", "PLT-1", "--until", "3h")
    assert "snoozed for 1w" in ctl("snooze", "PLT-1", "9d", rc=FAILED)
    ctl("escalate", "PLT-1", "--reason", "no access")
    assert ctl.incident("PLT-1")["tier"] == "tier2"
    assert "Nothing to change" in ctl("escalate", "PLT-1", "--from-tier", "tier1")
    assert "resolved" in ctl("resolve", "PLT-1", "restarted", "the", "spooler", "--noise", "poor_details")
    incident = ctl.incident("PLT-1")
    assert (incident["resolution"], incident["noise"], incident["kind"]) == \
        ("restarted the spooler", "poor_details", "fix")
    ctl("verify", "PLT-1")
    assert "Possible now" in ctl("release", "PLT-1", rc=FAILED)
    assert "open" in ctl("reopen", "PLT-1", "still", "slow")
    assert "closed, merged" in ctl("merge", "PLT-2", "--into", "PLT-1")
    assert ctl.incident("PLT-1")["merged"] == ["PLT-2"]
    ctl("note", "PLT-1", "-m", "one for both", "PLT-2")
    assert "one for both" in ctl("show", "PLT-2")
    timeline = ctl("show", "PLT-1")
    for word in ("restarted the spooler", "no access", "she knows it", "still slow", "by alice"):
        assert word in timeline


def test_many_at_once(ctl):
    for n in range(3):
        ctl("open", f"Ticket {n}", "--category", "software")
    ctl("open", "Another", "--category", "hardware")
    refused = ctl("ack", "--where", 'category="software"', rc=FAILED)
    assert "3" in refused and "--expect" in refused
    assert "3 done, 0 refused" in ctl("ack", "--where", 'category="software"', "--expect", "3")
    assert "1 done" in ctl("ack", "--where", 'category="hardware"', "--expect", "1", who="bob")
    listed = ctl("list", "--mine")
    assert "Ticket 0" in listed and "Another" not in listed
    assert "Another" in ctl("list", "--assignee", "bob") and "Another" in ctl("list", 'category!="software"')
    assert "No incidents." in ctl("list", "--state", "closed")
    shown = ctl("list", "--limit", "2")
    assert len(shown.splitlines()) == 3
    # one that is refused does not keep the others from being done; the status is the worst
    assert "acknowledged by mona" in ctl("ack", "PLT-99", "PLT-4", "--take", who="mona", rc=FAILED)


def test_problems_and_known_errors(ctl):
    assert "No problems" in ctl("problems")
    assert "there is no problem" in ctl("problem", "write", "PRB-1", "--owner", "bob", who="mona", rc=FAILED)
    ctl("known-error", "add", "KE-1", "-f", 'alertname="LinkDown"', "-w", "reroute", who="mona")
    ctl("known-error", "add", "KE-2", "-f", "no matcher", who="mona", rc=FAILED)
    ctl("known-error", "add", "KE-2", who="mona", rc=USAGE)
    assert re.search(r"KE-1 .*reroute", ctl("known-errors"))
    ctl("known-error", "delete", "KE-1", who="mona")
    assert "No known errors" in ctl("known-errors")
    ctl("open", "A thing")
    ctl("action", "add", "write", "an", "article", "--incident", "PLT-1", "--owner", "bob", "--due", "14d")
    assert re.search(r"ACT-1 +open +bob +in 14d +PLT-1 .*write an article", ctl("actions", "--owner", "bob"))
    assert "a span from now" in ctl("action", "add", "x", "--due", "soon", rc=USAGE)


# ---- waiting and watching ----------------------------------------------------------------------------

def test_next_waits_and_two_do_not_get_the_same(ctl, tmp_path):
    waiting = [ctl.start("next", "--wait", "--json", "--team", "network", who=who, out=tmp_path / who)
               for who in ("alice", "bob")]
    try:
        ctl.alert(instance="sw-1:9100")
        ctl.alert(instance="sw-2:9100")
        assert [p.wait(60) for p in waiting] == [OK, OK]
    finally:
        for p in waiting:
            p.kill()
    got = [json.loads((tmp_path / who).read_text())["incident"] for who in ("alice", "bob")]
    assert [i["assignee"] for i in got] == ["alice", "bob"]
    assert sorted(i["id"] for i in got) == ["NET-1", "NET-2"]


def test_watch_goes_on_after_a_restart(make_triaged, tmp_path):
    listen = f'listen:\n  syslog: []\n  http: [{{address: "127.0.0.1:{free_port()}"}}]\n'
    ctl = Ctl(make_triaged(POLICY + auth(), rules=False, listen=listen), tmp_path)
    out = tmp_path / "watch.out"
    ctl("open", "Before")
    watching = ctl.start("watch", out=out)
    once = ctl.start("watch", "--count", "1", out=tmp_path / "once.out")
    try:
        # each begins with what happens from then on: open things until one is seen
        wait_until(lambda: ctl("open", "Something") and "Something" in out.read_text() and once.poll() is not None,
                   "an event is seen", every=0.3)
        assert once.returncode == OK and len((tmp_path / "once.out").read_text().splitlines()) == 1
        ctl.triaged.restart()
        ctl.wait_ready()
        ctl("note", "PLT-1", "after the restart")
        wait_until(lambda: "after the restart" in out.read_text(), lambda: "the watch goes on: " + out.read_text())
        assert watching.poll() is None
    finally:
        watching.kill()
        once.kill()
    text = out.read_text()
    assert len(re.findall("PLT-1 .*note by alice.*after the restart", text)) == 1, text
    assert "trying again" in text
    opened = re.findall(r"(PLT-\d+)  P\d  opened", text)
    assert len(opened) == len(set(opened)), "nothing is told twice"


# ---- exit statuses and messages ----------------------------------------------------------------------

def test_exit_statuses(ctl, redis_server):
    assert "there is no incident" in ctl("show", "NET-404", rc=FAILED)
    assert "did you mean --state" in ctl("list", "--sate", "open", rc=USAGE)
    assert "did you mean" in ctl("lsit", rc=USAGE)
    assert "the ID of an incident is missing" in ctl("ack", rc=USAGE)
    assert "to whom?" in ctl("assign", "NET-1", rc=USAGE)
    assert "reason" in ctl("close", "NET-1", "--force", rc=USAGE)
    assert "http" in ctl("list", "--url", "ftp://x", rc=USAGE)
    assert "Give a token" in ctl("list", who=None, rc=DENIED)
    assert "token" in ctl("list", who="mallory", rc=DENIED)
    ctl("open", "x", who="vic", rc=DENIED)
    ctl("list", who="vic")
    ctl("list", who="prom", rc=DENIED)
    gone = ctl("list", "--url", f"http://127.0.0.1:{free_port()}", rc=UNREACHABLE)
    assert "cannot reach triaged" in gone and "--url" in gone
    answer = ctl.json("ack", "NET-404", rc=FAILED)
    assert answer["error"]["code"] == "not_found"
    redis_server.stop()
    assert "Redis" in ctl("open", "x", rc=UNREACHABLE)


def test_json_everywhere(ctl):
    ctl("open", "A thing")
    for words in (["list"], ["show", "PLT-1"], ["explain", "PLT-1"], ["queues"], ["problems"], ["reviews"],
                  ["review", "show", "PLT-1"], ["actions"], ["known-errors"], ["automation"], ["stats"],
                  ["noise"], ["whoami"], ["ack", "PLT-1"], ["note", "PLT-1", "x"], ["open", "Another"],
                  ["action", "add", "x"], ["next"]):
        assert isinstance(ctl.json(*words), dict), words
    assert ctl.json("whoami")["name"] == "alice"
    pages = ctl("list", "--limit", "1", "--json")
    assert len(json.loads(pages)["incidents"]) == 1


def test_the_same_request_again_is_one_deed(ctl):
    """--json shows the request id that triagectl makes up: each run its own."""
    ctl("open", "A thing")
    ids = {ctl.json("note", "PLT-1", "x")["request_id"] for _ in range(3)}
    assert len(ids) == 3


# ---- settings ----------------------------------------------------------------------------------------

def test_settings_from_files(ctl):
    (ctl.home / "token").write_text("mona\n")
    config = ctl.home / ".config" / "triagectl.yaml"
    config.write_text(f"url: {ctl.triaged.url}/\ntoken_file: {ctl.home}/token\nteam: network\n")
    said = ctl("whoami", who=None, TRIAGED_URL="")
    assert re.search(r"You are +mona", said) and "triagectl.yaml" in said and re.search(r"Your team +network", said)
    assert re.search(r"You are +bob", ctl("whoami", who="bob"))
    assert re.search(r"You are +vic", ctl("--token", "vic", "whoami"))
    assert "NET-1" in ctl("open", "For my team", who=None)
    config.write_text("urll: x\n")
    assert "triagectl.yaml:1:1" in ctl("whoami", rc=USAGE)


def test_without_tokens_the_login_is_the_actor(make_triaged, tmp_path):
    ctl = Ctl(make_triaged(POLICY, rules=False), tmp_path)
    ctl("open", "A thing", who=None)
    ctl("ack", "PLT-1", who=None)
    login = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert ctl.json("show", "PLT-1", who=None)["incident"]["assignee"] == login
    ctl("release", "PLT-1", "--actor", "zoe", who=None)
    assert "released by zoe" in ctl("show", "PLT-1", who=None)


def test_tls_with_a_ca_file(make_triaged, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    listen = (f'listen:\n  syslog: []\n  http: [{{address: "127.0.0.1:0", '
              f'tls: {{certificate: "{cert}", key: "{key}"}}}}]\n')
    ctl = Ctl(make_triaged(POLICY + auth(), rules=False, listen=listen), tmp_path)
    url = ctl.triaged.url.replace("http:", "https:")
    assert "alice" in ctl("whoami", "--url", url, "--ca-file", str(cert))
    assert "certificate" in ctl("whoami", "--url", url, rc=UNREACHABLE)


# ---- what is printed ---------------------------------------------------------------------------------

def in_terminal(ctl, columns, *words, **env):
    """What triagectl prints to a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.Popen([ctl.program, *words], env=ctl.env("alice", **env), stdout=slave, stderr=slave,
                            stdin=subprocess.DEVNULL)
    os.close(slave)
    out = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        out += piece
    os.close(master)
    assert done.wait(30) == OK, out
    return out.decode().replace("\r\n", "\n")


def test_a_terminal_gets_its_width_and_colours(ctl):
    ctl.alert(annotations={"summary": "long " * 60})
    ctl("open", "A very long title " * 10)
    ctl.wait_listed("NET-1", "PLT-1")
    for columns in (40, 60, 80, 120):
        for words in (["list"], ["show", "NET-1"], ["queues"], ["explain", "NET-1"]):
            text = in_terminal(ctl, columns, *words)
            assert "\033[1m" in text
            for line in re.sub(r"\033\[[\d;]*m", "", text).splitlines():
                if words[0] in ("list", "queues"):
                    assert len(line) <= columns, (columns, words, line)
    assert "\033" not in in_terminal(ctl, 80, "list", NO_COLOR="1")
    assert "\033" not in in_terminal(ctl, 80, "list", TERM="dumb")
    assert "\033" not in ctl("list") and "…" not in ctl("list")
    assert "\033" in ctl("list", "--color", "always")


def test_hostile_texts_do_not_reach_the_terminal(ctl):
    evil = "\033]0;owned\a\033[2Jx\u202e\r\n\x9b31m"
    ctl.alert(name="LinkDown", instance=f"a{evil}", annotations={"summary": evil})
    ctl.wait_listed("NET-1")
    ctl("note", "NET-1", evil + "note")
    for words in (["list"], ["show", "NET-1"], ["explain", "NET-1"], ["queues"], ["review", "show", "NET-1"]):
        text = ctl(*words)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text), words


def test_help_and_completion(ctl):
    assert "triagectl COMMAND" in ctl("help") and "--fix NAME" in ctl("help", "resolve")
    assert ctl("review", "show", "--help").startswith("usage: triagectl review show")
    script = ctl("completion", "bash") + """
t() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _triagectl; echo "${COMPREPLY[@]}"; }
t triagectl resol
t triagectl review wr
t triagectl list --state clo
t triagectl review write --root
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["resolve", "write", "closed", "--root-cause"], done
    zsh = ctl("completion", "zsh")
    assert zsh.startswith("#compdef triagectl") and "'*:ID:{_triagectl_ask ids}'" in zsh and "{_triagectl_ask teams}" in zsh
    assert "not for" in ctl("completion", "fish", rc=USAGE)


def typed(ctl, text, want, **env):
    """What an interactive bash makes of the line when Tab is pressed; waits until it shows `want`."""
    rc = ctl.home / "bashrc"
    rc.write_text("PS1='$ '; bind 'set show-all-if-ambiguous on' 'set enable-bracketed-paste off' 2>/dev/null\n"
                  "source <(triagectl completion bash)\necho ready\n")
    env = {**ctl.env("alice", **env), "PATH": os.path.dirname(ctl.program) + ":" + os.environ["PATH"], "INPUTRC": "/dev/null"}
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("bash", ["bash", "--noprofile", "--rcfile", str(rc), "-i"], env)
    os.set_blocking(fd, False)
    seen = ""

    def shows(words):
        nonlocal seen
        try:
            seen += os.read(fd, 65536).decode(errors="replace")
        except BlockingIOError:
            pass
        return all(w in seen for w in words)

    try:
        wait_until(lambda: shows(["ready\r\n"]), lambda: seen)
        seen = ""
        os.write(fd, text.encode() + b"\t")
        wait_until(lambda: shows(want), lambda: f"{want} in {seen!r}")
    finally:
        os.close(fd)
        os.waitpid(pid, 0)


def test_a_real_bash_completes_ids_and_teams(ctl):
    for n in range(12):
        ctl.alert(name="LinkDown", instance=f"a{n}")
    ctl.wait_listed("NET-12")
    assert ctl("complete", "ids").split() == [f"NET-{n}" for n in range(1, 13)]
    assert ctl("complete", "teams").split() == ["network", "platform"] and ctl("complete", "reviews") == ""
    typed(ctl, "triagectl ack NET-", ["NET-1 ", "NET-12", "NET-7"])
    typed(ctl, "triagectl list --team pl", ["--team platform"])
    typed(ctl, f"triagectl show --url {ctl.triaged.url} NET-12", ["NET-12 "], TRIAGED_URL="http://127.0.0.1:1")
    # when the daemon is away: nothing, and no word of complaint, and soon
    gone = {"TRIAGED_URL": f"http://127.0.0.1:{free_port()}"}
    done = ctl.run("complete", "ids", **gone)
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")
    assert "can be completed" in ctl("complete", "everything", rc=USAGE)
