"""Sentinel: the master dies or hangs, a replica that lags takes over, and nothing is lost or doubled.

Before each failover the replica is cut off while the master goes on acknowledging. So each new master knows less
than its predecessor had acknowledged, and only the daemon still has the rest.
"""
import signal

import pytest
import redis

from certificates import Authority
from harness import LONG, Process, Store, free_port, need, wait_until
from world import Unstartable


TEAMS = {"red", "blue"}


def teams_of(applied):
    return {team for team, _ in applied}


def newer(applied, than):
    return {stream for stream, n in applied.items() if n > than.get(stream, 0)}


class Node(Process):
    """A redis-server on TCP, perhaps with TLS alone."""

    def __init__(self, directory, port, ca, *options):
        directory.mkdir(exist_ok=True)
        self.port, self.directory = port, directory
        listen = ca.listen(port) if ca else ("--port", str(port))
        super().__init__([need("redis-server"), *listen, "--bind", "127.0.0.1", "--dir", str(directory),
                          "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction",
                          "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", *options],
                         directory / "redis.log")
        # a sentinel cuts off the clients of whoever it makes a replica
        self.client = redis.Redis(port=port, decode_responses=True, socket_timeout=5,
                                  retry_on_error=[redis.exceptions.ConnectionError], **(ca.client() if ca else {}))
        wait_until(self.answers, lambda: "redis-server answers\n" + self.log())

    def answers(self):
        if not self.alive():
            raise Unstartable(self.log()[-2000:])
        try:
            return self.client.ping()
        except (redis.exceptions.BusyLoadingError, redis.exceptions.ConnectionError):
            return False

    def role(self):
        try:
            return self.client.info("replication")
        except redis.exceptions.RedisError:
            return {}

    def applied(self):
        """The last number of each stream of each team; nothing while it loads what its master sent."""
        store = Store(self.client)
        try:
            return {(team, stream): int(n) for team in store.teams()
                    for stream, n in self.client.hgetall(f"triaged:{{{team}}}:applied").items()}
        except redis.exceptions.BusyLoadingError:
            return {}


class Sentinel(Process):
    def __init__(self, directory, port, master_port, ca):
        directory.mkdir()
        self.port = port
        config = directory / "sentinel.conf"
        listen = ca.listen(port) if ca else ("--port", str(port))
        config.write_text(f"bind 127.0.0.1\ndir {directory}\nsentinel monitor mine 127.0.0.1 {master_port} 1\n"
                          "sentinel down-after-milliseconds mine 1000\nsentinel failover-timeout mine 3000\n")
        super().__init__([need("redis-server"), str(config), "--sentinel", *listen], directory / "sentinel.log")
        self.client = redis.Redis(port=port, decode_responses=True, **(ca.client() if ca else {}))
        wait_until(self.hurry, lambda: "the sentinel answers\n" + self.log())
        wait_until(self.knows, lambda: "the sentinel knows a replica\n" + self.log(), 30)

    def hurry(self):
        """It looks more often than its ten seconds; what it does then stays the same."""
        try:
            return self.client.execute_command("SENTINEL DEBUG", "info-period", "300", "publish-period", "250",
                                               "ping-period", "400")
        except redis.exceptions.RedisError:
            return False

    def knows(self):
        try:
            flat = self.client.execute_command("SENTINEL MASTER", "mine")
            known = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2]))
            return int(known["num-slaves"]) >= 1
        except (redis.exceptions.RedisError, KeyError):
            return False

    def master(self):
        return int(self.client.sentinel_get_master_addr_by_name("mine")[1])


class Keys(Authority):
    """One certificate for every server, which all speak TLS alone."""

    def __init__(self, directory):
        super().__init__(directory)
        self.pair = self.issue("redis", "DNS:localhost,IP:127.0.0.1")

    def listen(self, port):
        return ("--port", "0", *self.redis_options(port, self.pair), "--tls-replication", "yes")

    def client(self):
        return {"ssl": True, "ssl_ca_certs": str(self.ca)}


class Pair:
    """A master, a replica, and the sentinel that turns one into the other."""

    def __init__(self, world, ca):
        self.world, self.ca = world, ca
        self.ports = [free_port(), free_port()]
        self.nodes = {}
        self.start(self.ports[0])
        self.start(self.ports[1], "--replicaof", "127.0.0.1", str(self.ports[0]))
        self.sentinel = Sentinel(world.tmp / "sentinel", free_port(), self.ports[0], ca)
        world.others.append(self.sentinel)
        self.wait_in_sync()

    def start(self, port, *options):
        node = self.nodes[port] = Node(self.world.tmp / f"n{self.ports.index(port)}", port, self.ca, *options)
        self.world.others.append(node)

    def url(self):
        scheme, tls = ("rediss", f', tls: {{ca: "{self.ca.ca}"}}') if self.ca else ("redis", "")
        return f'{{url: "{scheme}+sentinel://127.0.0.1:{self.sentinel.port}/mine/0"{tls}}}'

    def master(self):
        """As the sentinel has it, which on a busy machine may see a failure where there was none."""
        return self.nodes[self.sentinel.master()]

    def replica(self):
        master = self.master()
        return next(n for n in self.nodes.values() if n is not master)

    def wait_in_sync(self):
        def in_sync():
            info = self.master().role()
            return info.get("connected_slaves") == 1 and info.get("slave0", {}).get("state") == "online"

        wait_until(in_sync, lambda: "the other one follows\n" + self.sentinel.log()[-2000:], 120)

    def cut_off(self):
        """The replica: what the master does from now on, it never hears of. Returns what the master had done."""
        wait_until(lambda: teams_of(self.replica().applied()) == TEAMS, "the replica knows of each team")
        self.replica().popen.send_signal(signal.SIGSTOP)
        self.master().client.execute_command("CLIENT KILL", "TYPE", "replica")
        return self.master().applied()

    def fail_over(self, hang):
        old, new = self.master(), self.replica()
        if hang:
            old.popen.send_signal(signal.SIGSTOP)
        else:
            old.stop(signal.SIGKILL)
        new.popen.send_signal(signal.SIGCONT)
        wait_until(lambda: self.sentinel.master() == new.port and new.role().get("role") == "master",
                   lambda: "the replica was promoted\n" + self.sentinel.log()[-2000:], 60)
        return old

    def come_back(self, old, hang):
        """Either way it still believes that it is the master, until the sentinel tells it."""
        if hang:
            old.popen.send_signal(signal.SIGCONT)
        else:
            self.start(old.port)


def again(world, before):
    """How many records were sent again, once that is more than before and no record waits."""
    m = world.daemon.metrics()
    waiting = [v for k, v in m.items() if k.startswith("triaged_spool_records_waiting")]
    resent = m["triaged_ship_resent_records_total"]
    return resent > before and not any(waiting) and resent


@pytest.mark.parametrize("tls, failovers", [(False, 10 if LONG else 5), (True, 10 if LONG else 1)],
                         ids=["plain", "tls"])
def test_failover(world, tls, failovers):
    pair = Pair(world, Keys(world.tmp / "ca") if tls else None)
    world.start_daemon(workers=2, redis=pair.url())
    wait_until(world.at_redis, "at the master")
    world.start_load(pause=0.1)
    resent = 0
    for i in range(failovers):
        world.load.wait_sent(world.rng.randrange(200, 600))
        replicated = pair.cut_off()
        world.load.wait_sent(200)
        wait_until(lambda: teams_of(newer(pair.master().applied(), replicated)) == TEAMS,
                   "the master acknowledges what the replica has not got")
        world.nap(0, 0.3)
        hang = world.rng.random() < 0.5
        old = pair.fail_over(hang)
        world.load.wait_sent(200)
        pair.come_back(old, hang)
        world.load.wait_sent(200)
        world.load.hold()  # a full synchronisation under load takes as long as it likes
        pair.wait_in_sync()
        before, resent = resent, wait_until(lambda: world.at_redis() and again(world, resent), lambda:
                                            "sent again to the new master\n" + world.daemon.log()[-3000:], 180)
        world.load.go_on()
        world.notes.append(f"failover {i + 1}: {'hung' if hang else 'killed'}, {resent - before:.0f} records again")
    world.settle()
    world.redis = pair.master()
    world.check()
    assert not world.load.ledger.unknown, str(world.load.ledger)
    # a stream that began after the replica was cut off is reported, as of a Redis that was emptied; all of it is kept
    reports = [line for line in world.daemon.log().splitlines() if "Redis has lost" in line]
    assert world.daemon.metrics()["triaged_store_rewound_total"] == len(reports)
    assert all(line.endswith("applied=0 kept_after=0") for line in reports), "the daemon still had all of it"
