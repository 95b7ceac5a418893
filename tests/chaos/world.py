"""One Redis, one triaged, a load, and the check of what the promises say afterwards."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from harness import LONG, Redis, Store, TIERS, Triaged, assert_clean, wait_until
from load import Load

CONFIG = """teams: {{red: {{id: RED}}, blue: {{id: BLU}}}}
default_team: red
retention: {{alerts_per_incident: 1000000}}
workers: {workers}
rules:
  - {{name: reds, match: ['team="red"'], set: {{team: red, category: software, impact: medium, urgency: medium}}, group_by: [alertname]}}
  - {{name: blues, match: ['team="blue"'], set: {{team: blue, category: network, impact: low, urgency: high}}, group_by: [alertname]}}
  - {{name: logs, match: ['source="syslog"'], set: {{team: blue, category: hardware, impact: low, urgency: low}}, group_by: [app]}}
"""


class Daemon(Triaged):
    """Counts its lives, so that a sender knows whether the daemon it spoke to is still the same."""
    life = 0

    def start(self):
        super().start()
        self.life += 1

    def kill(self):
        self.life += 1  # before it dies: what is being sent now is not known to be kept
        super().kill()


class Unstartable(Exception):
    pass


class Server(Redis):
    """A redis-server that says at once when it refuses to start, and remembers when it was stopped."""
    died = None

    def stop(self, *args, **kw):
        self.died = time.monotonic()
        return super().stop(*args, **kw)

    def answers(self):
        if not self.alive():
            self.log_file.close()
            raise Unstartable(self.log()[-2000:])
        return super().answers()


class AofWatch(threading.Thread):
    """Remembers how long the last AOF file was when, so that a cut loses a second, not more."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory = pathlib.Path(directory) / "appendonlydir"
        self.sizes, self.first_seen = {}, {}
        self.stopping = threading.Event()
        self.start()

    def last_file(self):
        try:
            manifest = (self.directory / "appendonly.aof.manifest").read_text()
        except OSError:
            return None
        names = re.findall(r"^file (\S+) seq \d+ type i$", manifest, re.M)
        return self.directory / names[-1] if names else None

    def run(self):
        while not self.stopping.wait(0.02):
            path = self.last_file()
            try:
                size = path and path.stat().st_size
            except OSError:
                continue
            if path:
                history = self.sizes.setdefault(path.name, [])
                if not history or history[-1][1] != size:
                    history.append((time.monotonic(), size))
                    del history[:-200]

    def floor(self, seconds, died):
        """(file, its size `seconds` before Redis died)."""
        path, then = self.last_file(), died - seconds
        if not path:
            return None, 0
        older = [size for at, size in self.sizes.get(path.name, []) if at <= then]
        return path, older[-1] if older else 0

    def stop(self):
        self.stopping.set()
        self.join()


class World:
    def __init__(self, tmp_path, rng):
        self.tmp, self.rng = pathlib.Path(tmp_path), rng
        self.redis = self.daemon = self.load = self.watch = None
        self.loads, self.others = [], []
        self.notes = []
        self.cut_bytes = 0

    # -- parts
    def start_redis(self, *options):
        self.redis_options = options or ("--appendonly", "yes", "--appendfsync", "everysec")
        self.redis = Server(self.tmp / "redis", *self.redis_options)
        if self.watch is None:
            self.watch = AofWatch(self.tmp / "redis")
        return self.redis

    def restart_redis(self):
        """Redis 7.0 cuts a tail that is torn inside MULTI only back to the last whole command. Killed
        again while its AOF is rewritten, it finds that in a file that is no longer the last one, and
        refuses to start; then a person mends that file, as its log says."""
        try:
            self.start_redis(*self.redis_options)
        except Unstartable as e:
            torn = re.search(r"Truncating the AOF (\S+) at offset \d+ !!!", str(e))
            assert torn and "is not the last file" in str(e), e
            subprocess.run(["redis-check-aof", "--fix", str(self.tmp / "redis/appendonlydir" / torn[1])],
                           input=b"y\n", check=True, stdout=subprocess.DEVNULL)
            self.notes.append(f"mended {torn[1]} with redis-check-aof")
            self.start_redis(*self.redis_options)

    def start_daemon(self, extra="", workers=1, redis_sock=None, **kw):
        kw.setdefault("spool", "{directory: \"%s\", min_free: 1MiB}")
        self.daemon = Daemon(self.tmp / "triaged", redis_sock or getattr(self.redis, "sock", "/nowhere"),
                             CONFIG.format(workers=workers) + extra, rules=False, **kw)
        return self.daemon

    def start_load(self, **kw):
        name = "abcdefgh"[len(self.loads)]
        self.load = Load(self.rng.randrange(1 << 30), lambda: self.daemon, name=name, **kw).start()
        self.loads.append(self.load)
        return self.load

    def start(self, load=True, **kw):
        self.start_redis()
        self.start_daemon(**kw)
        if load:
            self.start_load()
        return self

    def nap(self, least, most):
        """A random moment: when something breaks must not depend on what the program does."""
        threading.Event().wait(self.rng.uniform(least, most))

    # -- breaking
    def kill_daemon(self):
        self.daemon.kill()
        self.daemon.start()

    def kill_redis(self, cut=False, again=False, lose=0.9):
        """kill -9, the AOF's tail cut at a random byte of the last second, perhaps a second restart."""
        self.redis.stop(signal.SIGKILL)
        if cut:
            self.cut_tail(lose)
        self.restart_redis()
        if again:
            self.nap(0, 0.3)
            self.redis.stop(signal.SIGKILL)
            self.restart_redis()

    def cut_tail(self, lose=0.9):
        """Of the AOF of a Redis that is dead: at a random byte of what it wrote in its last second."""
        path, floor = self.watch.floor(lose, self.redis.died)
        if path and path.exists():
            size = path.stat().st_size
            keep = self.rng.randint(min(floor, size), size)
            os.truncate(path, keep)
            self.cut_bytes += size - keep
            self.notes.append(f"cut {path.name} from {size} to {keep}")

    # -- the end
    def settle(self, timeout=900 if LONG else 90):
        """Stops the load and waits until all that was accepted has been shipped."""
        for load in self.loads:
            load.stop()
            load.settle_syslog(self.daemon.life)
        self.rest(timeout)

    def at_redis(self):
        """Every worker is. One that is not yet may still have to send again what nobody says is waiting."""
        workers = [line for line in self.daemon.get("/-/ready").text.splitlines() if line.startswith("worker ")]
        return workers and all("redis ready" in line for line in workers)

    def rest(self, timeout=90):
        """Waits until nothing waits in the spool and nothing is sent again."""
        def drained():
            m = self.daemon.metrics()
            waiting = [v for k, v in m.items() if k.startswith("triaged_spool_records_waiting")]
            return waiting and not any(waiting) and self.at_redis()

        wait_until(lambda: drained() and drained(), lambda: "the spool drained\n" + self.daemon.log()[-3000:] +
                   self.daemon.get("/-/ready").text, timeout)
        # What Redis acknowledged may be sent again right now; the folds of syslog are 20 ms.
        wait_until(lambda: self.still(), "everything came to rest", timeout)

    def still(self):
        """Nothing moves in two ticks, which come once a second."""
        def ticks(m):
            return m.get('triaged_ticks_total{result="ok"}', 0)

        before = self.daemon.metrics()
        wait_until(lambda: ticks(self.daemon.metrics()) >= ticks(before) + 3, "two seconds of ticks")
        after = self.daemon.metrics()
        return not [k for k in after if k.startswith(("triaged_shipped_records_total", "triaged_alerts_total",
                                                      "triaged_spool_records_waiting"))
                    and after[k] != before.get(k, 0)]

    def store(self):
        return Store(self.redis.client)

    def wait_all_there(self):
        """Waits until every accepted alert is in Redis. Less than check(), and quicker."""
        accepted = set().union(*(l.ledger.accepted for l in self.loads))
        missing = lambda: accepted - set(Check(self.store(), []).tags())
        wait_until(lambda: not missing(), lambda: f"all there; missing {sorted(missing())[:5]}\n" +
                   self.daemon.log()[-2000:], 30, every=0.2)

    def check(self, lost_before=None):
        """The promises. lost_before: tags accepted earlier may be gone (Redis lost its data)."""
        ledgers = [l.ledger for l in self.loads]
        accepted = set().union(*(l.accepted for l in ledgers))
        refused = set().union(*(l.refused for l in ledgers))
        for ledger in ledgers:
            assert not ledger.odd, ledger.odd[:5]
        shipped = {k: v for k, v in self.daemon.metrics().items() if "shipped_records" in k or "rewound" in k}
        self.notes += [str(l) for l in ledgers] + [f"the last life shipped {shipped}"]
        print("\n".join(self.notes))
        Check(self.store(), self.notes).all(accepted, refused, lost_before or set())
        assert_clean(self.daemon)

    def finish(self):
        for load in self.loads:
            if not load.stopping.is_set():
                load.stopping.set()
                load.running.set()
        try:
            if self.daemon and not self.daemon.log_file.closed and self.daemon.alive():
                status = self.daemon.stop()
                assert status == 0, self.daemon.log()[-3000:]
                assert_clean(self.daemon)
        finally:
            for process in [self.daemon, *self.others, self.redis]:
                if process is not None and not process.log_file.closed:
                    process.popen.kill()
                    process.popen.wait()
                    process.log_file.close()
            if self.watch:
                self.watch.stop()


class Check:
    """Compares sets. Says what is wrong in full: lost, twice, refused and yet there."""

    def __init__(self, store, notes):
        self.s, self.notes = store, notes
        self.incidents = store.incidents()
        self.faults = []

    def fault(self, what, items):
        items = list(items)
        if items:
            self.faults.append(f"{len(items)} {what}, such as {items[:4]}")

    def tags(self):
        """tag -> [(team, incident, count)]"""
        found = {}
        for i in self.incidents:
            for a in i.alerts.values():
                tag = a["labels"].get("tag") or a["labels"]["host"]
                found.setdefault(tag, []).append((i["team"], i["id"], a["count"]))
        return found

    def all(self, accepted, refused, may_be_lost):
        found = self.tags()
        count = {tag: sum(c for _, _, c in where) for tag, where in found.items()}
        self.fault("accepted and lost", (t for t in accepted - may_be_lost if t not in count))
        self.fault("applied more than once", ((t, found[t]) for t, c in count.items() if c > 1))
        self.fault("in two incidents", ((t, w) for t, w in found.items() if len(w) > 1))
        self.fault("refused and yet applied", (t for t in refused if t in count))
        self.one_incident_per_key()
        self.opened_once()
        self.counts()
        self.queues()
        assert not self.faults, "\n".join(self.faults + self.notes)
        assert len(accepted) > 0, "nothing was accepted: the test shows nothing"

    def one_incident_per_key(self):
        open_ones, names = {}, set()
        for i in self.incidents:
            if i["state"] in ("open", "acknowledged") and "group_key" in i:  # else by hand
                open_ones.setdefault((i["team"], i["group_key"]), []).append(i["id"])
            names.add(i["id"])
        self.fault("group keys with two open incidents", (kv for kv in open_ones.items() if len(kv[1]) > 1))
        self.fault("incident ids used twice", [] if len(names) == len(self.incidents) else [names])
        for team in self.s.teams():
            table = self.s.r.hgetall(f"triaged:{{{team}}}:open")
            mine = {key: ids[0] for (t, key), ids in open_ones.items() if t == team}
            self.fault(f"differences of {team}'s hash open", set(table.items()) ^ set(mine.items()))

    def opened_once(self):
        """For programs (events) and for people (timeline, of which the last thousand entries are kept)."""
        for team in self.s.teams():
            happened = [e for _, e in self.s.r.xrange(f"triaged:{{{team}}}:events")]
            opened = [e["incident"] for e in happened if e["event"] == "opened"]
            self.fault(f"events that {team}'s incident was opened a second time",
                       (i for i in set(opened) if opened.count(i) > 1))
            mine = [i for i in self.incidents if i["team"] == team]
            if len(happened) < 90_000:  # of about 100,000 events that are kept
                self.fault(f"incidents of {team} that no event opened", {i["id"] for i in mine} - set(opened))
            for i in mine:
                lines = self.s.r.lrange(f"triaged:{{{team}}}:timeline:{i['id']}", 0, -1)
                n = sum(json.loads(line)["event"] == "opened" for line in lines)
                if n != (0 if "timeline_dropped" in i else 1):
                    self.fault("timelines without one opening", [(i["id"], n)])

    def counts(self):
        """An incident's own numbers are those of its alerts."""
        tables = {t: self.s.r.hgetall(f"triaged:{{{t}}}:firing") for t in self.s.teams()}
        for i in self.incidents:
            alerts, firing = i.alerts.values(), tables[i["team"]]
            if int(i["count"]) != sum(a["count"] for a in alerts):
                self.fault("wrong counts", [(i["id"], i["count"], sum(a["count"] for a in alerts))])
            self.fault("firing alerts that the hash firing does not know", (
                fp for fp, a in i.alerts.items() if a["state"] == "firing" and firing.get(fp) != i["id"]))

    def queues(self):
        by_id = {(i["team"], i["id"]): i for i in self.incidents}
        seen = {}
        for team in self.s.teams():
            for tier in TIERS:
                for e in self.s.queue(team, tier):
                    where = (team, e["incident"])
                    seen.setdefault(where, []).append(e)
                    i = by_id.get(where)
                    if i is None:
                        self.fault("entries of no incident", [e])
                    elif i["state"] != "open" or i["priority"] != e["priority"] or \
                            not e["key"].endswith(f":{i['tier']}:{i['priority']}"):
                        self.fault("entries that contradict their incident", [(e, dict(i))])
        self.fault("incidents with two entries", (w for w, es in seen.items() if len(es) > 1))
        self.fault("open incidents without an entry", (
            w for w, i in by_id.items() if i["state"] == "open" and w not in seen))
