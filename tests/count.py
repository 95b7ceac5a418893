"""Sums the JUnit files of a test run: prints every failure by name, then "N passed, N failed"."""
import argparse
import pathlib
import sys
import xml.etree.ElementTree as ET


def outcomes(path):
    for case in ET.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        name = f"{case.get('classname') or path.stem}: {case.get('name')}"
        if kinds & {"failure", "error"}:
            yield name, "failed"
        elif "skipped" in kinds:
            yield name, "skipped"
        else:
            yield name, "passed"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--also-failed", type=int, default=0)
    args = parser.parse_args()
    counts = {"passed": 0, "failed": args.also_failed, "skipped": 0}
    suites = {"meson", "store", "daemon", "chaos"}
    for path in sorted(args.directory.glob("*.xml")):
        suites.discard(path.stem)
        for name, outcome in outcomes(path):
            counts[outcome] += 1
            if outcome == "failed":
                print("FAILED", name)
            elif outcome == "skipped":
                print("skipped", name)
    for missing in sorted(suites):  # a suite that did not even report has failed
        print("FAILED", missing, "gave no results")
        counts["failed"] += 1
    tail = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{tail}")
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


main()
