"""Every metric, limit and configuration key is documented where a user looks for it; tests have no
fixed sleeps; nothing is left "for later"."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def sources(*tops):
    for top in tops:
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file() and path.suffix in (".c", ".h", ".lua", ".py", ".sh", ".yaml", ".scd", ".md"):
                yield path


def metrics():
    documented = (ROOT / "docs/METRICS.md").read_text()
    for path in sources("src"):
        for name in re.findall(r'\.name = "(triaged_[a-z0-9_]+)"', path.read_text()):
            if f"`{name}`" not in documented:
                yield f"docs/METRICS.md does not tell of {name} ({path.relative_to(ROOT)})"


def later():
    for path in sources("src", "include", "conf", "tests"):
        if path.name == "words.py":
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def sleeps():
    """A sleep in a test waits for time, not for what the test is about. Polling helpers may sleep."""
    for path in sources("tests"):
        if path.name in ("conftest.py", "words.py", "layers.py") or path.suffix not in (".py", ".c"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\btime\.sleep\(|\busleep\(|\bsleep\(\d", line) and "poll" not in line:
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


problems = [*metrics(), *later(), *sleeps()]
print("\n".join(problems) or "documented, nothing for later, no fixed sleeps")
sys.exit(1 if problems else 0)
