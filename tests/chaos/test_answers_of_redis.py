"""The n-th record of a pipeline fails, for every n and every kind of failure: none is lost, none overtakes
another, and what Redis refuses for its own sake is kept aside and holds up nothing."""
import base64
import json
import threading

import pytest

from harness import LONG, wait_until
from proxy import Injector, VerbsWait

PIPELINE = 6
PASSING = ["OOM command not allowed", "NOSCRIPT No matching script", "BUSY Redis is busy", "TRYAGAIN later",
           "LOADING Redis is loading", "MISCONF disk", "NOREPLICAS few", "CLUSTERDOWN down", "NOPERM no"]
RECONNECTING = ["READONLY You cannot write", "MASTERDOWN link", "NOAUTH needed", "cut before"]


@pytest.fixture
def wire(world):
    world.start_redis()
    proxy = Injector(world.tmp / "proxy.sock", world.redis.sock, 1)
    world.start_daemon(redis_sock=proxy.path)
    wait_until(lambda: "redis ready" in world.daemon.get("/-/ready").text, "ready")
    yield proxy
    proxy.stop()


class Story:
    def __init__(self, world, proxy):
        self.world, self.proxy, self.n = world, proxy, 0
        self.sent = []

    def pipeline(self, n, error):
        """Fills the pipeline while nothing passes, arms the n-th record, lets go."""
        self.proxy.stall()
        tags = []
        for _ in range(PIPELINE):
            self.n += 1
            tag = f"s{self.n}"
            answer = self.world.daemon.post("/api/v2/alerts", [{"labels": {
                "alertname": f"Chaos{self.n % 4}", "team": ("red", "blue")[self.n % 3 == 0], "tag": tag}}])
            assert answer.status_code == 200
            tags.append(tag)
        self.sent += tags
        self.proxy.arm(n, error)
        self.proxy.go_on()
        wait_until(self.drained, lambda: f"drained after {error} at {n}\n{self.world.daemon.log()[-2000:]}", 30)
        assert self.proxy.error is None, "the failure did not happen"
        return tags

    def drained(self):
        m = self.world.daemon.metrics()
        return m.get('triaged_spool_records_waiting{worker="0"}') == 0 and self.count() >= self.expected()

    def count(self):
        return sum(int(i["count"]) for i in self.world.store().incidents())

    def expected(self):
        return len(self.sent) - self.world.daemon.metrics().get("triaged_dead_letters_total", 0)

    def applied(self):
        found = {}
        for i in self.world.store().incidents():
            for a in i.alerts.values():
                tag = a["labels"]["tag"]
                found[tag] = found.get(tag, 0) + a["count"]
        return found


def test_errors_that_pass(world, wire):
    story = Story(world, wire)
    for error in PASSING if LONG else world.rng.sample(PASSING, 2):
        for n in range(1, PIPELINE + 1):
            story.pipeline(n, error)
    assert story.applied() == {tag: 1 for tag in story.sent}
    assert world.daemon.metrics().get("triaged_dead_letters_total", 0) == 0


def test_errors_that_need_another_connection(world, wire):
    story = Story(world, wire)
    for error in RECONNECTING if LONG else world.rng.sample(RECONNECTING, 1):
        for n in (1, 2, PIPELINE) if not LONG else range(1, PIPELINE + 1):
            story.pipeline(n, error)
    assert story.applied() == {tag: 1 for tag in story.sent}
    assert world.daemon.metrics().get("triaged_dead_letters_total", 0) == 0


def test_answers_to_something_else(world, wire):
    """A record that Redis never saw is not taken for applied, nor for one of a copy of us."""
    story = Story(world, wire)
    for n in range(1, PIPELINE + 1):
        story.pipeline(n, "left out")
    assert story.applied() == {tag: 1 for tag in story.sent}
    m = world.daemon.metrics()
    assert m.get("triaged_dead_letters_total", 0) == 0 and m.get("triaged_store_rewound_total", 0) == 0
    assert world.daemon.log().count("do not belong to what was asked") >= 1


def test_records_that_are_refused(world, wire):
    """Each goes to the dead-letter file, once, also when everything is sent again; all others are applied."""
    story, refused = Story(world, wire), []
    for n in range(1, PIPELINE + 1):
        tags = story.pipeline(n, "ERR BADRECORD by a test")
        refused.append(tags[n - 1])
    wire.cut()  # all that is kept is sent again
    wait_until(lambda: world.daemon.metrics().get("triaged_ship_resent_records_total", 0) > PIPELINE, "sent again")
    wait_until(story.drained, "drained")
    applied = story.applied()
    assert applied == {tag: 1 for tag in story.sent if tag not in refused}
    lines = [json.loads(line) for line in (world.tmp / "triaged/spool/worker-0/dead-letter.jsonl").open()]
    assert [line["error"] for line in lines] == ["ERR BADRECORD by a test"] * PIPELINE
    for tag, line in zip(refused, lines):
        assert f'"tag":"{tag}"'.encode() in base64.b64decode(line["payload"])
        assert line["team"] in ("red", "blue") and len(line["stream"]) == 32
    assert world.daemon.metrics()["triaged_dead_letters_total"] == PIPELINE
    assert world.daemon.metrics().get("triaged_store_rewound_total", 0) == 0, "a refusal is no loss"


def test_a_refused_record_waits_for_the_disk(world, wire):
    """Nothing is moved past before it is kept aside."""
    story = Story(world, wire)
    letters = world.tmp / "triaged/spool/worker-0/dead-letter.jsonl"
    letters.mkdir()  # cannot be written
    wire.always = b'"tag":"s2"', "ERR BADRECORD by a test"
    for _ in range(3):
        story.n += 1
        story.sent.append(f"s{story.n}")
        world.daemon.post("/api/v2/alerts", [{"labels": {"alertname": "Chaos", "team": "red", "tag": f"s{story.n}"}}])
    wait_until(lambda: "cannot keep a refused record" in world.daemon.log(), "it is said")
    refused = lambda: world.daemon.metrics().get('triaged_shipped_records_total{answer="refused"}', 0)
    wait_until(lambda: refused() >= 3, "tried again")
    letters.rmdir()
    wait_until(lambda: world.daemon.metrics()["triaged_dead_letters_total"] == 1, "kept")
    wait_until(story.drained, "drained")
    assert len(letters.read_text().splitlines()) == 1
    assert story.applied() == {"s1": 1, "s3": 1}
    assert world.daemon.metrics().get("triaged_dead_letters_lost_total", 0) == 0


def test_a_right_of_the_scripts_is_taken_away(world):
    """An operator mends a Redis user, or an upgrade needs a command that its user lacks. To a script that is an error
    of its own, and none of the record: it waits until the right is back, however often we begin anew."""
    world.start_redis()
    world.start_daemon()
    wait_until(world.at_redis, "ready")
    post = lambda tag: world.daemon.post("/api/v2/alerts", [{"labels": {
        "alertname": "Rights" + tag, "team": "red", "tag": tag}}]).status_code
    assert post("t1") == 200
    world.rest()
    world.redis.client.execute_command("ACL", "SETUSER", "default", "-hset")
    assert [post("t2"), post("t3")] == [200, 200]
    wait_until(lambda: "missing: HSET" in world.daemon.get("/-/ready").text, lambda: "said\n" + world.daemon.log()[-2000:])
    world.kill_daemon()
    wait_until(lambda: "missing: HSET" in world.daemon.get("/-/ready").text, "and again")
    world.redis.client.execute_command("ACL", "SETUSER", "default", "+hset")
    wait_until(world.at_redis, "ready")
    world.rest()
    tags = sorted(a["labels"]["tag"] for i in world.store().incidents() for a in i.alerts.values())
    assert tags == ["t1", "t2", "t3"]
    assert world.daemon.metrics().get("triaged_dead_letters_total", 0) == 0
    assert not (world.tmp / "triaged/spool/worker-0/dead-letter.jsonl").exists()


def test_a_verb_that_waits_holds_the_horizon(world):
    """An incident must not close by grace while somebody's `reopen` is on its way."""
    world.start_redis()
    wire = VerbsWait(world.tmp / "proxy.sock", world.redis.sock, 1)
    world.start_daemon(redis_sock=wire.path)
    answers = []
    try:
        wait_until(lambda: "redis ready" in world.daemon.get("/-/ready").text, "ready")

        def oldest():
            said = world.redis.client.hgetall("triaged:{red}:horizon").values()
            return [int(text.split()[0]) for text in said]
        wait_until(lambda: oldest() == [0], "the daemon ticks, and nothing waits")
        body = {"title": "x", "team": "red", "impact": "low", "urgency": "low", "category": "software",
                "actor": "maria"}
        somebody = threading.Thread(target=lambda: answers.append(world.daemon.post("/api/v1/incidents", body)))
        before = world.redis.client.time()[0] * 1000
        somebody.start()
        wait_until(lambda: oldest() and oldest()[0] >= before - 5000, lambda: f"held; answered {answers}")
        assert not answers
        wire.waiting = False
        somebody.join()
        assert answers[0].status_code == 200, answers[0].text
        wait_until(lambda: oldest() == [0], "and let go")
    finally:
        wire.stop()
