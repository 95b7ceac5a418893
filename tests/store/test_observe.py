"""What observations do to alerts and incidents: each rule a story with its own clock."""
import json

import pytest

from conftest import D, H, M, S, T0, obs


# ---- opening
def test_opening(team):
    r = team.fire('f1', at=T0 - H, now=T0, system='db1')
    assert (r['opened'], r['queued'], r['updated']) == (1, 1, 0)
    i = team.inc()
    want = dict(id='NET-1', team='net', state='open', tier='tier1', priority='P3', impact='medium',
                urgency='medium', title='Disk full', summary='a disk is filling',
                category='hardware', service='checkout', group_key='r{}', rule='disk-full',
                source='alertmanager', triage='new', opened_at=str(T0),
                first_at=str(T0 - H), alerts='1', firing='1', count='1', systems='["db1"]',
                system_count='1', version='1', next_due_kind='acknowledge',
                next_due=str(T0 + 4 * H))
    assert {k: i.get(k) for k in want} == want
    assert len(i['uid']) == 16
    assert json.loads(i['why'])['cell'] == 'medium/medium'
    assert team.hash('open') == {'r{}': 'NET-1'} and team.hash('last') == {}
    assert team.hash('firing') == {'f1': 'NET-1'}
    assert team.zset('board') == {'NET-1': 30_000_000_000_000 + T0}
    q, e = team.entry()
    assert q == 'tier1:P3'
    assert e == dict(incident='NET-1', priority='P3', team='net', tier='tier1', category='hardware',
                     title='Disk full', service='checkout', impact='medium', urgency='medium',
                     triage='new', reason='opened', opened_at=str(T0),
                     acknowledge_by=str(T0 + 4 * H), systems='["db1"]', system_count='1',
                     alerts='1', url='', at=str(T0), **{'for': ''})
    assert team.event_names() == ['opened']
    assert team.timeline() == [{'at': T0, 'event': 'opened', 'actor': 'triaged', 'rule': 'disk-full'}]
    assert team.zset('deadlines') == {'NET-1/acknowledge': T0 + 3 * H}  # at 75% first
    assert team.alert('f1') == dict(state='firing', count=1, first_at=T0 - H, last_at=T0 - H,
                                    starts_at=T0 - H, ends_at=0, lease=0,
                                    labels={'alertname': 'DiskFull'})


def test_url_known_error_and_texts_with_quotes(team):
    team.fire(meta={'url_base': 'https://t.example.org/i/', 'triage': 'known', 'known_error': 'KE-7',
                    'workaround': 'say "remount"', 'title': 'a "b"\n/c', 'kb': 'https://kb/7'})
    i = team.inc()
    assert i['url'] == 'https://t.example.org/i/NET-1'
    assert (i['triage'], i['known_error'], i['kb']) == ('known', 'KE-7', 'https://kb/7')
    assert team.entry()[1]['title'] == 'a "b"\n/c'


@pytest.mark.parametrize('impact,urgency,priority', [
    ('high', 'high', 'P1'), ('high', 'medium', 'P2'), ('high', 'low', 'P3'), ('medium', 'high', 'P2'),
    ('medium', 'medium', 'P3'), ('medium', 'low', 'P4'), ('low', 'high', 'P3'),
    ('low', 'medium', 'P4'), ('low', 'low', 'P4')])
def test_matrix(team, impact, urgency, priority):
    team.fire(impact=impact, urgency=urgency)
    assert team.entry()[0] == 'tier1:' + priority


def test_own_matrix(team):
    team.settings(matrix={i: {u: 'P1' for u in ('high', 'medium', 'low')} for i in
                          ('high', 'medium', 'low')})
    team.fire(impact='low', urgency='low')
    assert team.inc()['priority'] == 'P1'


# ---- counting
def test_a_repeat_only_counts(team):
    team.fire()
    r = team.fire(at=T0 + M, count=5, first=T0 + S)
    assert (r['updated'], r['queued']) == (1, 0)
    i = team.inc()
    assert (i['count'], i['last_at'], i['version']) == ('6', str(T0 + M), '1')
    assert team.alert()['count'] == 6 and team.alert()['last_at'] == T0 + M
    assert team.event_names() == ['opened'] and len(team.entries()) == 1


def test_many_in_one_call(team):
    team.observe(*[obs('f%d' % (n % 8), at=T0 + n, system='h%d' % (n % 4)) for n in range(64)])
    i = team.inc()
    assert (i['count'], i['alerts'], i['firing'], i['system_count']) == ('64', '8', '8', '4')
    assert sum(team.alert('f%d' % n)['count'] for n in range(8)) == 64
    assert len(team.entries()) == 1


def test_a_late_record_only_counts(team):
    team.fire(at=T0 + M)
    team.resolve(at=T0 + 2 * M)
    assert team.inc()['state'] == 'resolved'
    r = team.fire(at=T0 + 90 * S, now=T0 + 3 * M)
    assert (r['reopened'], r['opened'], r['updated']) == (0, 0, 1)
    assert team.inc()['state'] == 'resolved' and team.inc()['count'] == '3'
    assert team.alert()['state'] == 'resolved'
    team.fire(at=T0 + 5 * M)
    team.resolve(at=T0 + 4 * M)  # late too
    assert team.inc()['state'] == 'open' and team.alert()['state'] == 'firing'


def test_a_late_record_of_a_closed_incident_opens_nothing(team):
    team.fire()
    team.resolve(at=T0 + M)
    team.tick(T0 + D)
    assert team.inc()['state'] == 'closed'
    team.fire(at=T0 + 30 * S, now=T0 + D)
    assert team.ids() == ['NET-1'] and team.inc()['count'] == '3'


# ---- which incident
def test_group_key_joins_and_separates(team):
    team.observe(obs('a'), obs('b'), obs('c', key='other{}'))
    assert team.ids() == ['NET-1', 'NET-2']
    assert team.hash('firing') == {'a': 'NET-1', 'b': 'NET-1', 'c': 'NET-2'}


def test_a_firing_alert_stays_whatever_its_key_says(team):
    team.fire('a', key='old{}')
    team.fire('a', key='new{}', at=T0 + S)
    assert team.ids() == ['NET-1'] and team.inc()['count'] == '2'
    team.resolve('a', key='newer{}', at=T0 + 2 * S)
    assert team.inc()['state'] == 'resolved'


def test_join_within(team):
    team.fire('a')
    team.fire('b', at=T0 + D)                  # 24h: still joins, and is the newest now
    assert team.ids() == ['NET-1']
    r = team.fire('c', at=T0 + 2 * D + 1)      # beyond: a new one
    assert r['opened'] == 1
    assert team.inc('NET-2')['recurrence_of'] == 'NET-1'
    assert team.hash('open') == {'r{}': 'NET-2'}
    team.fire('a', at=T0 + 2 * D + M)          # the old one's alerts stay with it
    assert team.inc()['count'] == '3' and team.inc('NET-2')['count'] == '1'
    team.resolve('a', at=T0 + 3 * D), team.resolve('b', at=T0 + 3 * D)
    assert team.inc()['state'] == 'resolved'
    assert team.hash('open') == {'r{}': 'NET-2'}   # which is not the old one's to take away


def test_join_within_of_the_rule(team):
    team.fire('a', meta={'join_within': H})
    team.fire('b', at=T0 + H + 1)
    assert team.ids() == ['NET-1', 'NET-2']


# ---- ending
def test_resolves_when_all_alerts_ended(team):
    team.observe(obs('a', lease=T0 + D), obs('b', lease=T0 + D))
    assert set(team.zset('leases')) == {'NET-1/a', 'NET-1/b'}
    team.resolve('a', at=T0 + M)
    assert team.inc()['state'] == 'open' and team.inc()['firing'] == '1'
    r = team.resolve('b', at=T0 + 2 * M, now=T0 + 3 * M, ends=T0 + 100 * S)
    assert r['resolved'] == 1
    i = team.inc()
    assert (i['state'], i['firing'], i['unattended'], i['verified_by']) == ('resolved', '0', '1', 'monitor')
    assert (i['resolved_at'], i['grace_from']) == (str(T0 + 2 * M), str(T0 + 3 * M))
    assert team.alert('b')['ends_at'] == T0 + 100 * S
    assert team.entries() == [] and team.hash('open') == {} and team.hash('firing') == {}
    assert team.zset('leases') == {}
    assert set(team.zset('deadlines')) == {'NET-1/grace'}
    assert team.zset('board') == {'NET-1': 70_000_000_000_000 + T0}


def test_resolve_of_the_unknown_is_ignored(team):
    assert team.resolve('x')['ignored'] == 1
    assert team.ids() == []


def test_resolve_before_the_current_start_is_ignored(team):
    team.fire(starts=T0 - M)
    team.resolve(at=T0 + S, ends=T0 - 2 * M)
    assert team.inc()['state'] == 'open'
    team.resolve(at=T0 + S, ends=T0 - M)
    assert team.inc()['state'] == 'resolved'


def test_elsewhere_acts_only_where_it_fires_and_counts_nothing(team):
    assert team.observe(obs('a', state='elsewhere'))['ignored'] == 1
    assert team.ids() == []
    team.fire('a')
    team.observe(obs('a', state='elsewhere', at=T0 + M))
    assert team.inc()['state'] == 'resolved' and team.inc()['count'] == '1'


def test_settle_waits(team):
    team.fire(meta={'settle': 5 * M})
    team.resolve(at=T0 + M)
    assert team.inc()['state'] == 'open' and team.inc()['firing'] == '0'
    assert team.zset('deadlines')['NET-1/settle'] == T0 + 6 * M
    team.fire(at=T0 + 2 * M)
    assert 'NET-1/settle' not in team.zset('deadlines')
    assert team.inc()['reopens' if 'reopens' in team.inc() else 'state'] == 'open'
    team.resolve(at=T0 + 3 * M)
    team.tick(T0 + 8 * M - 1)
    assert team.inc()['state'] == 'open'
    team.tick(T0 + 8 * M)
    assert team.inc()['state'] == 'resolved' and team.inc()['resolved_at'] == str(T0 + 3 * M)


# ---- pairs
def test_pairs(team):
    a, b = dict(pairs=1, sender='prom-a'), dict(pairs=1, sender='prom-b')
    team.fire(lease=T0 + 5 * M, **a)
    team.fire(lease=T0 + 6 * M, at=T0 + M, **b)
    assert team.alert()['senders'] == {'prom-a': T0 + 5 * M, 'prom-b': T0 + 6 * M}
    team.resolve(at=T0 + 2 * M, **a)
    assert team.inc()['state'] == 'open'
    assert team.alert()['senders'] == {'prom-b': T0 + 6 * M}
    team.resolve(at=T0 + 3 * M, **b)
    assert team.inc()['state'] == 'resolved' and 'senders' not in team.alert()


def test_pairs_a_lease_that_ran_out_holds_nothing(team):
    team.fire(lease=T0 + 5 * M, pairs=1, sender='a')
    team.fire(lease=T0 + M, pairs=1, sender='b', at=T0 + S)
    team.resolve(at=T0 + 2 * M, pairs=1, sender='a')
    assert team.inc()['state'] == 'resolved'


def test_a_webhooks_resolve_always_counts(team):
    team.fire(lease=T0 + 5 * M, pairs=1, sender='a')
    team.fire(lease=T0 + 5 * M, pairs=1, sender='b', at=T0 + S)
    team.resolve(at=T0 + M)
    assert team.inc()['state'] == 'resolved'


def test_pairs_do_not_end_what_a_webhook_keeps_firing(team):
    team.fire(lease=T0 + D)
    team.fire(lease=T0 + 5 * M, pairs=1, sender='a', at=T0 + S)
    assert team.alert()['lease'] == T0 + D
    team.resolve(at=T0 + M, pairs=1, sender='a')
    assert team.inc()['state'] == 'open'
    team.resolve(at=T0 + 2 * M)
    assert team.inc()['state'] == 'resolved'


def test_senders_with_strange_names_and_too_many(team):
    for n in range(40):
        team.fire(lease=T0 + H, pairs=1, sender='s"}\\{%d' % n, at=T0 + n)
    assert len(team.alert()['senders']) <= 16
    team.resolve(at=T0 + M)
    assert team.inc()['state'] == 'resolved'


# ---- again
def test_reopens_within_and_recurs_after(team):
    team.fire()
    team.resolve(at=T0 + M)
    r = team.fire(at=T0 + M + 4 * H)
    assert (r['reopened'], r['opened'], r['queued']) == (1, 0, 1)
    i = team.inc()
    assert (i['state'], i['reopens'], i.get('resolved_at'), i.get('unattended')) == ('open', '1', None, None)
    assert team.entry()[1]['reason'] == 'reopened'
    assert team.clock('acknowledge')['since'] == T0 + M + 4 * H
    assert team.hash('open') == {'r{}': 'NET-1'}
    team.resolve(at=T0 + 5 * H)
    r = team.fire(at=T0 + 9 * H + 1)
    assert (r['reopened'], r['opened']) == (0, 1)
    assert team.inc('NET-2')['recurrence_of'] == 'NET-1'
    assert team.inc()['state'] == 'resolved'


def test_tier_clocks_go_on_after_a_reopen(team):
    team.fire(impact='high', urgency='high')
    team.resolve(at=T0 + 10 * M)
    assert team.clock('tier2') == dict(budget=30 * M, used=10 * M, since=0, mark=0, due=None)
    team.fire(at=T0 + 30 * M, impact='high', urgency='high')
    assert team.clock('tier2')['due'] == T0 + 50 * M


def test_reopen_of_the_outage_backlog_counts_from_now(team):
    # everything of a two hours' outage arrives at once: grace is counted from when it was applied
    team.settings(sla={'P3': {'acknowledge': H, 'grace': 10 * M}})
    team.observe(obs(), obs(at=T0 + M, state='resolved'), obs(at=T0 + H), now=T0 + 2 * H)
    assert team.ids() == ['NET-1'] and team.inc()['reopens'] == '1'


def test_flapping(team):
    opened = 0
    for n in range(60):
        team.fire(at=T0 + n * M)
        team.resolve(at=T0 + n * M + 30 * S)
    entries = [e for e in team.events('NET-1') if e['event'] in ('opened', 'reopened')]
    assert team.ids() == ['NET-1'] and len(entries) == 4
    assert team.inc()['flapping'] == '1'
    assert team.event_names().count('flapping') == 1
    assert team.event_names().count('problem_candidate') == 1
    last = T0 + 59 * M + 30 * S
    team.tick(last + 30 * M - 1)
    assert team.inc()['state'] == 'open'
    team.tick(last + 30 * M)
    assert team.inc()['state'] == 'resolved' and 'flapping' not in team.inc()
    assert team.event_names().count('flapping_ended') == 1


# ---- priority
def test_blast_radius(team):
    for n in range(9):
        team.fire('f%d' % n, at=T0 + n, system='h%d' % n, impact='low')
    assert team.inc()['priority'] == 'P4'
    r = team.fire('f9', at=T0 + 9, system='h9', impact='low')
    assert r['raised'] == 1
    i = team.inc()
    assert (i['impact'], i['priority']) == ('medium', 'P3')
    q, e = team.entry()
    assert (q, e['reason'], e['impact']) == ('tier1:P3', 'raised', 'medium')
    ev = [e for e in team.events() if e['event'] == 'raised']
    assert json.loads(ev[0]['detail']) == {'from': 'P4', 'to': 'P3', 'systems': 10}
    team.observe(*[obs('g%d' % n, at=T0 + M, system='h%d' % n, impact='low') for n in range(50)])
    assert team.inc()['impact'] == 'high' and team.inc()['priority'] == 'P2'
    # many systems in one call: one event that it grew
    assert team.event_names().count('grew') == 10


def test_systems_beyond_what_is_listed(team):
    team.observe(*[obs('f%d' % n, system='host-%03d' % n) for n in range(100)])
    assert not team.r.exists(team.base + 'systems:NET-1')
    team.observe(*[obs('f%d' % n, system='host-%03d' % n, at=T0 + S) for n in range(90, 130)])
    i = team.inc()
    assert i['system_count'] == '130' and len(json.loads(i['systems'])) == 100
    assert team.r.scard(team.base + 'systems:NET-1') == 130
    team.observe(*[obs('g%d' % n, system='host-%03d' % n, at=T0 + 2 * S) for n in range(130)])
    assert team.inc()['system_count'] == '130'
    assert json.loads(team.entry()[1]['systems']) == ['host-%03d' % n for n in range(10)]


def test_raise_by_a_worse_alert_and_never_lowered(team):
    team.fire('a', impact='low', urgency='high')       # P3
    team.fire('b', impact='high', urgency='low')       # P3 too: not the sum of both
    assert team.inc()['priority'] == 'P3'
    team.fire('b', impact='high', urgency='high', at=T0 + S)
    assert team.entry()[0] == 'tier1:P1'
    team.fire('b', impact='low', urgency='low', at=T0 + 2 * S)
    team.resolve('b', at=T0 + 3 * S)
    assert team.inc()['priority'] == 'P1'


def test_raise_keeps_the_clock_and_shortens_it(team):
    team.fire(impact='low', urgency='low')             # P4: acknowledge 1d
    team.fire(at=T0 + H, impact='high', urgency='medium')  # P2: 15m from the start: overdue now
    c = team.clock('acknowledge')
    assert (c['since'], c['due']) == (T0, T0 + 15 * M)
    assert team.clock('tier2')['due'] == T0 + H + 2 * H    # P4 had none: it begins now


# ---- thresholds
def th(n, within=M, key='bf{h,c}'):
    return '%d %d %s' % (n, within, key)


def test_threshold(team):
    for n in range(19):
        assert team.fire(at=T0 + n * S, threshold=th(20), kind='log')['held'] == 1
    assert team.ids() == [] and team.hash('firing') == {}
    assert 0 < team.r.pttl(team.base + 'threshold:bf{h,c}') <= M + 600_000
    r = team.fire(at=T0 + 19 * S, threshold=th(20), kind='log')
    assert (r['opened'], r['held']) == (1, 0)
    i = team.inc()
    assert (i['count'], i['first_at']) == ('20', str(T0))
    assert team.alert()['count'] == 20 and team.alert()['first_at'] == T0
    assert not team.r.exists(team.base + 'threshold:bf{h,c}')
    # while it is open they join directly
    assert team.fire(at=T0 + H, threshold=th(20), kind='log', fp='other')['updated'] == 1


def test_threshold_window_slides(team):
    for n in range(10):
        team.fire(at=T0 + n * 10 * S, threshold=th(7))     # 6 within any minute
    assert team.ids() == []
    team.fire(at=T0 + 91 * S, threshold=th(7))
    assert team.inc()['count'] == '7'


def test_threshold_by_count_of_one_fold(team):
    assert team.fire(count=999, threshold=th(1000))['held'] == 1
    assert team.fire(count=1, at=T0 + 1, threshold=th(1000))['opened'] == 1
    assert team.inc()['count'] == '1000'


def test_threshold_records_out_of_order(team):
    team.observe(obs(at=T0 + 50 * S, threshold=th(3)), obs(at=T0 - M, threshold=th(3)),
                 obs(at=T0, threshold=th(3)))
    assert team.ids() == []
    assert team.fire(at=T0 + S, threshold=th(3))['opened'] == 1


def test_threshold_counts_anew_after_the_resolve(team):
    team.fire(count=5, threshold=th(5), kind='log')
    team.tick(T0 + H)
    assert team.inc()['state'] == 'resolved'
    assert team.fire(at=T0 + H + S, threshold=th(5), kind='log')['held'] == 1
    assert team.inc()['state'] == 'resolved'
    assert team.fire(at=T0 + H + 2 * S, count=4, threshold=th(5), kind='log')['reopened'] == 1
    assert team.inc()['count'] == '10'


# ---- log events
def test_log_incident_resolves_by_quiet(team):
    team.fire('a', kind='log')
    team.fire('b', kind='log', at=T0 + 10 * M)
    team.fire('a', kind='log', at=T0 + 30 * M)
    team.tick(T0 + 70 * M)
    assert team.alert('b')['state'] == 'stale' and team.alert('a')['state'] == 'firing'
    team.tick(T0 + 90 * M - 1)
    assert team.inc()['state'] == 'open'
    team.tick(T0 + 90 * M)
    i = team.inc()
    assert i['state'] == 'resolved' and i['resolved_at'] == str(T0 + 90 * M)
    assert 'verified_at' not in i  # silence is no proof


def test_resolve_after_of_the_rule(team):
    team.fire('a', kind='log', meta={'resolve_after': 5 * M})
    team.tick(T0 + 5 * M)
    assert team.inc()['state'] == 'resolved'


# ---- limits
def test_alerts_per_incident(team):
    team.settings(alerts_per_incident=3)
    team.observe(*[obs('f%d' % n) for n in range(5)])
    assert 'labels' in team.alert('f2') and 'labels' not in team.alert('f3')
    team.fire('f3', at=T0 + S)
    assert team.alert('f3') == dict(state='firing', count=2, first_at=T0, last_at=T0 + S,
                                    starts_at=T0, ends_at=0, lease=0)
    assert team.inc()['alerts'] == '5'
    for n in range(5):
        team.resolve('f%d' % n, at=T0 + M)
    assert team.inc()['state'] == 'resolved'


def test_timeline_is_capped(team):
    team.fire()
    for n in range(1, 1100):
        team.observe(obs('f%d' % n, at=T0 + n, system='h%d' % n))
    assert team.r.llen(team.base + 'timeline:NET-1') == 1000
    assert int(team.inc()['timeline_dropped']) == len(team.events()) - 1000


def test_broken_stored_alert_is_written_anew(team):
    team.fire()
    team.r.hset(team.base + 'alerts:NET-1', 'a1', 'rubbish')
    team.fire(at=T0 + S)
    assert team.alert()['state'] == 'firing'


def test_firing_that_leads_nowhere(team):
    team.fire()
    team.r.delete(team.base + 'incident:NET-1')
    assert team.fire(at=T0 + S)['opened'] == 1
    assert team.hash('firing') == {'a1': 'NET-2'}


# ---- suppression
W = [{'name': 'patching', 'until_ms': T0 + H}]


def test_suppressed_from_the_start(team):
    r = team.fire(suppress=W)
    assert (r['opened'], r['queued']) == (1, 0)
    assert team.inc()['suppressed_by'] == 'patching' and team.entries() == []
    assert team.clock('acknowledge')['due'] is None
    assert team.zset('board') != {}
    team.tick(T0 + H)
    assert 'suppressed_by' not in team.inc()
    q, e = team.entry()
    assert (e['reason'], e['acknowledge_by']) == ('unsuppressed', str(T0 + 5 * H))


def test_suppressed_while_all_firing_alerts_are(team):
    team.fire('a')
    team.fire('b', suppress=W, at=T0 + S)
    assert len(team.entries()) == 1 and team.inc()['muted'] == '1'
    team.resolve('a', at=T0 + M)
    assert team.entries() == [] and team.inc()['suppressed_by'] == 'patching'
    team.fire('c', at=T0 + 2 * M)
    assert team.entry()[1]['reason'] == 'unsuppressed'


def test_a_window_that_is_over_by_now_suppresses_nothing(team):
    team.fire(suppress=[{'name': 'x', 'until_ms': T0 + H}], now=T0 + 2 * H)
    assert len(team.entries()) == 1


def test_window_edges_by_looking_again(team):
    team.fire('a')
    team.observe(obs('a', count=0, suppress=W, at=T0), now=T0 + M)
    assert team.entries() == [] and team.inc()['count'] == '1'
    team.observe(obs('a', count=0, at=T0), now=T0 + 2 * M)  # the window was taken out early
    assert team.entry()[1]['reason'] == 'unsuppressed'
    assert team.observe(obs('zz', count=0))['ignored'] == 1 and team.ids() == ['NET-1']


def test_resolves_always_pass(team):
    team.fire(suppress=W)
    team.resolve(at=T0 + M)
    assert team.inc()['state'] == 'resolved' and 'suppressed_by' not in team.inc()
    assert 'muted' not in team.inc() or team.inc()['muted'] == '0'
    assert 'NET-1/suppress' not in team.zset('deadlines')


def test_later_window_prolongs(team):
    team.fire(suppress=W)
    team.fire(suppress=[{'name': 'more', 'until_ms': T0 + 2 * H}], at=T0 + M)
    team.tick(T0 + H)
    assert team.inc()['suppressed_by'] == 'patching' and team.entries() == []
    team.tick(T0 + 2 * H)
    assert team.entry()[1]['reason'] == 'unsuppressed'
