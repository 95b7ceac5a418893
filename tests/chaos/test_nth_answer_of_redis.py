"""The n-th answer of Redis goes wrong, for every n and every kind of command: the connection is cut before, after or
within it, it is nonsense, or it is an error. Senders of alerts never hear of it, nothing is lost, nothing counts
twice, a verb is done once, and the log says what happened. Short: a sample of all kinds; TRIAGED_LONG: every n."""
import traceback

from harness import LONG, free_port
from play import NOT_UP, Play, play_all
from replies import CUTS, SCRIPTS, Replies, Wrong

PASSING, ELSEWHERE, UNKNOWN = "BUSY Redis is busy", "READONLY You cannot write", "ERR nobody knows this one"
HANDSHAKE = ("AUTH", "INFO", "SCRIPT", "CLIENT", "ROLE", "TIME", "BGREWRITEAOF")
# What nobody waits for, or is asked again at once, or (a reader) is told 503.
SAID = ("AUTH", "INFO", "SCRIPT", "observe", "verb", "skip", "adopt", "settings", "tick")
EACH = 1  # of a kind, in the short run


class Story(Play):
    """With more of Redis in it: it forgets everything, the connection is cut, the clocks tick."""
    SPOOL = Play.SPOOL.replace("64KiB", "4MiB")
    REDIS_OPTIONS = ("--appendonly", "yes", "--user", "maria", "on", ">secret", "~*", "&*", "+@all")

    def address(self):
        return free_port()

    def redis_config(self):
        return f'{{url: "redis://maria:secret@127.0.0.1:{self.wire.path[1]}/0"}}'

    def tell(self):
        self.start()
        self.api_v2(2)
        self.dead = self.api_v2(name="Dead")
        self.relp(2)
        self.tcp()
        self.verb()
        self.request("/webhook/alertmanager", {"version": "4", "alerts": []})  # quarantined
        for path in ("incidents", "queues", "stats", "quarantine", "reviews", "problems"):
            self.read("/api/v1/" + path)
        self.shipped()
        self.tick()
        self.redis.client.flushall()
        self.wire.applied.clear()
        self.webhook()
        self.shipped()
        self.wire.cut()
        self.webhook()
        self.verb()
        self.shipped()
        self.stop()
        self.start()
        self.api_v2()
        self.shipped()
        self.tick()
        self.stop()

    def tick(self):
        before = self.metric('triaged_ticks_total{result="ok"}')
        self.until(lambda: self.metric('triaged_ticks_total{result="ok"}') >= before + 2, "a tick")

    def missing(self):
        letters = "".join(self.letters())
        return [tag for tag in super().missing() if f'"{tag}"' not in letters]

    def check(self):
        assert not self.ledger.refused and not self.ledger.unknown, str(self.ledger)
        super().check()


def one(directory, wrong):
    story = Story(directory, wire=Replies)
    wire = story.wire
    try:
        wire.wrong = wrong
        story.tell()
        hits, wire.wrong = wire.hits, None
        story.last_life()
        story.check()
        said = story.daemon.log()
        if wrong is None:
            return wire.counts
        if not hits:
            return NOT_UP
        if wrong.how in CUTS and "lost redis" not in said and "cannot use redis" not in said:
            return "NOT SAID"
        if wrong.how == UNKNOWN and wrong.kind in SAID and UNKNOWN not in said:
            return "NOT SAID"
        return "a dead letter, brought back" if "kept in the dead-letter file" in said.replace("BADRECORD", "", 1) and \
            UNKNOWN in said and wrong.kind in ("observe", "verb") else "went on"
    except BaseException:
        log = directory / "triaged/triaged.log"
        return "FAILED\n" + traceback.format_exc() + (log.read_text()[-6000:] if log.exists() else "")
    finally:
        story.close()


def ways(kind):
    errors = (PASSING, ELSEWHERE, UNKNOWN) if kind in (*HANDSHAKE, *SCRIPTS) else (PASSING, ELSEWHERE)
    return CUTS + errors


def plan(counts, rng):
    """Long: every answer in two ways, once alone and once with the two after it. Short: some of each kind in one."""
    chosen = []
    for kind, most in sorted(counts.items()):
        for n in range(1, most + 1) if LONG else rng.sample(range(1, most + 1), min(EACH, most)):
            one_way, other = rng.sample(ways(kind), 2)
            if LONG:
                chosen += [Wrong(kind, n, one_way), Wrong(kind, n, other, 3)]
            else:
                chosen.append(Wrong(kind, n, one_way, rng.choice((1, 3))))
    return chosen


def test_the_nth_answer_goes_wrong(tmp_path, rng):
    counts = one(tmp_path / "calm", None)
    assert not isinstance(counts, str), counts
    assert set(SCRIPTS) - {"audit"} <= set(counts), counts
    wrongs = plan(counts, rng)
    print(f"answers {dict(counts)}; {len(wrongs)} go wrong")
    play_all(wrongs, lambda name, wrong: one(tmp_path / name, wrong), lambda wrong: wrong.how)
