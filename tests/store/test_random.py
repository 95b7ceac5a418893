"""Counting under random order: nothing is counted twice or lost. (Histories: test_histories.py.)"""
import random

from conftest import D, M, S, T0, obs


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
