#!/usr/bin/python3
"""Rates and memory of the scripts on a redis-server of our own. usage: observe_bench.py [seconds]

One client over a unix socket, a few calls in a pipeline; only sending and waiting is timed. Printed
are the rate over all batches and that of the quickest tenth of them (what a quiet machine would do).
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'store'))
from conftest import Server, T0, Team, assemble, obs, runs  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0


class Labels:
    """Alerts as a fleet sends them: the host's name stands in several places."""
    def __mod__(self, i):
        return ('"labels":{"alertname":"NodeFilesystemFull","cluster":"eu-1","instance":"db%05d:9100",'
                '"severity":"critical","job":"node"},"annotations":{"summary":"disk of db%05d is '
                'filling"},"generator_url":"http://prom:9090/graph?g0.expr=x"' % (i, i))


LABELS = Labels()


def pack(args):
    """RESP by hand: the client must not be what is measured."""
    out = [b'*%d\r\n' % len(args)]
    for a in args:
        b = a if isinstance(a, bytes) else str(a).encode()
        out.append(b'$%d\r\n%s\r\n' % (len(b), b))
    return b''.join(out)


def run(server, name, items_of_call, per_call, depth=4):
    client, sha = server.client, server.client.script_load(assemble('observe'))
    client.flushall()
    team = Team(client, {'settings': client.register_script(assemble('settings'))})
    pool = client.connection_pool
    conn = pool.get_connection('_')
    stream, seq, n, times = 'ab' * 16, 0, 0, []
    spent = 0.0
    while spent < SECONDS:
        batch = []
        for _ in range(depth):
            items = items_of_call(seq)
            args = ['EVALSHA', sha, 1, team.key, T0 + seq, stream, seq + 1, seq, 0, 0, len(items)]
            batch.append(pack(args + runs(items)))
            seq += 1
        data = b''.join(batch)
        t = time.monotonic()
        conn._sock.sendall(data)
        for _ in range(depth):
            reply = conn.read_response()
            assert reply[0] in ('OK', b'OK'), reply
        times.append(time.monotonic() - t)
        spent += times[-1]
        n += depth * per_call
    times.sort()
    best = sum(times[:len(times) // 10 + 1]) / (len(times) // 10 + 1)
    print('%-42s %9.0f obs/s, quickest tenth %9.0f' % (name, n / spent, depth * per_call / best))
    pool.release(conn)
    return team


def main():
    server = Server()
    try:
        one = [obs('f%015d' % (i % 8), at=T0, alert=LABELS % i, lease=T0 + 86400000, system='db%d' % (i % 8))
               for i in range(64)]
        run(server, 'known, 1 incident, 8 alerts, 64 a call', lambda s: one, 64)
        same = [obs('f%015d' % i, at=T0, alert=LABELS % i, lease=T0 + 86400000, system='db%d' % i)
                for i in range(64)]
        run(server, 'known, 1 incident, 64 alerts, 64 a call', lambda s: same, 64)
        many = [obs('f%015d' % i, key='rule{c=%d}' % i, at=T0, alert=LABELS % i, lease=T0 + 86400000,
                    system='db%d' % i) for i in range(64)]
        run(server, 'known, 64 incidents, 64 a call', lambda s: many, 64)
        run(server, 'known, 1 a call', lambda s: [one[0]], 1)
        held = [obs('f%015d' % i, key='rule{c=%d}' % i, at=T0, alert=LABELS % i, kind='log',
                    threshold='1000 60000 bf{%d}' % i) for i in range(64)]
        held = [{**o, 'first': T0, 'last': T0} for o in held]

        def threshold(s):
            for o in held:
                o['last'] = o['first'] = T0 + s * 1000
            return held
        run(server, 'threshold only, 64 keys, 64 a call', threshold, 64)

        def opening(s):
            return [obs('f%015d' % (s * 64 + i), key='rule{alertname="x",c="%d"}' % (s * 64 + i),
                        at=T0, alert=LABELS % i, lease=T0 + 86400000, system='db%d' % i)
                    for i in range(64)]
        team = run(server, 'opening, 64 a call', opening, 64)
        server.client.flushall()
        base = server.client.info('memory')['used_memory']
        run_n = 20000
        script = server.client.register_script(assemble('observe'))
        team = Team(server.client, {'settings': server.client.register_script(assemble('settings')),
                                    'observe': script})
        for k in range(0, run_n, 50):
            team.observe(*[obs('f%015d' % (k + i), key='rule{alertname="x",c="%d"}' % (k + i), at=T0,
                               alert=LABELS % i, lease=T0 + 86400000, system='db%d' % i,
                               meta={'summary': 'disk is filling on a host of cluster eu-1, see runbook',
                                     'url_base': 'https://triaged.example.org/incidents/',
                                     'runbook': 'https://runbooks.example.org/disk-full'})
                           for i in range(50)])
        used = server.client.info('memory')['used_memory'] - base
        ev = server.client.memory_usage(team.base + 'events', samples=0)
        print('memory: %d B per open incident with one alert (%d B without the capped event stream)'
              % (used / run_n, (used - ev) / run_n))
        for k in ('incident:NET-77', 'alerts:NET-77', 'timeline:NET-77'):
            print('   %-18s %5d B, encoding %s' % (k, server.client.memory_usage(team.base + k),
                                                   server.client.object('encoding', team.base + k)))
        for k in ('queue:tier1:P3', 'events', 'open', 'firing', 'leases', 'board', 'deadlines'):
            print('   %-18s %5d B per incident' % (
                k, server.client.memory_usage(team.base + k, samples=0) / run_n))
    finally:
        server.stop()


if __name__ == '__main__':
    main()
