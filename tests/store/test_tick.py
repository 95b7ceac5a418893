"""The clocks: each row of lifecycle section 2, the horizon, claims, retention, broken entries."""
import json

from conftest import D, H, M, S, T0, obs

P1 = dict(impact='high', urgency='high')
P2 = dict(impact='high', urgency='medium')


# ---- acknowledge
def test_unassigned_p1_goes_to_the_manager_again_and_again(team):
    team.settings(lead='noc-lead', manager='duty')
    team.fire(**P1)
    t = team.tick(T0 + 225 * S)
    assert t['near'] == 1 and team.event_names()[-1] == 'deadline_near'
    assert team.tick(T0 + 5 * M - 1).get('unassigned') is None
    assert team.tick(T0 + 5 * M)['unassigned'] == 1
    q, e = team.entry()
    assert (q, e['reason'], e['acknowledge_by']) == ('manager:P1', 'unassigned', str(T0 + 20 * M))
    assert team.inc()['overdue'] == 'acknowledge' and team.inc()['tier'] == 'tier1'
    ev = team.events('NET-1')[-1]
    assert json.loads(ev['detail']) == {'lead': 'noc-lead', 'manager': 'duty'}
    assert team.tick(T0 + 20 * M - 1).get('unassigned') is None
    assert team.tick(T0 + 20 * M)['unassigned'] == 1
    # a daemon that was away works it off once, not four times
    t = team.tick(T0 + 100 * M)
    assert t['unassigned'] == 1 and len(team.entries()) == 1
    assert team.clock('acknowledge')['due'] == T0 + 115 * M


def test_unassigned_p3_once(team):
    team.fire()
    assert team.tick(T0 + 4 * H)['unassigned'] == 1
    assert team.tick(T0 + 20 * H).get('unassigned') is None
    assert team.entry()[0] == 'manager:P3'


def test_raised_after_it_was_left_to_the_manager(team):
    team.fire()
    team.tick(T0 + 4 * H)
    team.fire(at=T0 + 5 * H, **P1)
    q, e = team.entry()
    assert (q, e['reason']) == ('manager:P1', 'raised')
    assert team.tick(T0 + 5 * H + 15 * M)['unassigned'] == 1


# ---- tiers
def test_tiers_of_p3_stay_with_the_manager(team):
    team.fire()
    team.tick(T0 + 4 * H)
    team.tick(T0 + D)
    assert team.inc()['tier'] == 'tier2' and team.entry()[0] == 'manager:P3'
    assert team.entry()[1]['reason'] == 'unassigned'
    team.tick(T0 + 3 * D)
    assert team.inc()['tier'] == 'tier3' and team.event_names().count('escalated') == 2


def test_tier_queue_when_it_is_not_with_the_manager(team):
    team.settings(sla={'P3': {'acknowledge': D, 'tier2': H, 'tier3': 2 * H, 'grace': H}})
    team.fire()
    team.tick(T0 + H)
    q, e = team.entry()
    assert (q, e['reason'], e['acknowledge_by']) == ('tier2:P3', 'escalated', str(T0 + H + D))
    team.tick(T0 + 2 * H)
    assert team.entry()[0] == 'tier3:P3'
    assert team.event_names().count('escalated') == 2
    assert 'NET-1/tier3' not in team.zset('deadlines')


# ---- update
def test_communication_deadline(team):
    team.fire(**P1)
    t = team.tick(T0 + 30 * M)
    assert t['update_overdue'] == 1 and 'update' in team.inc()['overdue'].split(',')
    assert team.tick(T0 + 31 * M).get('update_overdue') is None


# ---- resolved: grace, confirm
def test_p3_closes_by_itself_after_grace(team):
    team.fire()
    team.resolve(at=T0 + M, now=T0 + 2 * M)
    assert team.tick(T0 + 2 * M + 4 * H - 1).get('closed') is None
    assert team.tick(T0 + 2 * M + 4 * H)['closed'] == 1
    i = team.inc()
    assert (i['state'], i['resolution'], i['closed_at']) == ('closed', 'ended by itself', str(T0 + 2 * M + 4 * H))
    assert 'review' not in i and 'clocks' not in i and 'next_due' not in i
    assert team.zset('deadlines') == {} and team.zset('board') == {}
    assert team.zset('closed') == {'NET-1': T0 + 2 * M + 4 * H}
    team.fire(at=T0 + 5 * H)
    assert team.inc('NET-2')['recurrence_of'] == 'NET-1'


def test_p1_never_closes_unconfirmed(team):
    team.fire(**P1)
    team.resolve(at=T0 + M)
    assert team.tick(T0 + 31 * M).get('closed') is None
    assert team.entries() == []
    t = team.tick(T0 + M + 2 * D)
    assert t['unconfirmed'] == 1
    q, e = team.entry()
    assert (q, e['reason']) == ('manager:P1', 'unconfirmed')
    assert team.inc()['state'] == 'resolved'
    team.tick(T0 + 60 * D)
    assert team.inc()['state'] == 'resolved' and len(team.entries()) == 1


def test_reopening_removes_the_managers_entry(team):
    team.settings(sla={'P1': {'acknowledge': 5 * M, 'confirm': 'required', 'confirm_within': H,
                              'grace': M, 'reopen_within': D}})
    team.fire(**P1)
    team.resolve(at=T0 + M)
    team.tick(T0 + 2 * H)
    assert team.entry()[0] == 'manager:P1'
    team.fire(at=T0 + 3 * H, **P1)
    q, e = team.entry()
    assert (q, e['reason']) == ('tier1:P1', 'reopened') and 'overdue' not in team.inc()


# ---- leases
def test_a_lease_that_ran_out(team):
    team.fire('a', lease=T0 + 5 * M)
    team.fire('b', lease=T0 + 9 * M)
    t = team.tick(T0 + 5 * M)
    assert t['stale'] == 1 and team.alert('a')['state'] == 'stale'
    assert team.inc()['state'] == 'open'
    t = team.tick(T0 + 9 * M)
    assert t['resolved'] == 1
    i = team.inc()
    assert (i['state'], i['resolved_at']) == ('resolved', str(T0 + 9 * M))
    assert 'verified_at' not in i  # a monitor that fell silent has not said that it is over
    assert team.hash('firing') == {} and team.zset('leases') == {}


def test_each_receipt_renews_a_lease(team):
    for n in range(10):
        team.fire(at=T0 + n * M, lease=T0 + n * M + 5 * M)
    assert team.tick(T0 + 13 * M).get('stale') is None
    assert team.zset('leases') == {'NET-1/a1': T0 + 14 * M}
    assert team.tick(T0 + 14 * M)['stale'] == 1


def test_a_shorter_word_counts(team):
    team.fire(lease=T0 + D)
    team.fire(at=T0 + M, lease=T0 + 6 * M)
    assert team.tick(T0 + 6 * M)['stale'] == 1


def test_stale_and_back_and_really_resolved(team):
    team.fire(lease=T0 + M)
    team.tick(T0 + M)
    team.fire(at=T0 + 2 * M, lease=T0 + D)
    team.resolve(at=T0 + 3 * M)
    assert team.inc()['verified_by'] == 'monitor'


# ---- horizon
def test_an_outage_of_ours_ends_nothing(team):
    team.fire('a', lease=T0 + 5 * M)
    team.fire('l', kind='log', key='l{}')
    t = team.tick(T0 + 2 * H, oldest=T0 + M)
    assert t['horizon'] == T0 + M and t.get('stale') is None
    assert team.inc()['state'] == 'open'
    team.fire('a', at=T0 + 110 * M, now=T0 + 2 * H, lease=T0 + 115 * M)
    t = team.tick(T0 + 2 * H + S)
    assert t['stale'] == 2  # both of them really: now all receipts are known


def test_grace_and_settle_wait_for_the_horizon_and_let_others_pass(team):
    team.fire('a')
    team.resolve('a', at=T0 + M)
    team.fire('b', key='b{}', **P1)
    t = team.tick(T0 + 5 * H, oldest=T0 + 2 * M)
    assert t.get('closed') is None and t['unassigned'] == 1
    assert team.tick(T0 + 5 * H, oldest=0)['closed'] == 1


def test_a_silent_daemon_holds_the_horizon_until_given_up(team):
    team.fire(lease=T0 + 2 * M)
    team.tick(T0 + M, 'd1')
    team.tick(T0 + M, 'd2')
    t = team.tick(T0 + 3 * M, 'd1')
    assert t['horizon'] == T0 + M and t.get('stale') is None
    t = team.tick(T0 + 16 * M, 'd1')
    assert t['horizon'] == T0 + M
    t = team.tick(T0 + 16 * M + 1, 'd1')
    assert t['given_up'] == 1 and t['stale'] == 1 and t['horizon'] == T0 + 16 * M + 1
    assert 'horizon_given_up' in [e['event'] for e in team.events()]


def test_a_daemon_that_leaves_holds_nothing(team):
    team.tick(T0 + M, 'd2', oldest=T0)
    assert team.tick(T0 + 2 * M, 'd1')['horizon'] == T0
    team.tick(T0 + 2 * M, 'd2', oldest=-1)
    assert team.tick(T0 + 3 * M, 'd1')['horizon'] == T0 + 3 * M
    assert list(team.hash('horizon')) == ['d1']


# ---- claims
def test_read_and_never_acknowledged_is_put_back(team):
    team.fire()
    assert team.take('bob')[1]['incident'] == 'NET-1'
    assert team.take('eve') is None
    team.tick(T0 + M)
    assert (team.inc()['claimed_at'], team.inc()['claimed_by']) == (str(T0 + M), 'bob')
    assert team.tick(T0 + 3 * M - 1).get('returned') is None
    assert team.tick(T0 + 3 * M)['returned'] == 1
    q, e = team.entry()
    assert (q, e['reason'], e['acknowledge_by']) == ('tier1:P3', 'returned', str(T0 + 4 * H))
    assert 'claimed_at' not in team.inc()
    assert team.take('eve')[1]['incident'] == 'NET-1'


def test_the_manager_gets_what_was_read_and_forgotten(team):
    team.fire(**P1)
    team.take('bob')
    for n in range(1, 6):
        team.tick(T0 + n * M, claim_after=10 * M)
    assert team.entry()[0] == 'manager:P1'
    assert sum(g['pending'] for k in team.r.keys(team.base + 'queue:*')
               for g in team.r.xinfo_groups(k)) == 0


def test_strangers_in_a_queue_are_removed_once_read(team):
    team.r.xadd(team.base + 'queue:tier1:P1', {'incident': 'NET-99'})
    team.r.xadd(team.base + 'queue:tier1:P1', {'rubbish': '1'})
    team.take(), team.take()
    assert team.tick(T0)['orphans'] == 2 and team.entries() == []


# ---- deadlines
def test_an_orphan_timer_does_nothing(team):
    team.fire()
    before = team.inc()
    team.r.zadd(team.base + 'deadlines', {'NET-1/acknowledge': T0, 'NET-1/tier3': T0 + S,
                                          'NET-1/confirm': T0, 'NET-9/tier2': T0})
    t = team.tick(T0 + M)
    assert t['orphans'] == 4 and team.inc() == before
    assert team.zset('deadlines') == {'NET-1/acknowledge': T0 + 3 * H}


def test_a_broken_entry_is_parked_and_stops_nobody(team):
    team.fire('a', **P1)
    team.fire('b', key='b{}', **P1)
    team.r.hset(team.base + 'incident:NET-1', 'firing', 'many')
    team.r.delete(team.base + 'timeline:NET-1')
    team.r.set(team.base + 'timeline:NET-1', 'not a list')
    team.r.zadd(team.base + 'deadlines', {'nonsense': 1})
    team.r.zadd(team.base + 'leases', {'nonsense': 1})
    t = team.tick(T0 + 5 * M)
    assert t['parked'] == 3 and team.entry('NET-2')[0] == 'manager:P1'
    assert set(team.hash('parked')) == {'deadlines NET-1/acknowledge', 'deadlines nonsense',
                                        'leases nonsense'}
    assert team.tick(T0 + 5 * M).get('parked') is None


def test_budget_and_more(team):
    for n in range(30):
        team.fire('f%d' % n, key='k%d{}' % n, **P1)
    t = team.tick(T0 + 5 * M, budget=10)
    assert (t['done'], t['more'], t['unassigned']) == (10, 1, 10)
    team.tick(T0 + 5 * M, budget=10)
    t = team.tick(T0 + 5 * M, budget=11)
    assert (t['done'], t['more'], t['unassigned']) == (10, 0, 10)
    assert t['next'] == T0 + 20 * M or t['next'] == T0 + 30 * M * 3 // 4


def test_two_daemons_ticking_do_each_thing_once(team):
    for n in range(20):
        team.fire('f%d' % n, key='k%d{}' % n, **P1)
    done = sum(team.tick(T0 + 5 * M, d).get('unassigned', 0) for d in ('d1', 'd2'))
    assert done == 20


# ---- retention
def test_retention(team):
    team.settings(retention=30 * D, blast_radius=[])
    team.observe(*[obs('f%d' % n, system='h%d' % n) for n in range(150)])
    team.observe(*[obs('f%d' % n, at=T0 + M, state='resolved') for n in range(150)])
    team.tick(T0 + M + D)
    assert team.inc()['state'] == 'closed'
    closed = int(team.inc()['closed_at'])
    team.tick(closed + 30 * D - 1)
    assert team.inc()
    assert team.tick(closed + 30 * D)['pruned'] == 1
    left = {k[len(team.base):] for k in team.r.keys(team.base + '*') if 'queue:' not in k}
    assert left - {'problems'} == {'settings', 'applied', 'id', 'events', 'horizon'}


def test_review_owed_for_p1_and_overdue_after_five_working_days(team):
    team.fire(**P1)
    team.resolve(at=T0 + M)
    team.r.hset(team.base + 'incident:NET-1', mapping={'confirmed_at': T0, 'resolution': 'x'})
    team.tick(T0 + H)
    i = team.inc()
    assert (i['state'], i['review']) == ('closed', 'due')
    assert int(i['review_due']) == T0 + H + 7 * D          # Monday to Monday
    assert team.zset('deadlines') == {'NET-1/review': T0 + H + 7 * D}
    assert team.zset('reviews_due') == {'NET-1': T0 + H + 7 * D}
    assert team.tick(T0 + H + 7 * D)['review_overdue'] == 1
    assert team.inc()['overdue'] == 'review' and team.zset('deadlines') == {}
    assert team.tick(T0 + 8 * D).get('review_overdue') is None


def test_review_owed_for_what_keeps_coming_back(team):
    at = T0
    for n in range(3):
        team.fire(at=at)
        team.resolve(at=at + M)
        team.tick(at + 5 * H)
        at += 6 * H
    assert [team.inc('NET-%d' % n).get('review') for n in (1, 2, 3)] == [None, None, 'due']
    assert team.inc('NET-3')['problem'].startswith('PRB-')
    assert json.loads(list(team.hash('problems').values())[0])['incidents'] == ['NET-3']


# ---- heartbeats
HB = [{'name': 'prom-eu', 'every': 5 * M, 'impact': 'high', 'urgency': 'high',
       'meta': {'title': 'Watchdog of eu is silent', 'category': 'software'}}]


def beat(at):
    return obs('prom-eu', state='beat', at=at)


def test_heartbeat(team):
    team.settings(heartbeats=HB)
    assert team.zset('deadlines') == {'heartbeat/prom-eu': T0 + 5 * M}
    team.observe(beat(T0 + 2 * M))
    assert team.zset('deadlines') == {'heartbeat/prom-eu': T0 + 7 * M} and team.ids() == []
    team.tick(T0 + 7 * M)
    i = team.inc()
    assert (i['title'], i['priority'], i['state']) == ('Watchdog of eu is silent', 'P1', 'open')
    team.tick(T0 + 12 * M)
    assert team.ids() == ['NET-1']
    team.observe(beat(T0 + 13 * M))
    assert team.inc()['state'] == 'resolved'
    assert team.zset('deadlines')['heartbeat/prom-eu'] == T0 + 18 * M


def test_heartbeat_arming(team):
    team.settings(heartbeats=HB)
    team.settings(now=T0 + 4 * M, heartbeats=HB)   # a restart loop does not push it away
    assert team.zset('deadlines') == {'heartbeat/prom-eu': T0 + 5 * M}
    team.settings(now=T0 + 4 * M, heartbeats=[])
    assert team.zset('deadlines') == {} and team.hash('heartbeats') == {}
    assert team.observe(beat(T0 + 4 * M))['ignored'] == 1


def test_heartbeat_waits_for_the_horizon(team):
    team.settings(heartbeats=HB)
    team.tick(T0 + 10 * M, oldest=T0 + 4 * M)
    assert team.ids() == []
    team.tick(T0 + 10 * M)
    assert team.ids() == ['NET-1']


def test_a_thousand_entries_taken_at_once_are_worked_off_in_parts(team):
    """Somebody's loop read the whole queue: no tick looks at all of it, and all of it is put back."""
    team.observe(*[obs('f%d' % n, key='k%d{}' % n) for n in range(1000)], now=T0)
    for _ in range(1000):
        assert team.take()
    noted = 0
    while noted < 1000:
        done = team.tick(T0 + S)['done']
        assert 0 < done <= 400
        noted += done
    assert team.tick(T0 + 60 * S)['done'] == 0
    returned = [team.tick(T0 + 122 * S).get('returned', 0) for _ in range(4)]
    assert max(returned) <= 400 and sum(returned) == 1000
    assert all(f['reason'] == 'returned' for _, _, f in team.entries())
    assert 'claims' not in team.hash('settings') or team.tick(T0 + 123 * S)['done'] == 0


def test_other_times_reach_every_incident_in_parts(team):
    sla = {'P3': {'acknowledge': H, 'grace': H}}
    team.settings(sla=sla)
    team.observe(*[obs('f%d' % n, key='k%d{}' % n) for n in range(230)], now=T0)  # of one score
    team.fire('late', key='late{}', at=T0 + 1)
    team.settings(sla={'P3': {'acknowledge': 2 * H, 'grace': H}})
    ticks = 0
    while team.tick(T0 + S, budget=40)['more']:
        ticks += 1
        if ticks == 3:  # another load before that is done
            team.settings(sla={'P3': {'acknowledge': 3 * H, 'grace': H}})
    assert 6 <= ticks < 12
    assert {team.clock('acknowledge', i)['budget'] for i in team.ids()} == {3 * H}
    assert 'rebudget' not in team.hash('settings')
