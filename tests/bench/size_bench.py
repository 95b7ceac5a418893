#!/usr/bin/python3
"""What 100,000 open incidents take: bytes, and Redis time of a page, of the next entry, of a tick.

usage: size_bench.py [incidents]
"""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'store'))
import story  # noqa: E402
from conftest import H, M, PRIORITIES, Server, T0, Team, assemble, obs  # noqa: E402
from observe_bench import LABELS  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
CELLS = list(story.CELL.values())


def fill(team):
    for k in range(0, N, 50):
        team.observe(*[obs('f%015d' % (k + i), key='rule{alertname="x",c="%d"}' % (k + i), at=T0 + k // 50,
                           alert=LABELS % (k + i), lease=T0 + 240 * H, system='db%d' % (k + i),
                           impact=CELLS[i % 4][0], urgency=CELLS[i % 4][1],
                           meta={'summary': 'disk is filling on a host of cluster eu-1, see runbook',
                                 'url_base': 'https://triaged.example.org/incidents/',
                                 'runbook': 'https://runbooks.example.org/disk-full'}) for i in range(50)])


def timed(client, name, fn, runs=20):
    """CPU time of Redis' main thread: what another process takes from it is not counted."""
    def spent():
        cpu = client.info('cpu')
        return cpu['used_cpu_user_main_thread'] + cpu['used_cpu_sys_main_thread']
    times = []
    for i in range(runs):
        before = spent()
        fn(i)
        times.append(spent() - before)
    print('%-52s %8.2f ms at best, %8.2f in the middle, %8.2f at worst' % (
        name, min(times) * 1e3, statistics.median(times) * 1e3, max(times) * 1e3))


def main():
    server = Server()
    try:
        client = server.client
        base = client.info('memory')['used_memory']
        team = Team(client, {n: client.register_script(assemble(n))
                             for n in ('settings', 'observe', 'tick', 'verb')})
        fill(team)
        used = client.info('memory')['used_memory'] - base
        print('%d open incidents: %d bytes each' % (N, used / N))

        def page(limit):
            def run(i):
                ids = client.zrangebyscore(team.base + 'board', '-inf', '+inf', start=i * 50, num=limit)
                with client.pipeline(transaction=False) as p:
                    for id in ids:
                        p.hgetall(team.base + 'incident:' + id)
                    p.execute()
            return run
        for limit in (50, 200, 500):
            timed(client, 'a page of %d' % limit, page(limit))
        keys = [team.base + 'queue:tier1:' + p for p in PRIORITIES]
        timed(client, 'next: take and acknowledge', lambda i: team.verb(
            'acknowledge', dict(zip(*[iter(client.eval(story.TAKE, 4, *keys, 'x')[1][0][1])] * 2))['incident'],
            now=T0 + M))
        timed(client, 'a tick with nothing due', lambda i: team.tick(T0 + M + i))
        for budget in (10, 20, 40, 200):
            timed(client, 'a tick that works off %d of many due' % budget,
                  lambda i: team.tick(T0 + 6 * H + i, budget=budget), 20)
    finally:
        server.stop()


if __name__ == '__main__':
    main()
