"""A short life of the daemon, told the same way each time, and a preloaded library that lets the n-th call to its
disk fail (faults.c)."""
import mmap
import os
import pathlib
import struct
import subprocess

from harness import BUILD

CLASSES = ("any", "write", "sync", "rename", "create", "open", "truncate", "allocate", "unlink", "mkdir", "map", "read",
           "statfs")
ROW = struct.Struct("=5Q224s")
SHORT, SHORT_FIRST = 1000, 2000
HERE = pathlib.Path(__file__).resolve().parent
DAEMON = BUILD / "src/daemon/triaged"


def sanitizer_of(program):
    """The runtime that a program wants loaded before anything else, as a list of one; or none."""
    loaded = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return [line.split()[2] for line in loaded.splitlines() if line.strip().startswith(("libasan.", "libtsan."))]


def build_library(directory):
    library = pathlib.Path(directory) / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", str(library), str(HERE / "faults.c"),
                    "-ldl"], check=True)
    return library


class Fault:
    """Calls n, n + 1 ... n + calls - 1 of a class fail with an errno."""

    def __init__(self, kind, n, error, calls=1):
        self.kind, self.n, self.error, self.calls = kind, n, error, calls

    def errno(self):
        """None when a write was short and nothing else happened."""
        return None if self.error == SHORT else self.error % 1000

    def __str__(self):
        error = self.errno()
        name = os.strerror(error) if error else "a short call"
        if self.error > SHORT_FIRST:
            name = "a short call, then " + name
        return f"{self.kind} {self.n}" + (f" to {self.n + self.calls - 1}" if self.calls > 1 else "") + f": {name}"


class Disk:
    """The rows that the library of one daemon reads and counts in."""

    def __init__(self, directory, library, spool):
        self.path = pathlib.Path(directory) / "faults"
        self.path.write_bytes(bytes(ROW.size * len(CLASSES)))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.env = {"LD_PRELOAD": ":".join([*sanitizer_of(DAEMON), str(library)]), "FAULTS": str(self.path),
                    "FAULTS_DIR": str(spool)}

    def row(self, kind):
        return ROW.unpack_from(self.map, CLASSES.index(kind) * ROW.size)

    def arm(self, fault):
        """`first` last: then all is there."""
        at = CLASSES.index(fault.kind) * ROW.size
        struct.pack_into("=2Q", self.map, at + 16, fault.calls, fault.error)
        struct.pack_into("=Q", self.map, at + 8, fault.n)

    def arm_from_now(self, kind, error, calls=1 << 40):
        self.arm(Fault(kind, self.row(kind)[0] + 1, error, calls))

    def disarm(self):
        for kind in CLASSES:
            struct.pack_into("=Q", self.map, CLASSES.index(kind) * ROW.size + 8, 0)

    def seen(self):
        return {kind: self.row(kind)[0] for kind in CLASSES}

    def hit(self, kind):
        """How many calls failed, and the first of them."""
        row = self.row(kind)
        return row[4], row[5].split(b"\0")[0].decode()
