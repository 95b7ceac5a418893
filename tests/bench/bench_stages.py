"""What a log message costs in each stage, alone: instructions (callgrind) and nanoseconds.

bench_stages.py [FILE...]   lines of these files; without any, some kinds of lines made here
Instructions are of one round of the stage alone: callgrind counts between its call and its return.
For decide and recheck they are counted of the first kind only: compiling the rules under callgrind takes a minute.
Nanoseconds are of the best of several rounds, and are worth what the machine's quiet is worth.
"""
import pathlib
import re
import subprocess
import sys

from common import workdir

from conftest import BUILD, ROOT, need

STAGES = "frame parse skeleton alert decide recheck".split()
RULES = "decide recheck".split()
N, ROUNDS = 1000, 40
WORDS = "request session upload index replica bucket shard lease".split()


def text(n):
    return f"{WORDS[n % 8]} {n * 7919 % 100003} from 192.0.2.{n % 256} took {n % 97} ms"


KINDS = {
    "3164": lambda n: f"<30>Nov 24 18:{n // 60 % 60:02}:{n % 60:02} web-{n % 9} app[{1000 + n % 17}]: {text(n)}",
    "3164, no pid": lambda n: f"<30>Nov 24 18:14:{n // 40:02} web-{n % 9} kernel: {text(n)}",
    "3164, iso time": lambda n: f"<30>2024-11-24T18:14:{n // 40:02}.{n:06}+01:00 web-{n % 9} app[{n}]: {text(n)}",
    "5424": lambda n: f"<30>1 2024-11-24T18:14:{n // 40:02}.{n:06}Z web-{n % 9} app {1000 + n % 17} - - {text(n)}",
    "5424, sd": lambda n: f"<30>1 2024-11-24T18:14:{n // 40:02}.{n:06}Z web-{n % 9} app {1000 + n % 17} ID7 "
                          f'[origin ip="192.0.2.1" software="x"] {text(n)}',
    "cisco": lambda n: f"<189>{n}: core-{n % 3}: Nov 24 2024 18:14:{n // 40:02}.123 UTC: %LINK-3-UPDOWN: {text(n)}",
    "no header": text,
}


def instructions(program, stage, config, lines, directory):
    out = directory / "callgrind.out"
    subprocess.run([need("valgrind"), "--tool=callgrind", f"--toggle-collect={stage}",
                    f"--callgrind-out-file={out}", program, stage, "1", config],
                   input=lines, check=True, capture_output=True)
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M).group(1))


def main():
    directory = workdir()
    program = str(pathlib.Path(BUILD) / "tests" / "bench" / "stages")
    config = directory / "triaged.yaml"
    config.write_text(f'include: ["{ROOT}/conf/rules.d/*.yaml"]\n')
    sources = {pathlib.Path(f).name: pathlib.Path(f).read_bytes() for f in sys.argv[1:]} or {
        name: "".join(make(n) + "\n" for n in range(N)).encode() for name, make in KINDS.items()}
    print(f"{'instructions, ns':<16}" + "".join(f"{s:>15}" for s in STAGES))
    for name, lines in sources.items():
        row = ""
        for stage in STAGES:
            n, ns = subprocess.run([program, stage, str(ROUNDS), config], input=lines, check=True,
                                   capture_output=True).stdout.split()
            counted = "-"
            if stage not in RULES or name == next(iter(sources)):
                counted = round(instructions(program, stage, config, lines, directory) / int(n))
            row += f"{counted:>8},{float(ns):>6.0f}"
        print(f"{name:<16}{row}", flush=True)


if __name__ == "__main__":
    main()
