"""Sentinel: the master dies or hangs, a replica that lags takes over, and nothing is lost or doubled."""
import signal

import redis

from harness import LONG, Process, free_port, need, wait_until
from world import Unstartable

FAILOVERS = 10 if LONG else 1


class Node(Process):
    """A redis-server on TCP."""

    def __init__(self, directory, port, *options):
        directory.mkdir(exist_ok=True)
        self.port, self.directory = port, directory
        super().__init__([need("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory),
                          "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction",
                          "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", *options],
                         directory / "redis.log")
        self.client = redis.Redis(port=port, decode_responses=True, socket_timeout=5)
        wait_until(self.answers, lambda: "redis-server answers\n" + self.log())

    def answers(self):
        if not self.alive():
            raise Unstartable(self.log()[-2000:])
        try:
            return self.client.ping()
        except redis.exceptions.BusyLoadingError:
            return False
        except redis.exceptions.ConnectionError:
            return False

    def role(self):
        try:
            return self.client.info("replication")
        except redis.exceptions.RedisError:
            return {}


class Sentinel(Process):
    def __init__(self, directory, port, master_port):
        directory.mkdir()
        config = directory / "sentinel.conf"
        config.write_text(f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
                          f"sentinel monitor mine 127.0.0.1 {master_port} 1\n"
                          "sentinel down-after-milliseconds mine 500\nsentinel failover-timeout mine 3000\n")
        super().__init__([need("redis-server"), str(config), "--sentinel"], directory / "sentinel.log")
        self.client = redis.Redis(port=port, decode_responses=True)
        wait_until(self.knows, lambda: "the sentinel knows a replica\n" + self.log(), 30)

    def knows(self):
        try:
            flat = self.client.execute_command("SENTINEL MASTER", "mine")
            known = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2]))
            return int(known["num-slaves"]) >= 1
        except (redis.exceptions.RedisError, KeyError):
            return False

    def master(self):
        return int(self.client.sentinel_get_master_addr_by_name("mine")[1])


def test_failover(world):
    ports = [free_port(), free_port()]
    nodes = {ports[0]: Node(world.tmp / "n0", ports[0])}
    nodes[ports[1]] = Node(world.tmp / "n1", ports[1], "--replicaof", "127.0.0.1", str(ports[0]))
    world.others += nodes.values()
    sentinel = Sentinel(world.tmp / "sentinel", free_port(), ports[0])
    world.others.append(sentinel)
    world.redis = nodes[ports[0]]

    def in_sync():
        info = world.redis.role()
        return info.get("connected_slaves") == 1 and info.get("slave0", {}).get("state") == "online"

    wait_until(in_sync, "the replica is in sync", 30)
    port = sentinel.client.connection_pool.connection_kwargs["port"]
    world.start_daemon(workers=2, redis=f'{{url: "redis+sentinel://127.0.0.1:{port}/mine/0"}}')
    ready = lambda: "redis ready" in world.daemon.get("/-/ready").text
    wait_until(ready, "at the master")
    world.start_load()
    for i in range(FAILOVERS):
        world.load.wait_sent(world.rng.randrange(300, 1200))
        old, = (p for p in ports if nodes[p] is world.redis)
        new, = (p for p in ports if p != old)
        nodes[new].popen.send_signal(signal.SIGSTOP)  # it lags
        world.load.wait_sent(300)
        world.nap(0, 0.3)
        hang = world.rng.random() < 0.5
        if hang:
            nodes[old].popen.send_signal(signal.SIGSTOP)
        else:
            nodes[old].stop(signal.SIGKILL)
        nodes[new].popen.send_signal(signal.SIGCONT)
        wait_until(lambda: sentinel.master() == new and nodes[new].role().get("role") == "master",
                   lambda: "the replica was promoted\n" + sentinel.log()[-2000:], 60)
        world.redis = nodes[new]
        world.load.wait_sent(200)
        if hang:  # the old master comes back, still believing that it is one
            nodes[old].popen.send_signal(signal.SIGCONT)
        else:
            nodes[old] = Node(world.tmp / f"n{ports.index(old)}", old)
            world.others.append(nodes[old])
        world.load.wait_sent(200)
        world.load.hold()  # a full synchronisation under load takes as long as it likes
        wait_until(in_sync, lambda: "the old master follows\n" + sentinel.log()[-2000:], 120)
        wait_until(lambda: ready() and world.daemon.metrics()['triaged_spool_oldest_waiting_seconds{worker="0"}'] < 5,
                   lambda: "shipping to the new master\n" + world.daemon.log()[-3000:], 60)
        world.load.go_on()
    world.settle()
    world.check()
    assert not world.load.ledger.unknown, str(world.load.ledger)
