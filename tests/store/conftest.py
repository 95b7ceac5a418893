"""A redis-server of our own on a unix socket, and a small API over the scripts.

Every test gets an empty database and a Team. `now` is always explicit: the scripts never look at a
clock, so a story of three days takes milliseconds.
"""
import json
import os
import subprocess
import tempfile
import time

import pytest
import redis

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LUA = os.path.join(ROOT, 'src', 'store', 'lua')
T0 = 1_767_600_000_000  # Monday 2026-01-05 08:00 UTC
S, M, H, D = 1000, 60_000, 3_600_000, 86_400_000
TIERS = ('tier1', 'tier2', 'tier3', 'manager')
PRIORITIES = ('P1', 'P2', 'P3', 'P4')


def assemble(name):
    out = subprocess.run(['/usr/bin/python3', os.path.join(LUA, 'embed.py'), '--assemble',
                          os.path.join(LUA, name + '.lua')], check=True, capture_output=True)
    return out.stdout.decode()


class Server:
    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix='triaged-store-')
        self.sock = os.path.join(self.dir.name, 'redis.sock')
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.sock, '--save', '',
             '--appendonly', 'no', '--dir', self.dir.name, '--logfile', 'redis.log'],
            stdout=subprocess.DEVNULL)
        self.client = redis.Redis(unix_socket_path=self.sock, decode_responses=True)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
                return
            except redis.exceptions.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.dir.cleanup()


@pytest.fixture(scope='session')
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture(scope='session')
def scripts(server):
    names = [f[:-4] for f in sorted(os.listdir(LUA)) if f.endswith('.lua')]
    return {n: server.client.register_script(assemble(n)) for n in names}


def obs(fp='a1', key='r{}', state='firing', at=T0, **kw):
    """One observation, by the names of OBSERVE_FIELDS without the _ms."""
    meta = {'title': 'Disk full', 'summary': 'a disk is filling', 'category': 'hardware',
            'service': 'checkout', 'source': 'alertmanager', 'severity': 'critical',
            'triage': 'new', 'group': {'alertname': 'DiskFull'}, 'why': {'impact_from': 'rule'},
            'url_base': ''}
    meta.update(kw.pop('meta', {}))
    o = {'fp': fp, 'key': key, 'state': state, 'kind': 'alert', 'first': at, 'last': at, 'count': 1,
         'starts': 0, 'ends': 0, 'lease': 0, 'sender': 'am', 'pairs': 0, 'system': '',
         'impact': 'medium', 'urgency': 'medium', 'rule': 'disk-full', 'threshold': '',
         'suppress': '', 'meta': json.dumps(meta), 'alert': '"labels":{"alertname":"DiskFull"}'}
    assert set(kw) <= set(o), set(kw) - set(o)
    o.update(kw)
    if isinstance(o['suppress'], list):
        o['suppress'] = json.dumps(o['suppress'])
    return o


def runs(items):
    """Items as `observe` takes them: what neighbours share is told once, and of that only what changed."""
    rows = [[str(v) for v in (o.values() if isinstance(o, dict) else o)] for o in items]
    args, before, at = [r[0] for r in rows] + [r[19] for r in rows], None, 0
    shared = [f for f in range(1, 19) if f != 12]  # all but fingerprint, system, alert
    while at < len(rows):
        row = [before[18] if f == 18 and v == '=' and before else v for f, v in enumerate(rows[at])]
        changed = [f for f in shared if not before or row[f] != before[f]]
        k = 1
        while at + k < len(rows) and all(rows[at + k][f] == row[f] or (f == 18 and rows[at + k][f] == '=')
                                         for f in shared):
            k += 1
        args += [''.join(chr(97 + f) for f in changed) + str(k)] + [row[f] for f in changed]
        args.append(''.join('%d:%s' % (len(r[12].encode()), r[12]) for r in rows[at:at + k]))
        before, at = row, at + k
    return args


OK_NAMES = ('seq', 'opened', 'reopened', 'raised', 'resolved', 'updated', 'held', 'queued',
            'ignored')


class Team:
    def __init__(self, client, scripts, name='net', id='NET'):
        self.r, self.scripts, self.base = client, scripts, 'triaged:{%s}:' % name
        self.key = self.base + 'applied'
        self.stream, self.seq, self.loads = '0' * 31 + '1', 0, 0
        self.settings(id=id)

    def run(self, script, *args):
        return self.scripts[script](keys=[self.key], args=list(args))

    def settings(self, now=T0, **fields):
        self.loads += 1
        self.fields = {**getattr(self, 'fields', {}), **{
            k: v if isinstance(v, (str, int)) else json.dumps(v) for k, v in fields.items()}}
        flat = [x for kv in self.fields.items() for x in kv]
        return self.run('settings', now, T0 + self.loads, 'hash%d' % self.loads, 0, *flat)

    def record(self, items, now, stream, seq, prev, offset=0):
        return self.run('observe', now, stream, seq, prev, offset, 0, len(items), *runs(items))

    def observe(self, *items, now=None):
        now = now if now is not None else max(o['last'] for o in items)
        prev, self.seq = self.seq, self.seq + 1
        reply = self.record(items, now, self.stream, self.seq, prev)
        assert reply[0] == 'OK', reply
        return dict(zip(OK_NAMES, reply[1:]))

    def fire(self, fp='a1', at=T0, now=None, **kw):
        return self.observe(obs(fp, at=at, **kw), now=now)

    def resolve(self, fp='a1', at=T0, now=None, **kw):
        return self.observe(obs(fp, at=at, state='resolved', **kw), now=now)

    def tick(self, now, instance='d1', oldest=0, claim_after=120_000, budget=1000):
        reply = self.run('tick', now, instance, oldest, claim_after, budget)
        out = {'done': reply[0], 'more': reply[1], 'next': reply[2]}
        out.update(zip(reply[3::2], reply[4::2]))
        return out

    def verb(self, verb, id='NET-1', now=None, actor='alice', **fields):
        item = {'verb': verb, 'id': id, 'actor': actor, 'role': 'responder', **fields}
        return self.verbs(item, now=now)[0]

    def verbs(self, *items, now=None):
        now = now if now is not None else self.now()
        prev, self.seq = self.seq, self.seq + 1
        reply = self.run('verb', now, self.stream, self.seq, prev, 0, 0, len(items),
                         *[i if isinstance(i, str) else json.dumps(i) for i in items])
        assert reply[0] == 'OK', reply
        return [json.loads(x) for x in reply[2:]]

    def now(self):
        return int(self.r.hget(self.base + 'settings', 'last_now') or T0)

    # ---- what is there
    def inc(self, id='NET-1'):
        return self.r.hgetall(self.base + 'incident:' + id)

    def alert(self, fp='a1', id='NET-1'):
        text = self.r.hget(self.base + 'alerts:' + id, fp)
        return json.loads(text) if text else None

    def hash(self, name):
        return self.r.hgetall(self.base + name)

    def zset(self, name):
        return {k: int(v) for k, v in self.r.zrange(self.base + name, 0, -1, withscores=True)}

    def clock(self, kind, id='NET-1'):
        for text in self.inc(id).get('clocks', '').split():
            name, budget, used, since, mark = text.split(':')
            if name == kind:
                return dict(budget=int(budget), used=int(used), since=int(since), mark=int(mark),
                            due=int(since) + int(budget) - int(used) if int(since) else None)
        return None

    def entries(self, id=None):
        """All queue entries: [(queue, entry id, fields)]."""
        out = []
        for t in TIERS:
            for p in PRIORITIES:
                q = t + ':' + p
                for eid, f in self.r.xrange(self.base + 'queue:' + q):
                    if id is None or f['incident'] == id:
                        out.append((q, eid, f))
        return out

    def entry(self, id='NET-1'):
        e = self.entries(id)
        assert len(e) == 1, e
        return e[0][0], e[0][2]

    def take(self, who='alice'):
        """As DESIGN section 6 tells responders to."""
        lua = ("for _,k in ipairs(KEYS) do local r=redis.call('XREADGROUP','GROUP','responders',"
               "ARGV[1],'COUNT',1,'STREAMS',k,'>') if r and r[1] then return r[1] end end "
               "return false")
        keys = [self.base + 'queue:tier1:' + p for p in PRIORITIES]
        r = self.r.eval(lua, 4, *keys, who)
        return r and (r[0][len(self.base) + 6:], dict(zip(r[1][0][1][::2], r[1][0][1][1::2])))

    def events(self, id=None):
        return [f for _, f in self.r.xrange(self.base + 'events')
                if id is None or f['incident'] == id]

    def event_names(self, id='NET-1'):
        return [f['event'] for f in self.events(id)]

    def timeline(self, id='NET-1'):
        return [json.loads(x) for x in self.r.lrange(self.base + 'timeline:' + id, 0, -1)]

    def ids(self):
        cut = len(self.base + 'incident:')
        return sorted((k[cut:] for k in self.r.scan_iter(self.base + 'incident:*', count=1000)),
                      key=lambda i: int(i.rsplit('-', 1)[1]))


@pytest.fixture
def team(server, scripts):
    server.client.flushall()
    return Team(server.client, scripts)


@pytest.fixture
def make_team(server, scripts):
    server.client.flushall()
    return lambda name, id: Team(server.client, scripts, name, id)
