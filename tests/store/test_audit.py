"""The script `audit`: each incident's clocks against the deadlines, and counts."""
from conftest import M, T0

P1 = dict(impact='high', urgency='high')


def audit(team, now, first=0, count=200, late=60_000):
    looked, faults, named, counts = team.run('audit', now, first, count, late)
    return looked, faults, named, dict(zip(counts[::2], counts[1::2]))


def test_audit_counts_and_finds_no_fault_in_a_healthy_store(team):
    for n in range(3):
        team.fire(fp='a%d' % n, key='r{a=%d}' % n)
    team.verb('acknowledge', 'NET-1')
    team.resolve(fp='a1', key='r{a=1}', at=T0 + M)
    assert audit(team, T0 + M) == (3, 0, [], {
        'acknowledged P3 hardware': 1, 'resolved P3 hardware': 1, 'open P3 hardware': 1})
    assert audit(team, T0 + M, 1, 1)[:2] == (1, 0) and audit(team, T0 + M, 3)[0] == 0


def test_audit_finds_what_will_never_go_off(team):
    team.fire(**P1)
    (entry, score), = [(k, v) for k, v in team.zset('deadlines').items() if 'settle' not in k]
    for harm, text in [(lambda: team.r.zrem(team.base + 'deadlines', entry), 'has no deadline of its '),
                       (lambda: team.r.zadd(team.base + 'deadlines', {entry: score + 1}), 'has a wrong deadline of its ')]:
        harm()
        looked, faults, named, _ = audit(team, T0 + 1)
        assert (looked, faults) == (1, 1) and named[0].startswith('NET-1 ' + text)
        team.r.zadd(team.base + 'deadlines', {entry: score})
    assert audit(team, score + 60_000)[1] == 0
    assert 'was due and is not worked off' in audit(team, score + 60_001)[2][0]
    team.r.hset(team.base + 'incident:NET-1', 'clocks', '')
    assert audit(team, T0 + 1)[2] == ['NET-1 has no acknowledge clock']
    team.r.delete(team.base + 'incident:NET-1')
    assert audit(team, T0 + 1)[2] == ['NET-1 has no record']
