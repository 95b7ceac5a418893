"""A proxy between triaged and Redis that cuts, delays and swallows."""
import os
import random
import select
import socket
import threading


class Proxy(threading.Thread):
    """Listens on a unix socket. Commands of the test: cut(), stall(), go_on(), limit()."""

    def __init__(self, path, target, seed):
        super().__init__(daemon=True)
        self.path, self.target, self.rng = str(path), target, random.Random(seed)
        self.server = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
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
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(self.target)
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
                    other[s].sendall(self.allowed(data) if s is upstream else data)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.pairs.discard((client, upstream))
            client.close()
            upstream.close()

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
        self.server.close()
        self.cut()
