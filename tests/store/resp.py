"""Redis' protocol by hand over a unix socket, for many calls in a pipeline: the client must not be
what takes the time. Knows nothing of triaged."""
import socket


class RedisError(Exception):
    pass


def pack(args):
    """One command as it goes over the wire."""
    out = ['*%d\r\n' % len(args)]
    for a in args:
        a = str(a)
        out.append('$%d\r\n%s\r\n' % (len(a) if a.isascii() else len(a.encode()), a))
    return ''.join(out).encode()


class Pipe:
    """A connection. send() any number of packed commands, then reply() once for each."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile('rb', 1 << 16)

    def send(self, data):
        self.sock.sendall(data)

    def reply(self):
        """Text, number, None or list; an error reply comes back as a RedisError, not raised."""
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b':':
            return int(rest)
        if kind == b'$':
            n = int(rest)
            return self.file.read(n + 2)[:-2].decode('utf-8', 'replace') if n >= 0 else None
        if kind == b'*':
            return [self.reply() for _ in range(int(rest))] if rest != b'-1' else None
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            return RedisError(rest.decode())
        raise ConnectionError('the server went away')

    def call(self, *args):
        self.send(pack(args))
        r = self.reply()
        if isinstance(r, RedisError):
            raise r
        return r

    def close(self):
        self.file.close()
        self.sock.close()
