"""The table of lifecycle section 1, row by row, and what stands around a verb."""
import json

import pytest
import redis

from conftest import D, H, M, T0, obs

P1 = dict(impact='high', urgency='high')
ROWS = {  # verb: what each state answers; '' = refused
    'acknowledge': {'open': 'yes', 'acknowledged': 'no', 'resolved': 'no', 'closed': ''},
    'assign': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': ''},
    'release': {'open': 'no', 'acknowledged': 'yes', 'resolved': '', 'closed': ''},
    'escalate': {'open': 'yes', 'acknowledged': 'yes', 'resolved': '', 'closed': ''},
    'raise': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': ''},
    'lower': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': ''},
    'snooze': {'open': 'yes', 'acknowledged': 'yes', 'resolved': '', 'closed': ''},
    'note': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': 'yes'},
    'update': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': ''},
    'resolve': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': ''},
    'verify': {'open': '', 'acknowledged': '', 'resolved': 'no', 'closed': 'no'},
    'confirm': {'open': '', 'acknowledged': '', 'resolved': 'yes', 'closed': 'no'},
    'close': {'open': '', 'acknowledged': '', 'resolved': '', 'closed': 'no'},
    'reopen': {'open': 'no', 'acknowledged': 'no', 'resolved': 'yes', 'closed': 'yes'},
    'merge': {'open': 'yes', 'acknowledged': 'yes', 'resolved': 'yes', 'closed': ''},
}
FIELDS = {'assign': {'assignee': 'bob'}, 'raise': P1, 'lower': {'impact': 'low'},
          'snooze': {'for': H}, 'note': {'text': 'x'}, 'update': {'text': 'x'},
          'resolve': {'resolution': 'done', 'kind': 'workaround'}, 'confirm': {'by': 'boss'},
          'reopen': {'text': 'again', 'role': 'manager'}, 'merge': {'into': 'NET-2'}}


def bring(team, state):
    team.fire('other', key='other{}')
    team.fire('x', key='x{}')
    team.r.rename(team.base + 'incident:NET-1', team.base + 'tmp') if False else None
    team.fire('a', key='a{}')
    if state in ('acknowledged',):
        team.verb('acknowledge', 'NET-3')
    if state in ('resolved', 'closed'):
        team.resolve('a', at=T0 + M)
    if state == 'closed':
        team.tick(T0 + M + 4 * H)
        assert team.inc('NET-3')['state'] == 'closed'
    return 'NET-3'


@pytest.mark.parametrize('verb', sorted(ROWS))
@pytest.mark.parametrize('state', ['open', 'acknowledged', 'resolved', 'closed'])
def test_table(team, verb, state):
    id = bring(team, state)
    a = team.verb(verb, id, **FIELDS.get(verb, {}))
    want = ROWS[verb][state]
    if want == '':
        assert a['status'] == 409 and a['error']['code'] == 'not_allowed', a
        if verb not in ('close',):
            assert verb not in a['error']['allowed'] and 'note' in a['error']['allowed']
        assert a['incident']['state'] == state
    else:
        assert a['status'] == 200 and a['changed'] == (want == 'yes'), a
    if want == 'no':
        assert a['incident']['state'] == state


# ---- acknowledge, assign, release
def test_acknowledge(team):
    team.fire()
    v = int(team.inc()['version'])
    a = team.verb('acknowledge', now=T0 + M, text='on it')
    i = team.inc()
    assert (i['state'], i['assignee'], i['acknowledged_at'], int(i['version'])) == (
        'acknowledged', 'alice', str(T0 + M), v + 1)
    assert a['incident'] == i and a['version'] == v + 1
    assert team.entries() == [] and team.clock('acknowledge') is None
    assert team.clock('reacknowledge')['due'] == T0 + M + D
    assert team.timeline()[-1] == {'at': T0 + M, 'event': 'acknowledged', 'actor': 'alice', 'text': 'on it'}


def test_acknowledge_twice_and_take_over(team):
    team.fire()
    team.verb('acknowledge')
    assert team.verb('acknowledge')['changed'] is False
    a = team.verb('acknowledge', actor='bob')
    assert a['status'] == 409 and a['error']['holder'] == 'alice' and 'alice' in a['error']['message']
    assert team.verb('acknowledge', actor='bob', take=True)['changed'] is True
    assert team.inc()['assignee'] == 'bob'


def test_acknowledge_after_the_resolve_never_reopens(team):
    team.fire()
    team.resolve(at=T0 + M)
    a = team.verb('acknowledge')
    assert a['changed'] is False and team.inc()['state'] == 'resolved'
    assert team.event_names()[-1] == 'noted'


def test_assign(team):
    team.fire(**P1)
    team.verb('assign', now=T0 + M, assignee='bob')
    q, e = team.entry()
    assert (e['reason'], e['for'], e['acknowledge_by']) == ('assigned', 'bob', str(T0 + 5 * M))
    team.verb('acknowledge', now=T0 + 2 * M, actor='bob')
    assert 'for' not in team.inc()
    team.verb('assign', now=T0 + 3 * M, assignee='eve')
    q, e = team.entry()
    assert (e['reason'], e['for'], e['acknowledge_by']) == ('assigned', 'eve', str(T0 + 8 * M))
    assert team.inc()['last_assignee'] == 'bob' and 'assignee' not in team.inc()


def test_release(team):
    team.fire()
    team.verb('acknowledge')
    team.verb('release', now=T0 + M)
    assert team.entry()[1]['reason'] == 'returned'
    assert team.clock('acknowledge')['due'] == T0 + M + 4 * H
    team.resolve(at=T0 + 2 * M)
    assert 'unattended' not in team.inc()


# ---- escalate
def test_escalate_and_two_people_skip_no_tier(team):
    team.fire()
    team.verb('acknowledge')
    assert team.verb('escalate', now=T0 + M, from_tier='tier1', reason='too hard')['changed'] is True
    assert team.verb('escalate', actor='bob', from_tier='tier1')['changed'] is False
    q, e = team.entry()
    assert (q, e['reason'], e['tier']) == ('tier2:P3', 'escalated', 'tier2')
    assert json.loads(team.events('NET-1')[-1]['detail'])['assignee'] == 'alice'
    assert team.clock('tier2')['mark'] == 2 and team.clock('tier3')['mark'] == 0
    team.verb('escalate')
    assert team.entry()[0] == 'tier3:P3'
    team.verb('escalate')
    assert team.entry()[0] == 'manager:P3' and team.inc()['tier'] == 'tier3'
    assert team.verb('escalate')['status'] == 400 or team.verb('escalate')['changed'] is False
    assert team.verb('escalate', tier='tier2')['status'] == 400


# ---- raise, lower
def test_raise_is_a_floor(team):
    team.fire(impact='low', urgency='low')
    team.verb('raise', now=T0 + M, impact='high', urgency='high')
    assert team.entry()[0] == 'tier1:P1' and team.entry()[1]['reason'] == 'raised'
    team.fire(at=T0 + 2 * M, impact='medium', urgency='medium')
    assert team.inc()['priority'] == 'P1' and team.inc()['auto_impact'] == 'medium'


def test_lowering_holds_until_the_computed_changes(team):
    team.fire(impact='medium', urgency='high')
    team.verb('lower', urgency='low')
    assert team.entry()[0] == 'tier1:P4' and team.entry()[1]['reason'] == 'lowered'
    team.fire(at=T0 + M, impact='medium', urgency='high')
    team.fire('b', at=T0 + M, impact='medium', urgency='high')
    assert team.inc()['priority'] == 'P4'
    team.fire('c', at=T0 + 2 * M, impact='high', urgency='high')
    assert team.inc()['priority'] == 'P1' and team.entry()[0] == 'tier1:P1'
    assert 'cap_impact' not in team.inc()


def test_raise_reopens_the_acknowledged_lower_does_not(team):
    team.fire()
    team.verb('acknowledge')
    team.verb('lower', impact='low')
    assert team.inc()['state'] == 'acknowledged' and team.inc()['priority'] == 'P4'
    team.verb('raise', impact='high')
    assert team.inc()['state'] == 'open' and team.entry()[1]['reason'] == 'raised'
    assert team.verb('raise', impact='low')['status'] == 400
    assert team.verb('lower', impact='huge')['status'] == 400
    assert team.verb('raise')['status'] == 400


def test_due_after_a_raise_is_never_later(team):
    team.fire(impact='low', urgency='medium')
    before = team.clock('acknowledge')['due']
    team.verb('raise', now=T0 + 10 * M, impact='medium', urgency='medium')
    assert team.clock('acknowledge')['due'] == T0 + 4 * H < before


# ---- snooze
def test_snooze(team):
    team.fire()
    team.verb('snooze', now=T0 + M, **{'for': H})
    assert team.entries() == [] and team.clock('acknowledge')['due'] is None
    assert team.inc()['snoozed_until'] == str(T0 + M + H)
    assert team.tick(T0 + M + H)['unsnoozed'] == 1
    q, e = team.entry()
    assert (e['reason'], e['acknowledge_by']) == ('unsnoozed', str(T0 + M + 5 * H))


def test_snooze_limits(team):
    team.fire()
    assert team.verb('snooze', **{'for': 7 * D + 1})['status'] == 400
    assert team.verb('snooze', **{'for': 7 * D})['status'] == 200
    assert team.verb('snooze', **{'until': T0})['status'] == 400
    team.fire('p', key='p{}', **P1)
    assert team.verb('snooze', 'NET-2', **{'for': M})['status'] == 409
    team.verb('acknowledge', 'NET-2')
    assert team.verb('snooze', 'NET-2', **{'for': H + 1})['status'] == 400
    assert team.verb('snooze', 'NET-2', **{'for': H})['status'] == 200
    assert team.clock('reacknowledge', 'NET-2')['due'] is None


def test_a_raise_ends_a_snooze(team):
    team.fire()
    team.verb('snooze', **{'for': H})
    team.fire(at=T0 + M, **P1)
    assert 'snoozed_until' not in team.inc() and team.entry()[0] == 'tier1:P1'
    assert 'NET-1/snooze' not in team.zset('deadlines')


# ---- update
def test_updates_renew_their_clock_notes_do_not(team):
    team.fire(**P1)
    team.verb('note', now=T0 + 10 * M, text='looking')
    assert team.clock('update')['due'] == T0 + 30 * M
    team.verb('update', now=T0 + 20 * M, text='we are on it')
    assert team.clock('update')['due'] == T0 + 50 * M
    assert team.inc()['update_text'] == 'we are on it'
    team.verb('update', now=T0 + 30 * M, text='again', next_update_at=T0 + 2 * H)
    assert team.clock('update')['due'] == T0 + 2 * H
    team.tick(T0 + 2 * H)
    assert 'update' in team.inc()['overdue'].split(',')
    team.verb('update', now=T0 + 2 * H + M, text='late')
    assert team.clock('update')['due'] == T0 + 2 * H + 31 * M
    assert 'update' not in team.inc().get('overdue', '').split(',')
    assert team.verb('update')['status'] == 400


def test_reacknowledge_stalls_and_any_entry_renews_it(team):
    team.settings(sla={'P1': {'acknowledge': 5 * M, 'reacknowledge': H, 'grace': H}})
    team.fire(**P1)
    team.verb('acknowledge')
    team.verb('note', now=T0 + 20 * M, text='x')
    assert team.clock('reacknowledge')['due'] == T0 + 80 * M
    assert team.tick(T0 + 80 * M)['stalled'] == 1
    assert team.inc()['state'] == 'open' and team.entry()[1]['reason'] == 'stalled'
    assert team.inc()['last_assignee'] == 'alice'


# ---- resolve, verify, confirm, close
def test_resolve_while_alerts_fire(team):
    team.fire()
    a = team.verb('resolve', resolution='done', kind='fix')
    assert a['status'] == 409 and a['error']['code'] == 'still_firing'
    assert team.verb('resolve', kind='workaround')['status'] == 400  # what was done?
    team.verb('resolve', now=T0 + M, resolution='restarted', kind='workaround')
    i = team.inc()
    assert (i['state'], i['resolution'], i['kind'], i['resolved_at']) == (
        'resolved', 'restarted', 'workaround', str(T0 + M))
    assert team.clock('grace')['due'] is None          # rests while they fire
    team.fire(at=T0 + 2 * M)
    assert team.inc()['state'] == 'resolved'           # the same episode does not reopen it
    team.tick(T0 + D)
    assert team.inc()['state'] == 'resolved'
    team.resolve(at=T0 + D, now=T0 + D)
    assert team.clock('grace')['due'] == T0 + D + 4 * H and team.inc()['verified_by'] == 'monitor'
    team.tick(T0 + D + 4 * H)
    assert team.inc()['state'] == 'closed' and team.inc()['resolution'] == 'restarted'


def test_a_new_alert_reopens_a_workaround(team):
    team.fire()
    team.verb('resolve', resolution='x', kind='workaround')
    assert team.fire('b', at=T0 + M)['reopened'] == 1
    assert team.inc()['firing'] == '2' and 'resolution' not in team.inc()


def test_p1_all_the_way(team):
    team.fire(**P1)
    team.verb('acknowledge', now=T0 + M)
    team.resolve(at=T0 + 10 * M)
    assert team.verb('close', resolution='x')['error']['message'] == 'not yet: it is not confirmed'
    team.verb('resolve', now=T0 + 11 * M, resolution='replaced the disk', kind='fix', fix='disk.sh')
    assert team.verb('confirm', now=T0 + 12 * M)['status'] == 400
    team.verb('confirm', now=T0 + 12 * M, by='head of sales')
    i = team.inc()
    assert (i['state'], i['confirmed_by'], i['verified_by']) == ('resolved', 'head of sales', 'monitor')
    assert team.clock('update') is None and team.clock('confirm') is None
    a = team.verb('close', now=T0 + 13 * M)
    assert a['status'] == 409 and 'grace' in a['error']['message']
    team.tick(T0 + 40 * M)
    i = team.inc()
    assert (i['state'], i['review'], i['closed_at']) == ('closed', 'due', str(T0 + 40 * M))
    assert set(team.zset('deadlines')) == {'NET-1/review'}


def test_confirm_after_grace_closes_at_once(team):
    team.fire(**P1)
    team.resolve(at=T0 + M)
    team.verb('resolve', resolution='x')
    team.tick(T0 + H)
    assert team.inc()['state'] == 'resolved'
    team.verb('confirm', now=T0 + 2 * H, by='boss')
    assert team.inc()['state'] == 'closed'


def test_confirmed_but_not_closable(team):
    team.fire(lease=T0 + M, **P1)
    team.tick(T0 + M)                                   # stale: nobody verified
    team.verb('confirm', now=T0 + H, by='boss')
    team.tick(T0 + H + 2 * D)
    assert team.entry()[0] == 'manager:P1' and team.entry()[1]['reason'] == 'unclosed'
    team.verb('resolve', resolution='x', now=T0 + 3 * D)
    assert team.inc()['state'] == 'resolved'
    team.verb('verify', now=T0 + 3 * D)
    assert team.inc()['state'] == 'closed' and team.entries() == []


def test_confirming_removes_the_managers_entry(team):
    team.fire(**P1)
    team.resolve(at=T0 + M)
    team.tick(T0 + 3 * D)
    assert team.entry()[1]['reason'] == 'unconfirmed'
    team.verb('confirm', by='boss')
    assert team.entries() == [] and 'overdue' not in team.inc()


def test_forced_close(team):
    team.fire(**P1)
    team.verb('resolve', resolution='x', kind='workaround')
    assert team.verb('close', force=True, text='y')['status'] == 409
    assert team.verb('close', force=True, role='manager')['status'] == 400   # on record
    assert team.verb('close', force=True, role='manager', text='sold the shop')['status'] == 200
    assert team.inc()['state'] == 'closed'
    assert json.loads(team.events('NET-1')[-1]['detail'])['forced'] == 'alerts still fire'
    r = team.fire(at=T0 + M, **P1)                      # what still fires is a new incident
    assert r['opened'] == 1
    assert team.hash('firing') == {'a1': 'NET-2'}
    assert team.resolve(at=T0 + 2 * M)['resolved'] == 1


# ---- reopen
def test_reopen_by_hand(team):
    team.fire()
    team.resolve(at=T0 + M)
    assert team.verb('reopen')['status'] == 400
    team.verb('reopen', text='still slow')
    assert team.inc()['state'] == 'open' and team.inc()['firing'] == '0'
    team.verb('acknowledge')
    team.tick(T0 + 10 * H)
    assert team.inc()['state'] == 'acknowledged'        # nothing fires: only a person ends it
    team.verb('resolve', resolution='was the proxy')
    assert team.inc()['state'] == 'resolved' and team.inc()['kind'] == 'fix'


def test_reopen_is_refused_when_a_newer_one_is_open(team):
    team.fire()
    team.resolve(at=T0 + M)
    team.fire(at=T0 + 5 * H)
    a = team.verb('reopen', text='x')
    assert a['status'] == 409 and a['error']['incident'] == 'NET-2'


def test_reopen_closed(team):
    team.fire()
    team.resolve(at=T0 + M)
    team.tick(T0 + M + 4 * H)
    a = team.verb('reopen', text='x')
    assert (a['status'], a['error']['code']) == (403, 'forbidden')
    assert team.verb('reopen', text='x', role='manager')['status'] == 200
    assert team.inc()['state'] == 'open' and team.zset('closed') == {} and team.zset('board')


def test_reopen_closed_too_late_makes_a_linked_one(team):
    team.fire(meta={'url_base': 'https://t/i/'})
    team.resolve(at=T0 + M)
    team.tick(T0 + 5 * H)
    a = team.verb('reopen', now=T0 + 2 * D, text='x', role='manager')
    assert a['id'] == 'NET-2' and a['incident']['recurrence_of'] == 'NET-1'
    assert a['incident']['url'] == 'https://t/i/NET-2' and 'url_base' not in team.inc()
    assert a['incident']['title'] == 'Disk full' and team.hash('open') == {'r{}': 'NET-2'}
    assert team.inc()['state'] == 'closed'


# ---- merge
def test_merge(team):
    team.fire('a', system='h1')
    team.observe(obs('b', key='other{}', system='h2', lease=T0 + D, **P1))
    team.verb('merge', 'NET-2', into='NET-1')
    t, s = team.inc(), team.inc('NET-2')
    assert (s['state'], s['merged_into'], s.get('review')) == ('closed', 'NET-1', None)
    assert (t['alerts'], t['firing'], t['count'], t['priority']) == ('2', '2', '2', 'P1')
    assert json.loads(t['systems']) == ['h1', 'h2'] and len(team.entries()) == 1
    assert team.hash('open') == {'r{}': 'NET-1', 'other{}': 'NET-1'}
    team.fire('b', key='other{}', at=T0 + M, lease=T0 + D)
    assert team.inc()['count'] == '3' and team.alert('b', 'NET-2')['count'] == 2
    team.fire('c', key='other{}', at=T0 + M)
    assert team.inc()['firing'] == '3' and team.alert('c')['state'] == 'firing'
    for fp in 'abc':
        team.resolve(fp, at=T0 + 2 * M)
    assert team.inc()['state'] == 'resolved' and team.hash('open') == {} and team.hash('firing') == {}
    assert team.zset('leases') == {}
    team.fire('b', key='other{}', at=T0 + 3 * M, lease=T0 + 4 * M)   # leads to the target
    assert team.inc()['state'] == 'open' and team.alert('b', 'NET-2')['state'] == 'firing'
    team.tick(T0 + 4 * M)
    assert team.inc()['state'] == 'resolved'


def test_merge_refusals(team):
    team.fire('a')
    team.fire('b', key='b{}')
    assert team.verb('merge', into='NET-1')['status'] == 400
    assert team.verb('merge', into='NET-9')['status'] == 400
    assert team.verb('merge')['status'] == 400
    team.resolve('b', at=T0 + M)
    assert team.verb('merge', into='NET-2')['status'] == 409


# ---- by hand
def test_open_by_hand(team):
    a = team.verb('open', '', title='Phones are down', impact='high', urgency='high',
                  category='network', systems=['pbx1', 'pbx2'], reported_by='user x',
                  summary='no dial tone')
    assert a['status'] == 200 and a['id'] == 'NET-1'
    i = team.inc()
    assert (i['title'], i['source'], i['reported_by'], i['priority'], i['system_count']) == (
        'Phones are down', 'manual', 'user x', 'P1', '2')
    assert team.entry()[0] == 'tier1:P1' and team.hash('open') == {}
    assert team.events('NET-1')[0]['actor'] == 'alice'
    assert team.verb('open', '', title='x', impact='x', urgency='high')['status'] == 400
    assert team.verb('open', '', impact='high', urgency='high')['status'] == 400
    assert team.ids() == ['NET-1']


# ---- around a verb
def test_request_id(team):
    team.fire()
    first = team.verb('acknowledge', request_id='r1')
    team.verb('release')
    again = team.verb('acknowledge', request_id='r1')
    assert again['changed'] is True and again['repeated'] is True and first['version'] == again['version']
    assert team.inc()['state'] == 'open'
    refused = team.verb('verify', request_id='r2')
    assert team.verb('verify', request_id='r2')['error'] == refused['error']
    team.tick(team.now() + 600_000 - 1)
    assert len(team.hash('requests')) == 2
    team.tick(team.now() + 2)
    assert team.hash('requests') == {} and team.r.llen(team.base + 'requests:order') == 0


def test_if_version(team):
    team.fire()
    v = int(team.inc()['version'])
    assert team.verb('note', text='x', if_version=v)['status'] == 200
    a = team.verb('acknowledge', if_version=v)
    assert (a['status'], a['error']['code']) == (409, 'version')
    assert a['incident']['version'] == str(v + 1)


def test_uid_of_another_incident(team):
    team.fire()
    assert team.verb('note', text='x', uid=team.inc()['uid'])['status'] == 200
    a = team.verb('note', text='x', uid='f' * 16)
    assert (a['status'], a['error']['code']) == (409, 'other_incident')


def test_expiry_and_sending_again(team):
    team.fire()
    assert team.verb('acknowledge', now=T0 + H, at=T0 + H - 30_000)['status'] == 200
    a = team.verb('release', now=T0 + H, at=T0 + H - 30_001)
    assert (a['status'], a['error']['code']) == (504, 'expired')
    item = json.dumps({'verb': 'verify', 'id': 'NET-1', 'actor': 'eve', 'at': T0})
    r = team.run('verb', T0 + H, team.stream, team.seq + 1, team.seq, 0, 1, 1, item)
    team.seq += 1
    assert json.loads(r[2])['error']['code'] == 'not_allowed'
    e = team.events()[-1]
    assert (e['event'], e['actor']) == ('verb_refused', 'eve')


def test_a_verb_that_came_too_late_may_be_sent_again(team):
    """Whoever was told 504 asks again with the same request_id, as openapi.yaml says: nothing was done yet."""
    team.fire()
    a = team.verb('acknowledge', now=T0 + H, at=T0 + H - 60_000, request_id='r1')
    assert (a['status'], a['error']['code']) == (504, 'expired')
    a = team.verb('acknowledge', now=T0 + H, at=T0 + H, request_id='r1')
    assert (a['status'], a.get('repeated')) == (200, None), a
    assert team.verb('acknowledge', now=T0 + H, at=T0 + H, request_id='r1')['repeated'] is True


def test_sequence_of_verbs(team):
    team.fire()
    st, item = 'fe' * 16, json.dumps({'verb': 'note', 'id': 'NET-1', 'actor': 'a', 'text': 't'})
    assert team.run('verb', T0, st, 1, 0, 0, 0, 1, item)[0] == 'OK'
    assert team.run('verb', T0, st, 1, 0, 0, 0, 1, item) == ['SKIP', 1]
    assert team.run('verb', T0, st, 3, 2, 0, 0, 1, item) == ['GAP', 1, 0]
    for bad in ('{', '"x"', '{"id":"NET-1"}'):
        with pytest.raises(redis.exceptions.ResponseError, match='BADRECORD'):
            team.run('verb', T0, st, 2, 1, 0, 0, 2, item, bad)
    assert team.event_names().count('note') == 1


def test_one_bad_item_does_not_stop_the_others(team):
    team.fire()
    a = team.verbs({'verb': 'note', 'id': 'NET-1', 'actor': 'a', 'text': 'x'},
                   {'verb': 'dance', 'id': 'NET-1', 'actor': 'a'},
                   {'verb': 'note', 'id': 'NET-77', 'actor': 'a', 'text': 'x'},
                   {'verb': 'note', 'id': 'NET-1', 'text': 'x'},
                   {'verb': 'note', 'id': ['x'], 'actor': 'a', 'text': 'x'},
                   {'verb': 'note', 'id': 'NET-1', 'actor': 'a', 'text': 7},
                   {'verb': 'note', 'id': 'NET-1', 'actor': 'a', 'text': 'y'})
    assert [x['status'] for x in a] == [200, 400, 404, 400, 400, 400, 200]


def test_acknowledge_racing_with_resolve(team):
    # whatever the order of arrival, never acknowledged with nothing firing
    for n in range(50):
        fp, key, id = 'r%d' % n, 'race%d{}' % n, 'NET-%d' % (n + 1)
        team.fire(fp, key=key, at=T0 + n)
        steps = [lambda: team.verb('acknowledge', id), lambda: team.resolve(fp, key=key, at=T0 + n)]
        for step in steps if n % 2 else steps[::-1]:
            step()
        assert team.inc(id)['state'] == 'resolved'


def test_a_verb_on_a_huge_incident_is_quick(team):
    team.settings(blast_radius=[])
    for k in range(0, 15000, 250):
        team.observe(*[obs('f%05d' % (k + n), at=T0, system='h%05d' % (k + n)) for n in range(250)])
    assert team.inc()['alerts'] == '15000'
    team.r.config_resetstat()
    team.verb('acknowledge')
    team.verb('note', text='x')
    worst = team.r.info('commandstats')['cmdstat_evalsha']['usec_per_call']
    assert worst < 5000, worst
