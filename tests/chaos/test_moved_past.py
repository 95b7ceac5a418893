"""What must not be applied any more: a record that stands in the dead-letter file, a verb that came too
late. Whatever Redis forgets, whenever we are killed, it is moved past, and comes back by a person's hand
alone."""
import json
import os
import subprocess
import threading

import pytest

from harness import PATIENCE, PLAIN_BUILD, wait_until
from proxy import Injector, VerbsWait


class SkipsAreLost(Injector):
    """Redis never sees a `skip`: EVALSHA sha 1 key now stream seq prev."""
    losing = False

    def perhaps(self, command):
        if self.losing and command.startswith(b"*8\r\n$7\r\nEVALSHA"):
            return b""
        return super().perhaps(command)


def start(world, kind=SkipsAreLost, **kw):
    world.start_redis()
    wire = kind(world.tmp / "proxy.sock", world.redis.sock, 1)
    world.start_daemon(redis_sock=wire.path, **kw)
    wait_until(world.at_redis, "ready")
    return wire


def post(world, tag, team="red"):
    answer = world.daemon.post("/api/v2/alerts", [{"labels": {"alertname": "Aside", "team": team, "tag": tag}}])
    assert answer.status_code == 200


def tags(world):
    return sorted(a["labels"]["tag"] for i in world.store().incidents() for a in i.alerts.values()
                  for _ in range(a["count"]))


def letters(world):
    path = world.tmp / "triaged/spool/worker-0/dead-letter.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def retry(world):
    done = subprocess.run([str(world.daemon.build / "src/cli/triagectl"), "spool", "retry",
                           str(world.tmp / "triaged/spool"), "--url", world.daemon.url], capture_output=True, text=True,
                          timeout=60 * PATIENCE, env={"HOME": "/nowhere", "PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    return done.stdout


def applied_of(world, stream=None):
    """(stream, last seq) of the alerts' stream, or of another."""
    table = world.redis.client.hgetall("triaged:{red}:applied")
    return next((k, int(v)) for k, v in table.items() if k != stream)


@pytest.mark.parametrize("how", ["killed", "cut", "killed, and the disk has half a line"])
def test_a_dead_letter_is_not_sent_again(world, how):
    """It was put aside, and then the connection or the program ended before Redis moved past it. The cause of
    the refusal has gone meanwhile: now it would be applied, and once more by `spool retry`."""
    wire = start(world)
    wire.losing = True
    wire.arm(1, "ERR BADRECORD by a test")
    post(world, "t1")
    wait_until(lambda: letters(world), "put aside")
    if how == "cut":
        wire.losing = False
        wire.cut()
    else:
        world.daemon.kill()
        if "half" in how:
            with (world.tmp / "triaged/spool/worker-0/dead-letter.jsonl").open("a") as f:
                f.write('{"at":"2026-01-01T00:00:00.000Z","team":"r')
        wire.losing = False
        world.daemon.start()
    post(world, "t2")
    wait_until(lambda: "t2" in tags(world), "the others go on")
    world.rest()
    assert tags(world) == ["t2"] and len(letters(world)) == ("half" in how) + 1
    assert world.daemon.metrics().get("triaged_store_rewound_total", 0) == 0
    if "half" in how:
        wire.arm(1, "ERR BADRECORD by a test")
        post(world, "t3")
        wait_until(lambda: len(letters(world)) == 3, "on a line of its own")
        assert json.loads(letters(world)[2])["seq"] and json.loads(letters(world)[0])["seq"]
        return
    assert "1 dead letter taken in" in retry(world)
    wait_until(lambda: tags(world) == ["t1", "t2"], lambda: f"once: {tags(world)}")
    wire.cut()
    world.rest()
    assert tags(world) == ["t1", "t2"]
    wire.stop()


def test_what_came_back_by_hand_is_not_sent_again(world):
    """A letter was given back before Redis had been told to move past its record, and the program was killed.
    The letter is no more, and the cause of the refusal neither."""
    wire = start(world)
    wire.losing = True
    wire.arm(1, "ERR BADRECORD by a test")
    post(world, "t1")
    wait_until(lambda: letters(world), "put aside")
    assert "1 dead letter taken in" in retry(world)
    world.daemon.kill()
    wire.losing = False
    world.daemon.start()
    post(world, "t2")
    wait_until(lambda: "t2" in tags(world), "the others go on")
    world.rest()
    assert tags(world) == ["t1", "t2"]
    wire.stop()


def test_what_redis_lost_and_then_refuses_is_kept(world):
    """It had acknowledged it: that is no reason to think that it was put aside."""
    wire = start(world)
    post(world, "t1")
    post(world, "t2")
    wait_until(lambda: tags(world) == ["t1", "t2"], "applied")
    world.rest()
    stream, last = applied_of(world)
    world.redis.client.hset("triaged:{red}:applied", stream, last - 1)  # as a lost tail would
    wire.arm(2, "ERR BADRECORD by a test")  # the first is answered SKIP
    wire.cut()
    wait_until(lambda: wire.error is None, "sent again")
    wait_until(lambda: letters(world), "kept")
    world.rest()
    assert json.loads(letters(world)[0])["seq"] == last and len(letters(world)) == 1
    wire.stop()


def test_a_verb_that_came_too_late_stays_undone(world, clock):
    """Its sender was told 504. Redis then loses its last second, and gets the record again."""
    wire = start(world, VerbsWait, build=PLAIN_BUILD, env=clock.env)
    wire.waiting = False
    body = {"team": "red", "impact": "low", "urgency": "low", "category": "software", "actor": "maria"}
    assert world.daemon.post("/api/v1/incidents", {**body, "title": "in time"}).status_code == 200
    world.rest()
    clock.behind(40)  # so it was asked for 40 s ago
    wire.waiting = True
    answers = []
    somebody = threading.Thread(target=lambda: answers.append(world.daemon.post("/api/v1/incidents",
                                                                                {**body, "title": "late"})))
    sent = wire.seen_verbs
    somebody.start()
    wait_until(lambda: wire.seen_verbs > sent, "on its way")
    clock.behind(0)
    wire.waiting = False
    somebody.join()
    assert answers[0].status_code == 504 and answers[0].json()["error"]["code"] == "expired"
    titles = lambda: [i["title"] for i in world.store().incidents()]
    assert titles() == ["in time"]
    stream, last = applied_of(world)
    world.redis.client.hset("triaged:{red}:applied", stream, last - 1)
    wire.cut()
    wait_until(lambda: applied_of(world)[1] == last, "Redis has caught up")
    assert titles() == ["in time"]
    wire.stop()


def test_a_copy_of_us_used_our_stream(world):
    """A virtual machine was set back to a snapshot, or cloned while it ran: Redis has records of our stream that
    we never sent, and takes ours for those."""
    wire = start(world)
    post(world, "t1")
    wait_until(lambda: tags(world) == ["t1"], "applied")
    stream, last = applied_of(world)
    world.redis.client.hset("triaged:{red}:applied", stream, last + 3)
    for tag in ("t2", "t3", "t4", "t5"):
        post(world, tag)
        world.rest()
    assert tags(world) == ["t1", "t5"]
    assert len(letters(world)) == 3
    assert "copy" in world.daemon.log()
    wire.cut()  # sent again: nothing new
    world.rest()
    assert world.daemon.metrics()["triaged_dead_letters_total"] == 3
    assert "3 dead letters taken in" in retry(world)
    wait_until(lambda: tags(world) == ["t1", "t2", "t3", "t4", "t5"], lambda: f"none is lost: {tags(world)}")
    wire.stop()


def test_a_copy_of_us_used_our_stream_for_another_team_as_well(world):
    """Its numbers lie between those of ours: a record of ours comes after what it applied last, and yet does not
    follow it. It is applied, once, and holds up nobody."""
    wire = start(world)
    for tag, team in (("t1", "red"), ("b1", "blue"), ("t2", "red")):
        post(world, tag, team)
        wait_until(lambda: tag in tags(world), "applied")
    stream, last = applied_of(world)
    post(world, "b2", "blue")  # last + 1
    post(world, "b3", "blue")
    wait_until(lambda: "b3" in tags(world), "applied")
    world.redis.client.hset("triaged:{red}:applied", stream, last + 1)
    post(world, "t3")  # last + 3, after last
    post(world, "b4", "blue")
    wait_until(lambda: "b4" in tags(world), lambda: f"nobody is held up: {tags(world)}\n{world.daemon.log()[-2000:]}")
    world.rest()
    assert tags(world) == ["b1", "b2", "b3", "b4", "t1", "t2", "t3"]
    assert world.daemon.metrics()["triaged_store_rewound_total"] == 0, "Redis has lost nothing"
    wire.stop()


def test_a_team_whose_keys_are_broken_holds_up_no_other(world):
    """Somebody wrote nonsense there: what comes in for it is kept aside, and comes back when that is mended."""
    wire = start(world)
    world.redis.client.set("triaged:{red}:applied", "nonsense")
    red = [f"r{i}" for i in range(200)]  # more than are in flight
    for tag in red:
        post(world, tag)
    post(world, "b", "blue")
    wait_until(lambda: "b" in tags(world), "the other team goes on")
    world.rest()
    assert len(letters(world)) == len(red) and world.daemon.log().count("becomes dead letters") <= 3
    world.redis.client.delete("triaged:{red}:applied")
    post(world, "mended")
    wait_until(lambda: tags(world) == ["b", "mended"], lambda: f"and this one: {tags(world)}")
    assert f"{len(red)} dead letters taken in" in retry(world)
    wait_until(lambda: tags(world) == sorted(["b", "mended", *red]), "all of it, once")
    wire.stop()
