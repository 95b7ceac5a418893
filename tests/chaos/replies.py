"""A proxy that knows which answer of Redis belongs to which command, and lets the n-th of a kind go wrong."""
import collections
import hashlib

from play import Wire

SCRIPTS = ("observe", "verb", "tick", "adopt", "skip", "settings", "audit", "rights")  # as they are loaded
CUTS = ("cut before", "cut after", "cut within", "nonsense")


class Wrong:
    """Answers n, n + 1 ... n + answers - 1 to a kind of command are cut, nonsense or an error; for that Redis gets
    another command in its place."""

    def __init__(self, kind, n, how, answers=1):
        self.kind, self.n, self.how, self.answers = kind, n, how, answers

    def __str__(self):
        to = f" to {self.n + self.answers - 1}" if self.answers > 1 else ""
        return f"{self.kind} {self.n}{to}: {self.how}"


def words_of(command, most):
    """The first words of a whole command."""
    at, words = command.index(b"\r\n") + 2, []
    for _ in range(min(most, int(command[1:command.index(b"\r\n")]))):
        end = command.index(b"\r\n", at)
        size = int(command[at + 1:end])
        words.append(command[end + 2:end + 2 + size])
        at = end + 2 + size + 2
    return words


def end_of_reply(data, at=0):
    """Where the RESP reply that begins at `at` ends; None when it is not all there."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, text, at = data[at:at + 1], data[at + 1:end], end + 2
    if kind in b"+-:":
        return at
    n = int(text)
    if kind == b"$":
        return at if n < 0 else at + n + 2 if len(data) >= at + n + 2 else None
    assert kind == b"*", data[:100]
    for _ in range(max(n, 0)):
        at = end_of_reply(data, at)
        if at is None:
            return None
    return at


class Replies(Wire):
    def __init__(self, *args):
        self.counts, self.hits = collections.Counter(), 0
        self.applied = set()  # records that Redis has: it refuses none of them for its own sake, but says SKIP
        self.wrong = None
        self.scripts, self.loaded = {}, 0
        self.waiting, self.partial = {}, {}
        super().__init__(*args)

    def kind(self, command):
        words = words_of(command, 3)
        name = words[0].decode().upper()
        if name == "SCRIPT":
            sha = hashlib.sha1(words[2]).hexdigest().encode()
            self.scripts.setdefault(sha, SCRIPTS[len(self.scripts)] if len(self.scripts) < len(SCRIPTS) else "?")
        return self.scripts[words[1]] if name == "EVALSHA" else name

    def due(self, kind, record):
        self.counts[kind] += 1
        w = self.wrong
        if w is None or w.kind != kind or not w.n <= self.counts[kind] < w.n + w.answers:
            return False
        return not (w.how.startswith("ERR") and record in self.applied)

    def request(self, client, data):
        data, out = self.rest.get(client, b"") + data, b""
        while (end := self.length(data)) is not None:
            command, data = data[:end], data[end:]
            with self.lock:
                kind = self.kind(command)
                record = tuple(words_of(command, 7)[5:]) if kind in ("observe", "verb") else None
                due = self.due(kind, record)
                self.hits += due
            command = self.perhaps(command)
            cut = due and self.wrong.how in CUTS
            if due and not cut:
                command = self.failing(self.wrong.how)
            self.waiting.setdefault(client, collections.deque()).append((cut, record))
            out += command
        self.rest[client] = data
        return out

    def reply(self, client, data):
        data, out = self.partial.pop(client, b"") + data, b""
        while (end := end_of_reply(data)) is not None:
            reply, data = data[:end], data[end:]
            cut, record = self.waiting[client].popleft()
            if record and reply.split(b"\r\n", 3)[1:3] == [b"$2", b"OK"]:
                self.applied.add(record)
            if not cut:
                out += reply
                continue
            how = self.wrong.how
            if how == "nonsense":
                out += b"?what\r\n"
                continue
            client.sendall(out + {"cut before": b"", "cut after": reply, "cut within": reply[:len(reply) // 2]}[how])
            raise ConnectionResetError  # the pump closes both sides
        self.partial[client] = data
        return out

    def forget(self, client):
        super().forget(client)
        self.waiting.pop(client, None)
        self.partial.pop(client, None)
