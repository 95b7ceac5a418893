"""The n-th call to the disk fails, for every n and every kind of call, once or a few times in a row: triaged does not
crash, nothing is lost, nothing counts twice, senders hear of it or wait, and the log says what happened. Short: a
sample of all kinds; TRIAGED_LONG: every n."""
import errno
import os
import traceback

import pytest

from faults import SHORT, SHORT_FIRST, Disk, Fault, build_library
from harness import LONG
from play import NOT_UP, Play, play_all

ERRORS = {
    "write": (errno.EIO, errno.ENOSPC, SHORT, SHORT_FIRST + errno.ENOSPC),
    "sync": (errno.EIO, errno.ENOSPC),
    "rename": (errno.EIO, errno.EROFS),
    "create": (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EMFILE),
    "open": (errno.EIO, errno.EMFILE),
    "truncate": (errno.EIO, errno.EROFS),
    "allocate": (errno.EIO, errno.ENOSPC),
    "unlink": (errno.EIO, errno.EROFS),
    "mkdir": (errno.ENOSPC, errno.EROFS),
    "map": (errno.ENOMEM,),
    "read": (errno.EIO, SHORT),
    "statfs": (errno.EIO,),
    "any": (errno.EIO, errno.EROFS),  # as a disk that is gone for a moment
}
IN_A_ROW = (1, 3)
# what is made anew at once, and what is looked at again within a second
QUIET = ("mkdir .", "fstatvfs")
EACH = 2  # of a class, in the short run


def one(directory, library, fault):
    """Plays the story with that fault. Returns what came of it."""
    disk = Disk(directory, library, directory / "triaged/spool")
    play = Play(directory, disk)
    try:
        disk.arm(fault)
        play.tell()
        hit, what = disk.hit(fault.kind)
        play.last_life()
        play.check()
        said = play.daemon.log()
        if not hit:
            return NOT_UP
        if fault.errno() and os.strerror(fault.errno()) not in said and not what.startswith(QUIET):
            return "NOT SAID " + what
        if play.daemon.refusals:
            return "refused to start, and said why"
        refused = play.ledger.answers.get("503", 0) + play.ledger.answers.get("503?", 0)
        return "senders were asked to come again" if refused else "nobody was refused"
    except BaseException:
        log = directory / "triaged/triaged.log"
        return "FAILED\n" + traceback.format_exc() + (log.read_text()[-6000:] if log.exists() else "") + \
            f"\n{disk.hit(fault.kind)}"
    finally:
        play.close()


def plan(seen, rng):
    every = [Fault(kind, n, error, calls) for kind in ERRORS for n in range(1, seen[kind] + 1)
             for error in ERRORS[kind] for calls in IN_A_ROW if calls > 1 or error < SHORT_FIRST]
    if LONG:
        return every
    chosen = []
    for kind in ERRORS:
        mine = [f for f in every if f.kind == kind]
        chosen += rng.sample(mine, min(EACH, len(mine)))
    return chosen


@pytest.fixture
def library(tmp_path):
    return build_library(tmp_path)


def test_the_nth_call_fails(tmp_path, library, rng):
    calm = tmp_path / "calm"
    calm.mkdir()
    disk = Disk(calm, library, calm / "triaged/spool")
    play = Play(calm, disk)
    try:
        play.tell()
        seen = disk.seen()
        play.last_life()
        play.check()
    finally:
        play.close()
    assert all(seen[kind] for kind in ERRORS), f"some calls are never made: {seen}"
    faults = plan(seen, rng)
    print(f"calls {seen}; {len(faults)} faults")

    def run(name, fault):
        directory = tmp_path / name
        directory.mkdir()
        return one(directory, library, fault)

    play_all(faults, run, lambda fault: fault.kind)
