"""A million messages of real programs, and the board that they leave: board.py [messages].

The lines of the loghub samples and of the syslog cases, in random order, with headers, hosts, process ids
and times made up, go into one daemon with the shipped rules. Printed are messages in, incidents out and
the board as a person sees it. The samples are read where they lie, beside the project (TRIAGED_CASES);
they are not part of it.
"""
import argparse
import collections
import csv
import datetime
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import time

from common import rss_mib, wait_shipped, workdir

from conftest import CASES as CASES_BESIDE, Redis, Store, Triaged, wait_until

CASES = pathlib.Path(os.environ.get("TRIAGED_CASES", CASES_BESIDE))
ARGUMENTS = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ARGUMENTS.add_argument("messages", type=int, nargs="?", default=1_000_000)
ARGUMENTS.add_argument("--limit", type=int, default=60, help="incidents that are listed")
GIVEN = ARGUMENTS.parse_args()
N = GIVEN.messages
HOSTS = 20  # of each kind
SEED = int(os.environ.get("TRIAGED_SEED", "7"))

SEVERITIES = {"f": 2, "fatal": 2, "crit": 2, "e": 3, "error": 3, "w": 4, "warn": 4, "warning": 4,
              "notice": 5, "i": 6, "info": 6, "d": 7, "v": 7, "debug": 7}
# For samples that do not say how severe a line is: what their programs would have said.
WORDS = [(re.compile(r"panic|fatal|emergency", re.I), 2), (re.compile(r"error|fail|unable|cannot|denied", re.I), 3),
         (re.compile(r"warn|timeout|timed out|invalid|unknown", re.I), 4)]


def severity(row):
    level = row.get("Level", "").lower()
    if level in SEVERITIES:
        return SEVERITIES[level]
    return next((s for words, s in WORDS if words.search(row["Content"])), 6)


def app(row, name):
    """The last word of com.apple.xpc.launchd, of org.apache.hadoop.ipc.Client and of 3888:QuorumCnxManager$Listener."""
    component = row.get("Component") or {"Apache": "httpd"}.get(name, name.lower())
    words = [w for w in re.split(r"[.:]", component) if w and not w.isdigit()]
    return re.sub(r"[\s\[\]]+", "-", words[-1])[:40] if words else name.lower()


def samples():
    """(kind of host, program, severity, text) of each line of each sample."""
    found = []
    for path in sorted((CASES / "loghub").glob("*_2k.log_structured.csv")):
        name = path.name.split("_")[0]
        with open(path, newline="") as f:
            found += [(name.lower(), app(row, name), severity(row), row["Content"].replace("\n", " "))
                      for row in csv.DictReader(f)]
    return found


def raw_cases():
    """Lines that come with a header of their own."""
    path = CASES / "syslog_cases_open.jsonl"
    cases = [json.loads(line) for line in open(path)] if path.exists() else []
    return [c["raw"].encode("latin-1" if c.get("enc") == "bytes" else "utf-8") for c in cases
            if "frames" not in c["expect"] and not re.search("[\n\0]|^[0-9]", c["raw"])]


def messages(lines, raw):
    rng = random.Random(SEED)
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)
    for n in range(N):
        if raw and n % 200 == 0:
            yield rng.choice(raw)
            continue
        kind, program, sev, text = rng.choice(lines)
        at = now + datetime.timedelta(milliseconds=600_000 * n / N)
        host = f"{kind}-{rng.randrange(HOSTS):02}"
        pri = 3 * 8 + sev
        if n % 2:
            yield f"<{pri}>1 {at.isoformat(timespec='milliseconds')} {host} {program} {rng.randrange(300, 32768)} - - {text}".encode()
        else:
            yield f"<{pri}>{at:%b %e %H:%M:%S} {host} {program}[{rng.randrange(300, 32768)}]: {text}".encode()


def taken(metrics):
    return {k.split('outcome="')[1].rstrip('"}'): int(v) for k, v in metrics.items()
            if k.startswith('triaged_alerts_total{source="syslog"')}


def board(triaged, *args):
    program = pathlib.Path(os.environ.get("TRIAGED_BUILD", "build")) / "src/cli/triagectl"
    done = subprocess.run([program, "--url", triaged.url, *args], capture_output=True, text=True)
    print(f"$ triagectl {' '.join(args)}\n{done.stdout}{done.stderr}")


def incidents(store):
    found = []
    for team in store.teams():
        with store.r.pipeline(transaction=False) as p:
            for key in store.r.keys(f"{store.prefix}:{{{team}}}:incident:*"):
                p.hgetall(key)
            found += p.execute()
    return found


def main():
    lines, raw = samples(), raw_cases()
    if not lines:
        print(f"no samples in {CASES}/loghub: nothing to show (TRIAGED_CASES names another directory)")
        return
    base = workdir()
    redis = Redis(base / "redis")
    triaged = Triaged(base / "triaged", redis.sock, build=os.environ.get("TRIAGED_BUILD", "build"))
    store = Store(redis.client)
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", triaged.tcp_port)) as s:
        block = []
        for m in messages(lines, raw):
            block.append(m + b"\n")
            if len(block) == 1000:
                s.sendall(b"".join(block))
                block = []
        s.sendall(b"".join(block))
    wait_until(lambda: sum(taken(triaged.metrics()).values()) >= N, lambda: str(taken(triaged.metrics())), 300, .1)
    wait_shipped(triaged)
    outcome, all_of_them = taken(triaged.metrics()), incidents(store)
    print(f"messages in: {sum(outcome.values())}, of which no rule wants {outcome.get('dropped', 0)}; "
          f"{time.monotonic() - start:.0f} s with making them up, RSS {rss_mib(triaged.popen.pid):.0f} MiB")
    print(f"incidents out: {len(all_of_them)}", dict(sorted(collections.Counter(i["priority"] for i in all_of_them).items())),
          dict(collections.Counter(i["team"] for i in all_of_them)))
    print("by rule:", collections.Counter(i["rule"] for i in all_of_them).most_common(15))
    board(triaged, "queues")
    board(triaged, "list", "--limit", str(GIVEN.limit))
    triaged.stop()
    redis.stop()


if __name__ == "__main__":
    main()
