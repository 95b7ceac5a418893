"""What was put aside: quarantined payloads and dead letters, looked at and brought back by triagectl."""
import base64
import concurrent.futures
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys

import pytest
import requests

from conftest import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests/chaos"))

CONFIG = """teams: {net: {id: NET}}
default_team: net
rules: [{name: all, match: [], set: {team: net, category: network, impact: medium, urgency: medium}}]
webhooks: [{name: checks, alerts: "%s", labels: {alertname: check, host: host}, severity: level}]
"""
PAYLOAD = {"events": [{"check": "ping", "host": "h1", "level": "critical"}, {"check": "ping", "host": "h2", "level": "critical"}]}


def ctl(triaged, *args, rc=0, **kw):
    done = subprocess.run([str(triaged.build / "src/cli/triagectl"), *args, "--url", triaged.url], capture_output=True,
                          text=True, timeout=60, env={"HOME": "/nowhere", "PATH": os.environ["PATH"]}, **kw)
    assert done.returncode == rc, (done.returncode, done.stdout, done.stderr)
    assert "Sanitizer" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def triaged(make_triaged):
    t = make_triaged(CONFIG % "alerts", rules=False)
    wait_until(lambda: "redis ready" in t.get("/-/ready").text, "ready")
    return t


def kept(triaged):
    return triaged.get("/api/v1/quarantine").json()["quarantine"]


def test_quarantine_is_listed_shown_and_replayed(triaged, store):
    answer = triaged.post("/webhook/checks", PAYLOAD)
    assert answer.status_code == 200 and answer.json()["quarantined"]
    wait_until(lambda: len(kept(triaged)) == 1, "kept")
    entry = kept(triaged)[0]
    assert entry["webhook"] == "checks" and entry["peer"] == "127.0.0.1" and not entry["cut"]
    assert entry["bytes"] == len(json.dumps(PAYLOAD)) and entry["reason"] == answer.json()["quarantined"]
    listed = ctl(triaged, "quarantine", "list")
    assert entry["id"] in listed and "checks" in listed and entry["reason"] in listed
    shown = ctl(triaged, "quarantine", "show", entry["id"])
    assert json.loads(shown[shown.index("{"):]) == PAYLOAD
    assert "still" not in ctl(triaged, "quarantine", "replay", entry["id"], rc=1)  # nothing was mended yet
    assert len(kept(triaged)) == 1 and store.incidents() == []
    triaged.write_config(CONFIG % "events")
    assert triaged.post("/-/reload", "").status_code == 200
    assert "2 alerts taken in" in ctl(triaged, "quarantine", "replay", entry["id"])
    incident = store.wait_one(lambda i: len(i.alerts) == 2)
    assert {a["labels"]["host"] for a in incident.alerts.values()} == {"h1", "h2"}
    wait_until(lambda: kept(triaged) == [], "it is no longer kept")
    assert "no such entry" in ctl(triaged, "quarantine", "replay", entry["id"], rc=1)
    assert "Nothing is kept" in ctl(triaged, "quarantine", "list")


def test_quarantine_has_pages_newest_first(triaged):
    for i in range(7):
        triaged.post("/webhook/checks", {"n": i})
    wait_until(lambda: len(kept(triaged)) == 7, "kept")
    ids = [e["id"] for e in kept(triaged)]
    seen, cursor = [], ""
    while cursor is not None:
        page = triaged.get("/api/v1/quarantine", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [e["id"] for e in page["quarantine"]]
        cursor = page["next"]
    assert seen == ids == sorted(ids, key=lambda i: [int(x) for x in i.split("-")], reverse=True)
    assert len(ctl(triaged, "quarantine", "list").splitlines()) == 8


@pytest.mark.parametrize("path, status", [
    ("quarantine/nonsense", 400), ("quarantine/1-1", 404), ("quarantine?limit=0", 400), ("quarantine?limit=x", 400),
    ("quarantine?limit=501", 400), ("quarantine?cursor=;", 400), ("quarantine/" + "1" * 70, 400)])
def test_bad_questions(triaged, path, status):
    assert triaged.get("/api/v1/" + path).status_code == status


def test_a_payload_that_was_cut_says_so(triaged):
    triaged.post("/webhook/checks", {"pad": "x" * 100_000})
    entry = wait_until(lambda: kept(triaged), "kept")[0]
    assert entry["cut"] and entry["bytes"] > 100_000
    whole = triaged.get(f"/api/v1/quarantine/{entry['id']}").json()
    assert len(whole["body"]) == 64 * 1024
    assert "only the first 65536 of" in ctl(triaged, "quarantine", "show", entry["id"])


def test_two_replays_at_once_take_it_in_once(triaged, store, redis_server):
    triaged.post("/webhook/checks", PAYLOAD)
    entry = wait_until(lambda: kept(triaged), "kept")[0]
    triaged.write_config(CONFIG % "events")
    assert triaged.post("/-/reload", "").status_code == 200
    pending = triaged.metrics()['triaged_http_requests_pending{worker="0"}']
    redis_server.popen.send_signal(signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = [pool.submit(triaged.post, f"/api/v1/quarantine/{entry['id']}/replay", "") for _ in range(2)]
        try:
            wait_until(lambda: triaged.metrics()['triaged_http_requests_pending{worker="0"}'] >= pending + 2, "both wait")
        finally:
            redis_server.popen.send_signal(signal.SIGCONT)
        got = sorted(a.result().status_code for a in answers)
    assert got in ([200, 404], [200, 409]), [a.result().text for a in answers]
    incident = store.wait_one(lambda i: len(i.alerts) == 2)
    wait_until(lambda: kept(triaged) == [], "it is no longer kept")
    assert [a["count"] for a in incident.alerts.values()] == [1, 1]


def test_a_replay_that_the_spool_refuses_stays_in_quarantine(triaged, store):
    triaged.post("/webhook/checks", PAYLOAD)
    entry = wait_until(lambda: kept(triaged), "kept")[0]
    triaged.write_config(CONFIG % "events")
    assert triaged.post("/-/reload", "").status_code == 200
    pid = triaged.popen.pid
    with requests.Session() as session:
        assert session.get(triaged.url + "/-/healthy", timeout=10).ok
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        free = next(n for n in range(3, 1000) if n not in used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))  # no segment can be created
        try:
            answer = session.post(f"{triaged.url}/api/v1/quarantine/{entry['id']}/replay", timeout=30)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "spool_broken", answer.text
    assert [e["id"] for e in kept(triaged)] == [entry["id"]], "it is gone, and nothing was taken in"
    wait_until(lambda: triaged.post(f"/api/v1/quarantine/{entry['id']}/replay", "").status_code == 200, "taken in")
    incident = store.wait_one(lambda i: len(i.alerts) == 2)
    assert [a["count"] for a in incident.alerts.values()] == [1, 1] and kept(triaged) == []


# ---- dead letters

@pytest.fixture
def refused(make_triaged, redis_server, tmp_path):
    """A daemon, three of whose records Redis has refused, and the tags of their alerts."""
    from proxy import Injector
    proxy = Injector(tmp_path / "proxy.sock", redis_server.sock, 1)
    t = make_triaged(CONFIG % "alerts", rules=False, redis_sock=proxy.path)
    wait_until(lambda: "redis ready" in t.get("/-/ready").text, "ready")
    tags = []
    for i in range(5):
        if i % 2 == 0:
            proxy.arm(1, "ERR BADRECORD by a test")
            tags.append(f"t{i}")
        t.alerts({"labels": {"alertname": "Dead", "tag": f"t{i}", "severity": "critical"}})
        wait_until(lambda: t.metrics().get("triaged_shipped_records_total{answer=\"ok\"}") if i % 2 else
                   t.metrics()["triaged_dead_letters_total"] == i // 2 + 1, "answered by Redis")
    yield t, tags
    proxy.stop()


def tags_of(store):
    return sorted(a["labels"]["tag"] for i in store.incidents() for a in i.alerts.values() for _ in range(a["count"]))


def test_dead_letters_come_back(refused, store):
    triaged, tags = refused
    spool = triaged.directory / "spool"
    wait_until(lambda: tags_of(store) == ["t1", "t3"], lambda: f"the others; {tags_of(store)}")
    seen = ctl(triaged, "spool", "inspect", str(spool), rc=2)  # takes no --url
    seen = subprocess.run([str(triaged.build / "src/cli/triagectl"), "spool", "inspect", "--records", str(spool)],
                          capture_output=True, text=True, check=True).stdout
    assert "sound" in seen and "BADRECORD by a test" in seen and "3 dead letters" in seen
    assert "5 records in 1 segments" in seen and seen.count(" 1 observation,") == 5
    assert "3 dead letters taken in" in ctl(triaged, "spool", "retry", str(spool))
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t2", "t3", "t4"], lambda: f"all; {tags_of(store)}")
    assert sorted(p.name for p in (spool / "worker-0").glob("dead-letter*")) == ["dead-letter.given"]
    assert "0 dead letters taken in" in ctl(triaged, "spool", "retry", str(spool))
    assert tags_of(store) == ["t0", "t1", "t2", "t3", "t4"]


def test_a_retry_that_was_interrupted_goes_on(refused, store):
    triaged, tags = refused
    spool = triaged.directory / "spool/worker-0"
    url, triaged.url = triaged.url, "http://127.0.0.1:1"
    assert "cannot reach" in ctl(triaged, "spool", "retry", str(spool), rc=3)
    triaged.url = url
    assert len((spool / "dead-letter.retry.jsonl").read_text().splitlines()) == 3
    first = (spool / "dead-letter.retry.jsonl").read_text().splitlines()[0]
    assert triaged.post("/api/v1/dead-letters", first).status_code == 200
    (spool / "dead-letter.retry.jsonl.done").write_text("%020d\n" % (len(first) + 1))
    assert "2 dead letters taken in" in ctl(triaged, "spool", "retry", str(spool))
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t2", "t3", "t4"], lambda: f"all; {tags_of(store)}")


def test_a_retry_that_was_killed_at_its_end_hides_nothing(refused, store):
    """The file was done with and removed, and the note how far it was given was not."""
    triaged, tags = refused
    spool = triaged.directory / "spool/worker-0"
    lines = (spool / "dead-letter.jsonl").read_text().splitlines(keepends=True)
    (spool / "dead-letter.retry.jsonl.done").write_text("%020d\n" % len(lines[0] + lines[1]))
    assert "3 dead letters taken in" in ctl(triaged, "spool", "retry", str(spool))
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t2", "t3", "t4"], lambda: f"all; {tags_of(store)}")
    assert sorted(p.name for p in spool.glob("dead-letter*")) == ["dead-letter.given"]


def test_half_a_letter_holds_up_no_retry(refused, store):
    """A kill cut off the last line of the file: nobody will ever end it."""
    triaged, tags = refused
    spool = triaged.directory / "spool/worker-0"
    with (spool / "dead-letter.jsonl").open("a") as f:
        f.write('{"at":"2026-01-01T00:00:00.000Z","team":"n')
    assert "3 dead letters taken in, 1 refused" in ctl(triaged, "spool", "retry", str(spool), rc=1)
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t2", "t3", "t4"], lambda: f"all; {tags_of(store)}")
    assert (spool / "dead-letter.refused.jsonl").read_text() == '{"at":"2026-01-01T00:00:00.000Z","team":"n\n'
    assert "0 dead letters taken in" in ctl(triaged, "spool", "retry", str(spool))


def test_a_letter_that_is_being_written_is_waited_for(refused, store):
    """triaged holds the file while it writes a letter."""
    triaged, tags = refused
    spool = triaged.directory / "spool/worker-0"
    lines = (spool / "dead-letter.jsonl").read_text()
    with (spool / "dead-letter.jsonl").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.write(lines[:-10])
        f.flush()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            said = pool.submit(ctl, triaged, "spool", "retry", str(spool))
            wait_until(lambda: (spool / "dead-letter.retry.jsonl").exists(), "it is taken in hand")
            assert not concurrent.futures.wait([said], 0.3).done
            f.write(lines[-10:])
            f.close()
            assert "3 dead letters taken in" in said.result()
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t2", "t3", "t4"], lambda: f"all; {tags_of(store)}")


def test_two_retries_at_once(refused, store):
    """The second is told so, and nothing is given twice."""
    triaged, tags = refused
    spool = triaged.directory / "spool/worker-0"
    with socket.create_server(("127.0.0.1", 0)) as stuck:  # a daemon that does not answer
        first = subprocess.Popen([str(triaged.build / "src/cli/triagectl"), "spool", "retry", str(spool), "--url",
                                  "http://127.0.0.1:%d" % stuck.getsockname()[1]], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env={"HOME": "/nowhere", "PATH": os.environ["PATH"]})
        with stuck.accept()[0]:
            said = ctl(triaged, "spool", "retry", str(spool), rc=1)
        first.kill()
        first.wait()
    assert "another" in said and "0 dead letters taken in" in said
    assert "3 dead letters taken in" in ctl(triaged, "spool", "retry", str(spool))
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t2", "t3", "t4"], lambda: f"all, once; {tags_of(store)}")


def test_what_is_no_dead_letter_is_put_aside(refused, store):
    triaged, tags = refused
    spool = triaged.directory / "spool/worker-0"
    lines = (spool / "dead-letter.jsonl").read_text().splitlines()
    bad = json.loads(lines[1])
    bad["payload"] = base64.b64encode(base64.b64decode(bad["payload"])[:-3]).decode()
    (spool / "dead-letter.jsonl").write_text("\n".join([lines[0], json.dumps(bad), "nonsense", lines[2]]) + "\n")
    said = ctl(triaged, "spool", "retry", str(spool), rc=1)
    assert "2 dead letters taken in, 2 refused" in said and "is no record" in said
    assert (spool / "dead-letter.refused.jsonl").read_text().splitlines() == [json.dumps(bad), "nonsense"]
    wait_until(lambda: tags_of(store) == ["t0", "t1", "t3", "t4"], lambda: f"the good ones; {tags_of(store)}")


@pytest.mark.parametrize("change, status", [
    ({"team": "a b"}, 400), ({"team": ""}, 400), ({"team": None}, 400), ({"payload": "%%"}, 400), ({"payload": ""}, 422),
    ({"payload": base64.b64encode(b"x" * 100).decode()}, 422),
    ({"payload": base64.b64encode(b"\x01\x02" + b"\0" * 14).decode()}, 422)])
def test_bad_dead_letters(triaged, change, status):
    answer = triaged.post("/api/v1/dead-letters", {"team": "net", "payload": "", **change})
    assert answer.status_code == status and answer.json()["error"]["message"], answer.text


def test_inspect_says_what_is_damaged(triaged, store, tmp_path):
    for i in range(50):
        triaged.alerts({"labels": {"alertname": "A", "n": str(i)}})
    segment = next((triaged.directory / "spool/worker-0").glob("*.seg"))
    copy = tmp_path / "copy"
    copy.mkdir()
    data = bytearray(segment.read_bytes().rstrip(b"\0"))  # without the zeros ahead of the next records
    data[len(data) // 2] ^= 0xff
    (copy / segment.name).write_bytes(data[:-5])
    program = str(triaged.build / "src/cli/triagectl")
    seen = subprocess.run([program, "spool", "inspect", str(copy)], capture_output=True, text=True, check=True).stdout
    assert "1 damaged place" in seen and "48 records" in seen
    assert (copy / segment.name).read_bytes() == data[:-5], "it only reads"
    for bad in ("/nowhere", str(copy / segment.name)):
        done = subprocess.run([program, "spool", "inspect", bad], capture_output=True, text=True)
        assert done.returncode == 1 and bad in done.stderr
