#!/usr/bin/env python3
"""Grouping accuracy of the skeletons on the loghub samples, where they lie beside the project.

usage: grouping.py PROGRAM [DIRECTORY]
PROGRAM prints a skeleton per line (tests/bench/skeleton_bench); DIRECTORY holds *.log_structured.csv.

GA = share of messages whose group is exactly a true group; FGA = harmonic mean of exact groups over
predicted and over true groups; mixed = share of messages in groups that hold several templates;
split = share of messages whose template is in several groups.
"""
import collections
import csv
import glob
import os
import subprocess
import sys

GOAL_GA, GOAL_FGA = 0.950, 0.955  # mean of the 2k samples


def skeletons(program, texts):
    data = "\n".join(t.replace("\n", " ") for t in texts) + "\n"
    run = subprocess.run([program], input=data.encode(), stdout=subprocess.PIPE, check=True)
    out = run.stdout.decode(errors="replace").split("\n")[:-1]
    assert len(out) == len(texts), (len(out), len(texts))
    return out


def score(predicted, true):
    by_predicted, by_true = collections.defaultdict(list), collections.defaultdict(list)
    for i, (p, t) in enumerate(zip(predicted, true)):
        by_predicted[p].append(i)
        by_true[t].append(i)
    sets = {tuple(v) for v in by_true.values()}
    exact = [v for v in by_predicted.values() if tuple(v) in sets]
    good = len(exact)
    ga = sum(map(len, exact)) / len(true)
    precision, recall = good / len(by_predicted), good / len(by_true)
    fga = 2 * precision * recall / (precision + recall) if good else 0.0
    mixed = sum(len(v) for v in by_predicted.values() if len({true[i] for i in v}) > 1)
    split = sum(len(v) for v in by_true.values() if len({predicted[i] for i in v}) > 1)
    return ga, fga, mixed / len(true), split / len(true), len(by_predicted), len(by_true)


def explain(predicted, true, templates, texts, limit):
    by_true, by_predicted = collections.defaultdict(collections.Counter), {}
    for i, (p, t) in enumerate(zip(predicted, true)):
        by_true[t][p] += 1
        by_predicted.setdefault(p, {}).setdefault(t, i)
    for t, ps in sorted(by_true.items(), key=lambda kv: -sum(kv[1].values())):
        if len(ps) > 1 and limit > 0:
            limit -= 1
            print("  split %4d %s" % (sum(ps.values()), templates[t]))
            for p, n in ps.most_common(3):
                print("       %5d %s" % (n, p))
    for p, ts in by_predicted.items():
        if len(ts) > 1 and limit > -25:
            limit -= 1
            print("  mixed %s" % p)
            for t, i in list(ts.items())[:4]:
                print("        %s | %s" % (templates[t], texts[i]))


def main():
    program = sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    where = sys.argv[2] if len(sys.argv) > 2 else os.path.join(here, "../../../shared/cases/loghub")
    files = sorted(glob.glob(os.path.join(where, "*.log_structured.csv")))
    if not files:
        print("no loghub samples in %s: skipped" % where)
        return 77  # meson: skipped
    verbose = os.environ.get("EXPLAIN", "")
    rows = []
    print("%-14s %6s %6s %6s %6s  groups" % ("set", "GA", "FGA", "mixed", "split"))
    for f in files:
        with open(f, newline="", encoding="utf-8", errors="replace") as h:
            data = list(csv.DictReader(h))
        texts = [r["Content"] for r in data]
        true = [r["EventId"] for r in data]
        predicted = skeletons(program, texts)
        name = os.path.basename(f).split(".")[0]
        s = score(predicted, true)
        print("%-14s %6.3f %6.3f %6.3f %6.3f  %d/%d" % ((name,) + s))
        if name.endswith("_2k"):
            rows.append(s)
        if verbose and verbose in name:
            explain(predicted, true, {r["EventId"]: r["EventTemplate"] for r in data}, texts, 25)
    mean = [sum(r[k] for r in rows) / len(rows) for k in range(4)]
    print("%-14s %6.3f %6.3f %6.3f %6.3f" % (("mean of 2k",) + tuple(mean)))
    return 0 if mean[0] >= GOAL_GA and mean[1] >= GOAL_FGA else 1


if __name__ == "__main__":
    sys.exit(main())
