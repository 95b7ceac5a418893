"""The short form for repeats must do what the ordinary way does.

Two teams live the same history; one has every record sent with an offset, which takes the ordinary
way, and its times as much earlier. Both must end alike, to the byte.
"""
import random

import pytest

from conftest import D, H, M, S, T0, Team, obs

IDS = ('firing', 'open', 'last')


class Pair:
    def __init__(self, server, scripts):
        server.client.flushall()
        self.teams = [Team(server.client, scripts, name, 'NET') for name in ('short', 'long')]
        self.seq = 0

    def settings(self, **fields):
        for t in self.teams:
            t.settings(**fields)

    def observe(self, *items, now):
        early = [{**o, 'first': o['first'] - 1, 'last': o['last'] - 1, 'lease': max(0, o['lease'] - 1)}
                 for o in items]
        self.seq += 1
        short, long = (t.record(i, now, 'ab' * 16, self.seq, t.seq, offset=n)
                       for t, i, n in zip(self.teams, (items, early), (0, 1)))
        assert short == long and short[0] == 'OK'
        for t in self.teams:
            t.seq = self.seq
        return short

    def verb(self, *args, **fields):
        answers = []
        for t in self.teams:
            t.stream, before = 'cd' * 16, t.seq
            t.seq = getattr(self, 'verbs', 0)
            answers.append(t.verb(*args, **fields)['status'])
            t.seq = before
        self.verbs = getattr(self, 'verbs', 0) + 1
        assert answers[0] == answers[1]
        return answers[0]

    def same(self):
        short, long = self.teams
        for name in IDS:
            assert short.hash(name) == long.hash(name), name
        assert short.zset('leases') == long.zset('leases')
        assert short.zset('deadlines') == long.zset('deadlines')
        assert short.ids() == long.ids()
        for id in short.ids():
            a, b = short.inc(id), long.inc(id)
            for name in ('entry', 'team'):
                a.pop(name, None), b.pop(name, None)
            assert a == b, id
            assert short.hash('alerts:' + id) == long.hash('alerts:' + id)
            assert short.timeline(id) == long.timeline(id)


@pytest.fixture
def pair(server, scripts):
    return Pair(server, scripts)


def item(rnd, now):
    k = rnd.randrange(5)
    log = k == 3
    at = now - rnd.choice([0, 0, 0, 0, S, M])
    return obs('f%d-%d' % (k, rnd.randrange(4)), key='k%d{}' % k, at=at, kind='log' if log else 'alert',
               count=rnd.choice([1, 1, 1, 2, 3, 0, 123456789012]), lease=0 if log else rnd.choice([0, now + M, now + D]),
               state='firing' if log else rnd.choice(['firing'] * 8 + ['resolved', 'elsewhere']),
               impact=rnd.choice(['low'] * 8 + ['medium', 'high']),
               urgency=rnd.choice(['low'] * 8 + ['medium', 'high']), system='h%d' % rnd.randrange(4),
               pairs=int((k == 1) != (rnd.randrange(9) == 0)), sender='s%d' % (rnd.randrange(8) == 0),
               starts=rnd.choice([0, 0, T0, T0, T0 - H, 17]), ends=rnd.choice([0, 0, at]),
               suppress=rnd.choice([''] * 9 + [[{'name': 'w', 'until_ms': now + rnd.choice([-S, H])}]]),
               meta={'settle': 0, 'resolve_after': rnd.choice([H, 10 * M])},
               alert=rnd.choice(['"labels":{"a":"b"}', '"labels":{"a":"%d"},"annotations":{}' % rnd.randrange(9), '']))


def record(rnd, now):
    """Items of which some say the same of other alerts, as what a sender posts together does."""
    items = []
    for _ in range(rnd.randrange(1, 12)):
        o = item(rnd, now)
        if items and rnd.randrange(2):
            before = items[-1]
            o = {**before, 'fp': before['fp'][:3] + o['fp'][3:], 'system': o['system'], 'alert': o['alert']}
        items.append(o)
    return items


@pytest.mark.parametrize('seed', range(16))
def test_the_same_history(pair, seed):
    rnd, now = random.Random(seed), T0
    pair.settings(alerts_per_incident=rnd.choice([2, 10000]))
    for step in range(60):
        now += rnd.choice([0, 1, S, M, 10 * M])
        pair.observe(*record(rnd, now), now=now)
        ids = pair.teams[0].ids()
        what = rnd.randrange(12)
        if what == 0 and len(ids) > 1:
            pair.verb('merge', id=rnd.choice(ids), into=rnd.choice(ids), now=now)
        elif what == 1:
            pair.verb('raise', id=rnd.choice(ids), impact='medium', urgency='high', now=now)
        elif what == 2:
            pair.verb('resolve', id=rnd.choice(ids), resolution='r', kind='fix', fix='f', now=now)
        elif what == 3:
            pair.verb('close', id=rnd.choice(ids), force=True, role='manager', resolution='r', now=now)
        elif what == 4:
            for t in pair.teams:
                t.tick(now)
        pair.same()


def test_most_go_the_short_way(pair, server):
    """The test above compares two ways: that there are two is seen in what they ask Redis for."""
    items = [obs('f%d' % i, at=T0, lease=T0 + D) for i in range(8)]
    pair.observe(*items, now=T0)
    for t, offset in zip(pair.teams, (0, 1)):
        server.client.config_resetstat()
        t.record(items, T0, 'ab' * 16, 2, 1, offset=offset)
        calls = server.client.info('commandstats')
        asked = calls['cmdstat_hmget']['calls'] + calls.get('cmdstat_hget', {}).get('calls', 0)
        assert (asked <= 5) == (offset == 0), (offset, calls)


def test_a_resolve_of_what_is_over_goes_the_short_way(pair, server):
    items = [obs('f%d' % i, at=T0, lease=T0 + D, state=('firing', 'resolved', 'elsewhere')[i % 3]) for i in range(9)]
    assert pair.observe(*items, now=T0)[9] == 6
    items = [{**o, 'fp': fp} for o in items for fp in (o['fp'], o['fp'] + 'x')]  # never seen: the ordinary way
    with_new = pair.observe(*items, now=T0)
    assert (with_new[6], with_new[9]) == (6, 12)
    pair.same()
    assert pair.observe(*[{**o, 'state': 'resolved'} for o in items], now=T0)[5] == 1  # all: now they are over
    server.client.config_resetstat()
    assert pair.teams[0].record(items[2:4], T0, 'ab' * 16, 9, 3)[9] == 2
    assert server.client.info('commandstats')['cmdstat_hmget']['calls'] == 1
    pair.same()


def test_counts_add_up(pair):
    for n in range(20):
        pair.observe(*[obs('f%d' % (i % 3), at=T0 + n, lease=T0 + D, count=2) for i in range(7)], now=T0 + n)
    short = pair.teams[0]
    assert short.inc()['count'] == '280' and short.inc()['last_at'] == str(T0 + 19)
    assert [short.alert('f%d' % i)['count'] for i in range(3)] == [120, 80, 80]
    pair.same()
