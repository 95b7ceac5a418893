"""A proxy between triaged and Redis that cuts, delays and swallows. An address is the path of a unix socket or
a TCP port of this machine."""
import os
import random
import select
import socket
import threading


def socket_for(address):
    """A socket, and the address as it wants it."""
    if isinstance(address, int):
        return socket.socket(), ("127.0.0.1", address)
    return socket.socket(socket.AF_UNIX), str(address)


class Proxy(threading.Thread):
    """Listens at `path`. Commands of the test: cut(), stall(), go_on(), limit()."""

    def __init__(self, path, target, seed):
        super().__init__(daemon=True)
        self.server, self.path = socket_for(path)
        self.target, self.rng = target, random.Random(seed)
        if isinstance(self.path, str) and os.path.exists(self.path):
            os.unlink(self.path)
        self.server.bind(self.path)
        self.server.listen(64)
        self.lock = threading.Lock()
        self.pairs = set()
        self.passing = threading.Event()
        self.passing.set()
        self.stopping = False
        self.delay = 0.0
        self.left = None  # bytes of answers until everything is cut, which may be inside one
        self.cuts = 0
        self.start()

    def run(self):
        while not self.stopping:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            try:
                if not self.let_in(client):
                    raise ConnectionRefusedError
                upstream, target = socket_for(self.target)
                upstream.connect(target)
            except OSError:
                client.close()
                continue
            pair = (client, upstream)
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, client, upstream):
        other = {client: upstream, upstream: client}
        try:
            while True:
                ready, _, _ = select.select([client, upstream], [], [], 1)
                for s in ready:
                    data = s.recv(65536)
                    if not data:
                        return
                    self.passing.wait()
                    if self.delay:
                        threading.Event().wait(self.delay * self.rng.random())
                    other[s].sendall(self.reply(client, data) if s is upstream else self.request(client, data))
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.pairs.discard((client, upstream))
            self.forget(client)
            client.close()
            upstream.close()

    def let_in(self, client):
        return True

    def request(self, client, data):
        return data

    def reply(self, client, data):
        return self.allowed(data)

    def allowed(self, data):
        with self.lock:
            if self.left is None:
                return data
            data, self.left = data[:self.left], self.left - len(data)
            if self.left > 0:
                return data
            self.left = None
        threading.Thread(target=self.cut, daemon=True).start()
        return data

    def forget(self, client):
        pass

    def cut(self):
        """Both sides of every connection are gone at once: requests that Redis did and whose answers
        nobody reads."""
        self.cuts += 1
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut_after(self, answers):
        """Cuts when so many more bytes of answers have passed."""
        with self.lock:
            self.left = answers

    def stall(self):
        self.passing.clear()

    def go_on(self):
        self.passing.set()

    def stop(self):
        self.stopping = True
        self.passing.set()
        if self.server.fileno() >= 0:  # ends accept(), which would go on with whatever gets that number next
            self.server.shutdown(socket.SHUT_RDWR)
            self.join(30)
        self.server.close()
        self.cut()


class Injector(Proxy):
    """Lets the n-th record fail, or each with some bytes in it: Redis gets a command in its place that
    answers with that error, so that nothing is done and the order of answers is kept. Or it is left out, and then
    each answer comes to the call before its own."""
    always = None  # (bytes, error)

    def __init__(self, *args):
        self.rest = {}
        self.at = self.seen = 0
        self.error = None
        super().__init__(*args)

    def arm(self, n, error):
        with self.lock:
            self.at, self.seen, self.error = n, 0, error

    def forget(self, client):
        self.rest.pop(client, None)

    def request(self, client, data):
        data, out = self.rest.get(client, b"") + data, b""
        while (end := self.length(data)) is not None:
            command, data = data[:end], data[end:]
            out += self.perhaps(command)
        self.rest[client] = data
        return out

    @staticmethod
    def length(data):
        """Bytes of the first whole command of a RESP stream, or None."""
        at = data.find(b"\r\n")
        if at < 0:
            return None
        left, at = int(data[1:at]), at + 2
        for _ in range(left):
            end = data.find(b"\r\n", at)
            if end < 0:
                return None
            at = end + 2 + int(data[at + 1:end]) + 2
            if at > len(data):
                return None
        return at

    def perhaps(self, command):
        head = command[:300]
        if b"EVALSHA" not in head or b"\r\n$32\r\n" not in head or int(head[1:head.index(b"\r\n")]) < 20:
            return command  # not a record, which has a stream's 32 digits and many fields
        if self.always and self.always[0] in command:
            return self.failing(self.always[1])
        with self.lock:
            self.seen += 1
            if self.error is None or self.seen != self.at:
                return command
            error, self.error = self.error, None
        if error == "left out":
            return b""
        if error == "cut before":
            threading.Thread(target=self.cut, daemon=True).start()
            return b""
        return self.failing(error)

    @staticmethod
    def failing(error):
        lua = f"return redis.error_reply('{error}')".encode()
        return b"*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n" % (len(lua), lua)


class VerbsWait(Injector):
    """Redis is too busy for verbs, and does everything else."""
    waiting = True
    seen_verbs = 0

    def perhaps(self, command):
        if b'"verb":"' not in command:
            return command
        self.seen_verbs += 1
        return self.failing("BUSY Redis is busy") if self.waiting else command
