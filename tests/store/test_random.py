"""Random histories of alerts, verbs and time, with the invariants of lifecycle section 4.

The seed of a failing history is in the name of the test: `pytest -k 'seed-17'` plays it again.
TRIAGED_LONG=1 plays more and longer ones.
"""
import json
import os
import random

import pytest

from conftest import D, H, M, PRIORITIES, S, T0, obs

LONG = os.environ.get('TRIAGED_LONG') == '1'
SEEDS = range(200 if LONG else 16)
STEPS = 300 if LONG else 150
RANK = {'P1': 1, 'P2': 2, 'P3': 3, 'P4': 4}
HORIZON_KINDS = ('settle', 'grace')
PEOPLE = ('alice', 'bob', 'eve')


class History:
    def __init__(self, team, seed):
        self.team, self.rnd, self.now = team, random.Random(seed), T0
        self.sent, self.last_raise = {}, None
        team.settings(flap={'reopens': 3, 'within': H, 'settle': 30 * M},
                      blast_radius=[{'systems': 3, 'impact': 'medium'}, {'systems': 6, 'impact': 'high'}],
                      retention=20 * D)

    def later(self):
        self.now += self.rnd.choice([0, 1, S, 20 * S, M, 7 * M, 40 * M, 3 * H, 20 * H, 3 * D])

    def alert(self):
        r = self.rnd
        k = r.randrange(4)
        kind = 'log' if k == 3 else 'alert'
        at = self.now - r.choice([0, 0, 0, S, M, H])
        o = obs('f%d-%d' % (k, r.randrange(4)), key='k%d{}' % k, at=at, count=r.randrange(1, 4), kind=kind,
                state=r.choice(['firing'] * 3 + ['resolved'] * 2 + ['elsewhere']) if kind == 'alert' else 'firing',
                system='h%d' % r.randrange(9), impact=r.choice(['high', 'medium', 'low']),
                urgency=r.choice(['high', 'medium', 'low', 'low']), pairs=r.choice([0, 1]),
                sender='s%d' % r.randrange(2), lease=0 if kind == 'log' else self.now + r.choice([M, H, D]),
                ends=r.choice([0, at - 2 * H, at]), starts=r.choice([0, at - H]),
                suppress=r.choice(['', '', [{'name': 'w', 'until_ms': self.now + r.choice([-S, M, H])}]]),
                threshold='3 60000 t{%d}' % k if k == 2 else '',
                meta={'settle': r.choice([0, 0, 5 * M]), 'resolve_after': r.choice([10 * M, H])})
        return o

    def verb(self):
        r, ids = self.rnd, self.team.ids()
        if not ids:
            return
        name = r.choice(['acknowledge', 'acknowledge', 'assign', 'release', 'escalate', 'raise', 'lower',
                         'snooze', 'note', 'update', 'resolve', 'resolve', 'verify', 'confirm', 'close',
                         'reopen', 'merge', 'open'])
        id = r.choice(ids[-6:])
        fields = {'assignee': r.choice(PEOPLE), 'impact': r.choice(['high', 'medium', 'low']),
                  'urgency': r.choice(['high', 'medium', 'low']), 'for': r.choice([M, H, D]),
                  'text': 't', 'resolution': 'r', 'by': 'boss', 'into': r.choice(ids),
                  'role': r.choice(['responder', 'manager']), 'take': r.random() < 0.5, 'title': 'x'}
        if name == 'resolve':
            fields['kind'] = r.choice(['fix', 'workaround'])
        if name == 'close':
            fields['force'] = r.random() < 0.3
        before = self.team.inc(id)
        due = self.team.clock('acknowledge', id)
        a = self.team.verb(name, id, now=self.now, actor=r.choice(PEOPLE), **fields)
        assert a['status'] < 500, a
        if a['status'] != 200 or (a['changed'] is False and self.team.inc(id)['version'] == before['version']):
            if name != 'open':
                assert self.team.inc(id) == before, (name, a)
        if name == 'raise' and a['status'] == 200 and before['state'] == 'open':
            after = self.team.clock('acknowledge', id)
            if due and due['due'] and after and after['due'] and after['mark'] == due['mark']:
                assert after['due'] <= due['due']

    def step(self):
        r = self.rnd.random()
        if r < 0.55:
            items = [self.alert() for _ in range(self.rnd.randrange(1, 6))]
            self.team.observe(*items, now=self.now)
        elif r < 0.8:
            self.verb()
        elif r < 0.95:
            for d in ('d1', 'd2'):
                self.team.tick(self.now, d, oldest=self.rnd.choice([0, 0, 0, self.now - 5 * M]),
                               budget=self.rnd.choice([3, 1000]))
        else:
            self.team.take(self.rnd.choice(PEOPLE))
        self.later()


def check(team):
    """Everything that must hold between two calls."""
    assert team.hash('parked') == {}
    entries = {}
    for q, eid, f in team.entries():
        assert f['incident'] not in entries, 'two entries of ' + f['incident']
        entries[f['incident']] = (q, eid, f)
    board, closed, deadlines = team.zset('board'), team.zset('closed'), team.zset('deadlines')
    open_, firing, leases = team.hash('open'), team.hash('firing'), team.zset('leases')
    incs = {i: team.inc(i) for i in team.ids()}
    merged = {}
    for i, f in incs.items():
        if 'merged_into' in f:
            merged.setdefault(root(incs, i), []).append(i)
    want_deadlines = {}
    for i, f in incs.items():
        state = f['state']
        assert state in ('open', 'acknowledged', 'resolved', 'closed')
        # queue
        flagged = f.get('suppressed_by') or f.get('snoozed_until')
        if state == 'open' and not flagged:
            assert i in entries, (i, f)
        if i in entries:
            assert (state == 'open' and not flagged) or (state == 'resolved' and f.get('manager_reason'))
            q, eid, e = entries[i]
            assert (f['queue'], f['entry']) == (q, eid)
            tier = 'manager' if f.get('with_manager') else f['tier']
            assert q == tier + ':' + f['priority']
            assert (e['priority'], e['impact'], e['urgency'], e.get('for', '')) == (
                f['priority'], f['impact'], f['urgency'], f.get('for', ''))
            assert tier == 'manager' or e['tier'] == f['tier']
        else:
            assert 'entry' not in f and 'queue' not in f
        # alerts and counts
        alerts = [json.loads(a) for x in [i] + merged.get(i, []) for a in team.hash('alerts:' + x).values()]
        fires = [a for a in alerts if a['state'] == 'firing']
        if 'merged_into' not in f:
            assert int(f['alerts']) == len(alerts), i
            assert int(f['count']) == sum(a['count'] for a in alerts), i
            assert int(f['firing']) == len(fires), i
            assert int(f.get('muted') or 0) == sum(1 for a in fires if a.get('suppressed_until')), i
            if state in ('open', 'acknowledged') and fires:
                assert bool(f.get('suppressed_by')) == all(a.get('suppressed_until') for a in fires)
            if state == 'acknowledged' and not fires and alerts:
                assert f.get('ended_at') or int(f.get('reopens', 0)), (i, f)
        # where it is listed
        assert (i in closed) == (state == 'closed') and (i in board) == (state != 'closed')
        if i in board:
            assert board[i] // 10**13 == RANK[f['priority']] + (4 if state == 'resolved' else 0)
        # clocks
        clocks = dict((t.split(':')[0], [int(x) for x in t.split(':')[1:]]) for t in f.get('clocks', '').split())
        if state == 'closed':
            assert set(clocks) <= {'review'}, clocks
        now_entry = None
        for kind, (budget, used, since, mark) in clocks.items():
            assert used >= 0 and budget >= 0, (kind, budget, used)
            if since == 0 or mark == 2:
                continue
            near = mark == 0 and kind not in ('grace', 'settle', 'snooze', 'suppress', 'review', 'close')
            score = since + (budget * 3 // 4 if near else budget) - used
            if kind in HORIZON_KINDS:
                want_deadlines['%s/%s' % (i, kind)] = score
            elif now_entry is None or (score, kind) < now_entry:
                now_entry = (score, kind)
        if now_entry:
            want_deadlines['%s/%s' % (i, now_entry[1])] = now_entry[0]
        if flagged and state == 'open':
            assert clocks['acknowledge'][2] == 0
        if state == 'open' and not flagged:
            assert clocks['acknowledge'][2] > 0
    assert deadlines == want_deadlines
    for k, i in open_.items():
        assert incs[i]['state'] in ('open', 'acknowledged'), (k, i)
    for fp, i in firing.items():
        if i in incs and incs[root(incs, i)]['state'] != 'closed':
            a = json.loads(team.hash('alerts:' + i)[fp])
            assert a['state'] == 'firing'
            if a['lease']:
                assert leases['%s/%s' % (i, fp)] <= a['lease']
    versions = {}
    for e in team.events():
        if e['incident']:
            assert int(e['version']) > versions.get(e['incident'], 0), e
            versions[e['incident']] = int(e['version'])


def root(incs, i):
    while 'merged_into' in incs[i]:
        i = incs[i]['merged_into']
    return i


@pytest.mark.parametrize('seed', SEEDS, ids=lambda s: 'seed-%d' % s)
def test_history(team, seed):
    h = History(team, seed)
    for n in range(STEPS):
        h.step()
        if n % 5 == 0 or LONG:
            check(team)
    check(team)


def test_the_sum_of_counts_is_what_was_sent(team):
    """Without thresholds and resolves every observation is counted once, in one incident."""
    r, sent, now = random.Random(7), 0, T0
    for _ in range(200):
        items = [obs('f%d' % r.randrange(40), key='k%d{}' % r.randrange(6), at=now - r.choice([0, 0, M]),
                     count=r.randrange(1, 9), lease=now + D) for _ in range(r.randrange(1, 20))]
        sent += sum(o['count'] for o in items)
        team.observe(*items, now=now)
        now += r.choice([S, M])
    assert sum(int(team.inc(i)['count']) for i in team.ids()) == sent


def test_two_streams_interleaved_and_sent_again(team):
    """Two workers' records, each sent again and out of turn now and then: applied once each."""
    r = random.Random(3)
    streams = {('%x' % n) * 32: {'seq': 0, 'log': []} for n in (10, 11)}
    total = 0
    for n in range(300):
        name, s = r.choice(list(streams.items()))
        if s['log'] and r.random() < 0.4:
            k = r.randrange(len(s['log']))
            for seq, prev, items in s['log'][k:]:
                assert team.record(items, T0 + n, name, seq, prev)[0] == 'SKIP'
            continue
        seq = s['seq'] + r.randrange(1, 5)
        items = [obs('f%d' % r.randrange(9), at=T0 + n, count=2)]
        if r.random() < 0.2:
            assert team.record(items, T0 + n, name, seq + 7, seq)[0] == 'GAP'
        assert team.record(items, T0 + n, name, seq, s['seq'])[0] == 'OK'
        s['log'].append((seq, s['seq'], items))
        s['seq'] = seq
        total += 2
    assert int(team.inc()['count']) == total
