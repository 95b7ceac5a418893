"""Fixtures of the chaos suites: the black-box harness of tests/daemon, and what breaks things.

Every random choice comes from one seed, which is printed; TRIAGED_SEED=N repeats a run's choices.
TRIAGED_LONG=1 breaks things hundreds of times instead of a few.
"""
import importlib.util
import os
import pathlib
import random
import subprocess
import sys
import zlib

import pytest

HERE = pathlib.Path(__file__).resolve().parent


def _harness():
    spec = importlib.util.spec_from_file_location("harness", HERE.parent / "daemon" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["harness"] = module
    spec.loader.exec_module(module)
    return module


sys.path.append(str(HERE.parent / "daemon"))  # certificates
harness = sys.modules.get("harness") or _harness()
redis_server = harness.redis_server
store = harness.store
make_triaged = harness.make_triaged

SEED = int(os.environ.get("TRIAGED_SEED") or int.from_bytes(os.urandom(4), "big"))


def pytest_report_header(config):
    return f"chaos: TRIAGED_SEED={SEED} TRIAGED_LONG={'1' if harness.LONG else ''}"


@pytest.fixture
def rng(request):
    """A generator of its own for each test, so that a test repeats alone."""
    print(f"TRIAGED_SEED={SEED}")
    return random.Random(SEED ^ zlib.crc32(request.node.name.encode()))


class Clock:
    """The wall clock of a daemon that is started with `env` (by the plain build: a sanitizer's runtime must be
    loaded first) is behind by so many seconds."""

    def __init__(self, directory):
        library, self.file = directory / "set_clock.so", directory / "behind"
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(library), str(HERE / "set_clock.c"),
                        "-ldl"], check=True)
        self.env = {"LD_PRELOAD": str(library), "SET_CLOCK": str(self.file)}
        self.behind(0)

    def behind(self, seconds):
        self.file.write_text(str(seconds))


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def world(tmp_path, rng):
    from world import World
    w = World(tmp_path, rng)
    yield w
    w.finish()
