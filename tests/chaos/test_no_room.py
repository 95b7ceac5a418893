"""No room: a spool at its limit, a full disk, a directory that cannot be written, no file descriptors.
The sender hears of it, nothing is half kept, and everything goes on by itself."""
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

import pytest
import requests

from harness import LONG, PATIENCE, free_port, wait_until

SMALL = '{directory: "%s", max_size: 1MiB, segment_size: 64KiB, retain: 1s, min_free: 1MiB}'


def dropped(world, reason):
    return sum(v for k, v in world.daemon.metrics().items()
               if k.startswith("triaged_syslog_dropped_total") and f'reason="{reason}"' in k)


def fill(world, sock):
    """Sends syslog over one TCP connection until nothing is taken any more; returns the tags sent whole."""
    sock.setblocking(False)
    tags, rest, n = [], b"", 0
    stuck_since = None
    while True:
        if not rest:
            n += 1
            tags.append(f"fill{n}")
            rest = (f"<11>1 2026-01-01T00:00:00Z fill{n} filld - - - {'x' * 900}\n").encode()
        try:
            rest = rest[sock.send(rest):]
            stuck_since = None
        except BlockingIOError:
            now = world.daemon.metrics()["triaged_start_time_seconds"] and os.times().elapsed
            stuck_since = stuck_since or now
            if now - stuck_since > 1.0:
                return tags, rest
        assert n < 200_000, "an endless stream is taken though the spool is full"


def test_spool_is_full(world):
    """Redis away: 503 with Retry-After, TCP no longer read, UDP counted; then all goes on by itself."""
    world.start_redis()
    world.start_daemon(spool=SMALL)
    world.start_load()
    world.load.wait_sent(200)
    world.redis.popen.send_signal(signal.SIGSTOP)
    wait_until(lambda: len(world.load.ledger.refused) > 200, lambda: f"503s; {world.load.ledger}")
    wait_until(lambda: world.daemon.get("/-/ready").status_code == 503, "not ready")
    assert "SPOOL FULL" in world.daemon.get("/-/ready").text
    with socket.create_connection(("127.0.0.1", world.daemon.tcp_port)) as s:
        tags, rest = fill(world, s)
        before = dropped(world, "backpressure")

        def udp():
            world.daemon.send_udp("<11>Jan  1 00:00:00 udphost udpd: is anybody there")
            return dropped(world, "backpressure") > before

        wait_until(udp, "drops of UDP are counted")
        world.redis.popen.send_signal(signal.SIGCONT)
        s.setblocking(True)
        s.settimeout(60 * PATIENCE)
        s.sendall(rest)
        s.shutdown(socket.SHUT_WR)
        while s.recv(4096):
            pass
    world.load.ledger.accepted.update(tags)  # read by a daemon that lives
    accepted = len(world.load.ledger.accepted)
    wait_until(lambda: len(world.load.ledger.accepted) > accepted + 100, "alerts are taken again")
    wait_until(lambda: world.daemon.get("/-/ready").status_code == 200, "ready")
    world.settle()
    world.check()
    assert world.load.ledger.refused and not world.load.ledger.unknown, str(world.load.ledger)


def test_spool_is_full_again_and_again(world):
    """At the brink: each request is kept whole or refused whole, and what is on its way to a Redis that dies is not
    taken for acknowledged, which would go first."""
    world.start_redis()
    world.start_daemon(spool=SMALL.replace("1MiB, s", "64KiB, s").replace("64KiB, r", "8KiB, r"))
    world.start_load(senders=8)
    for i in range(40 if LONG else 6):
        refused = len(world.load.ledger.refused)
        world.redis.popen.send_signal(signal.SIGSTOP)
        wait_until(lambda: len(world.load.ledger.refused) > refused + 50, lambda: f"503s; {world.load.ledger}")
        if i % 2:
            world.redis.popen.send_signal(signal.SIGCONT)
        else:
            world.redis.stop(signal.SIGKILL)
            refused = len(world.load.ledger.refused)
            wait_until(lambda: len(world.load.ledger.refused) > refused + 50, lambda: f"503s; {world.load.ledger}")
            world.restart_redis()
        accepted = len(world.load.ledger.accepted)
        wait_until(lambda: len(world.load.ledger.accepted) > accepted + 50, lambda: f"200s; {world.load.ledger}")
    world.settle()
    world.check()


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(path)],
                                           stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_disk_is_full(world, small_disk):
    """ENOSPC in the middle of writes (min_free is off): 503, nothing half kept, recovery by itself."""
    world.start_redis()
    world.start_daemon(spool=f'{{directory: "{small_disk}/spool", min_free: 0B, segment_size: 64KiB, retain: 1s}}',
                       extra="limits: {http_answer: 3s}\n")
    world.start_load()
    world.load.wait_sent(300)
    for _ in range(20 if LONG else 3):
        refused = len(world.load.ledger.refused)
        ballast = small_disk / "ballast"
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * world.rng.randrange(1, 4096))
            except OSError:
                pass
        wait_until(lambda: len(world.load.ledger.refused) > refused + 200, lambda: f"503s; {world.load.ledger}")
        ballast.unlink()
        accepted = len(world.load.ledger.accepted)
        wait_until(lambda: len(world.load.ledger.accepted) > accepted + 200, lambda: f"200s; {world.load.ledger}")
    world.settle()
    world.check()
    assert not world.load.ledger.unknown, str(world.load.ledger)


def test_min_free(world, small_disk):
    world.start_redis()
    world.start_daemon(spool=f'{{directory: "{small_disk}/spool", min_free: 1MiB, segment_size: 64KiB, retain: 1s}}')
    world.start_load()
    world.load.wait_sent(100)
    (small_disk / "ballast").write_bytes(b"x" * 1200 * 1024)
    wait_until(lambda: world.load.ledger.refused, lambda: f"503s; {world.load.ledger}")
    (small_disk / "ballast").unlink()
    accepted = len(world.load.ledger.accepted)
    wait_until(lambda: len(world.load.ledger.accepted) > accepted + 200, lambda: f"200s; {world.load.ledger}")
    world.settle()
    world.check()


def start_error(world, spool, user=None):
    """What triaged says when it cannot start on this directory."""
    config = world.tmp / "triaged.yaml"
    config.write_text(f'listen: {{http: [{{address: "127.0.0.1:{free_port()}"}}], syslog: []}}\n'
                      f'redis: {{url: "unix:///nowhere"}}\nspool: {{directory: "{spool}"}}\n'
                      "teams: {a: {id: A}}\ndefault_team: a\n")
    import harness
    done = subprocess.run([str(harness.BUILD / "src/daemon/triaged"), "-c", str(config)], capture_output=True,
                          text=True, timeout=60, user=user)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_directory_cannot_be_written(world, small_disk):
    (small_disk / "spool").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = start_error(world, small_disk / "spool")
    assert "Read-only file system" in said and str(small_disk / "spool") in said


def test_directory_is_a_file(world):
    (world.tmp / "spool").write_text("")
    said = start_error(world, world.tmp / "spool")
    assert "Not a directory" in said and str(world.tmp / "spool") in said


def busy(pid, session, url):
    """The part of a CPU that the daemon takes during two ticks, which come once a second."""
    def ticks():
        text = session.get(url + "/metrics", timeout=10 * PATIENCE).text
        return int(re.search(r'^triaged_ticks_total\{result="ok"\} (\d+)', text, re.M)[1])

    def spent():
        user, system = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    first, begin, before = ticks(), time.monotonic(), spent()
    wait_until(lambda: ticks() >= first + 2, "two ticks", every=.5)
    return (spent() - before) / (time.monotonic() - begin)


def test_no_file_descriptors(world):
    """Accepting pauses, the connections that are there go on, and so does all else when there are
    descriptors again."""
    world.start_redis()
    world.start_daemon()
    kept = requests.Session()
    assert kept.get(world.daemon.url + "/-/healthy", timeout=10 * PATIENCE).ok
    world.start_load()
    world.load.wait_sent(300)
    pid = world.daemon.popen.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 8, hard))
    more = []
    for _ in range(40):  # the kernel completes these; nobody accepts most of them
        more.append(socket.create_connection(("127.0.0.1", world.daemon.http_port)))
        more[-1].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(20):
        assert kept.get(world.daemon.url + "/-/healthy", timeout=10 * PATIENCE).ok
        world.load.wait_sent(50)  # connections that are there go on, and so does the spool
    world.load.hold()
    part = busy(pid, kept, world.daemon.url)
    print(f"{part:.3f} of a CPU while nothing can be accepted")
    assert part < 0.5, "the loop spins on connections that it cannot accept"
    world.load.go_on()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    for s in more:
        s.settimeout(20 * PATIENCE)
        assert b"200 OK" in s.recv(4096)
        s.close()
    world.settle()
    world.check()
