"""triagectl decode: the collected messages when they lie beside the project, and its options."""

import datetime
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / ".." / "shared" / "cases" / "syslog_cases_open.jsonl"
FIELDS = "format facility severity timestamp host app procid msgid sd msg".split()


def program():
    path = pathlib.Path(os.environ.get("TRIAGED_BUILD", ROOT / "build")) / "src" / "cli" / "triagectl"
    if not path.exists():
        pytest.skip("no %s: set TRIAGED_BUILD to the build directory" % path)
    return str(path)


def decode(data, *args, status=0):
    if isinstance(data, str):
        data = data.encode()
    run = subprocess.run([program(), "decode", *args], input=data, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=60)
    assert run.returncode == status, run.stderr.decode()
    return [json.loads(line) for line in run.stdout.decode().splitlines()]


def instant(text):
    """Microseconds since 1970."""
    if text is None:
        return None
    main, _, zone = text.replace("Z", "+00:00").rpartition("+")
    main, _, fraction = main.partition(".")
    t = datetime.datetime.fromisoformat(main + "+" + zone)
    return int(t.timestamp()) * 10**6 + int((fraction + "000000")[:6])


def agrees(got, want):
    for key, value in want.items():
        if key == "flags":  # advisory
            continue
        if key == "timestamp":
            if instant(got[key]) != instant(value):
                return False
        elif key == "close":
            if bool(got[key]) != bool(value):
                return False
        elif got.get(key) != value:
            return False
    return True


def test_cases():
    if not CASES.exists():
        pytest.skip("no %s" % CASES)
    text = CASES.read_text(encoding="utf-8")
    cases = [json.loads(line) for line in text.splitlines() if line]
    results = {r["id"]: r for r in decode(text, "--input", "jsonl")}
    assert len(results) == len(cases)
    wrong = []
    for c in cases:
        wants = [c["expect"]] + [{**c["expect"], **alt} for alt in c.get("alt", [])]
        if not any(agrees(results[c["id"]], w) for w in wants):
            wrong.append((c["id"], c["expect"], results[c["id"]]))
    assert not wrong, wrong


def test_lines():
    (m,) = decode("<34>Oct 11 22:14:15 mymachine su[7]: failed for root from 10.0.0.7\n",
                  "--now", "2024-10-11T22:14:35Z")
    assert [m[k] for k in FIELDS] == ["rfc3164", 4, 2, "2024-10-11T22:14:15.000Z", "mymachine", "su",
                                      "7", None, {}, "failed for root from 10.0.0.7"]
    assert m["skeleton"] == "failed for * from *"
    assert m["repeat"] == 1 and m["flags"] == []
    assert m["labels"]["facility"] == "auth" and m["labels"]["severity"] == "crit"
    assert len(m["fingerprint"]) == 16
    assert m["raw"].startswith("<34>")


def test_same_identity_for_other_values():
    a, b, c = decode("<13>su[1]: failed for root from 10.0.0.7\n"
                     "<13>su[2]: failed for alice from 10.9.9.9\n"
                     "<13>su[2]: ok for alice from 10.9.9.9\n", "--peer", "192.0.2.1")
    assert a["fingerprint"] == b["fingerprint"] != c["fingerprint"]
    assert a["labels"]["host"] == "192.0.2.1"


def test_repeats_share_the_identity_of_what_they_repeat():
    a, b = decode("<13>su: disk 5 slow\n<13>su: message repeated 3 times: [ disk 7 slow]\n")
    assert b["repeat"] == 3
    assert a["fingerprint"] == b["fingerprint"]


def test_zone_and_transport():
    (m,) = decode("<13>Jul 1 12:00:00 host: x\n", "--now", "2024-07-02T00:00:00Z", "--zone",
                  "Europe/Berlin", "--transport", "unix")
    assert m["timestamp"] == "2024-07-01T10:00:00.000Z" and m["host"] is None and m["app"] == "host"
    (m,) = decode("9 <13>a: xy\n", "--transport", "udp")
    assert m["msg"] == "xy" and "octet_prefix" in m["flags"]


def test_options_of_a_listener():
    lines = ("<189>29: sw-1: Nov 24 2024 18:14:30 UTC: %LINK-2-DOWN: lost\n"
             "<13>Nov 24 18:14:30 relay-1 <34>Nov 24 18:14:29 web-3 su: denied\n")
    assert [(m["severity"], m["host"]) for m in decode(lines)] == [(5, "sw-1"), (5, "relay-1")]
    got = decode(lines, "--mnemonic-severity", "--inner-header")
    assert [(m["severity"], m["host"]) for m in got] == [(2, "sw-1"), (2, "web-3")]


def test_structured_data():
    (m,) = decode('<13>1 - h a p i [x k="1" l="2" k="3"][y] t\n')
    assert m["sd"] == {"x": {"k": ["1", "3"], "l": "2"}, "y": {}}
    assert m["labels"]["sd.x.k"] == "3"


def test_stream():
    stream = b"9 <13>a: 1\n<14>b: 2\n\n" + b"<15>c: " + b"x" * 100 + b"\n<13>d: 4"
    got = decode(stream, "--stream", "--max-message", "50")
    assert [m["app"] for m in got] == ["a", "b", "c", "d"]
    assert "truncated" in got[2]["flags"] and len(got[2]["raw"]) == 50


def test_stream_of_tls_bytes():
    assert decode(b"\x16\x03\x01\x02\x00\x01", "--stream", status=1) == []


def test_bytes_that_are_not_text():
    (m,) = decode(b"<13>a: \xff\x00b\n")
    assert m["msg"] == "\\xff\\x00b" and m["flags"] == ["invalid_utf8", "no_timestamp"]


@pytest.mark.parametrize("args", [
    ["--zone", "Europe/Atlantis"], ["--now", "yesterday"], ["--transport", "pigeon"],
    ["--input", "xml"], ["--format", "json"], ["--max-message", "1GiB"], ["--nope"], ["file"],
])
def test_wrong_arguments(args):
    assert decode("", *args, status=2) == []


def test_broken_json_lines():
    got = decode('{"id": 1}\nnope\n{"id": 3, "raw": "<13>a: x"}\n', "--input", "jsonl", status=1)
    assert [m["id"] for m in got] == [3]
