"""What outlives an incident: reviews, action items, known errors, fixes, problems."""
import json

from conftest import D, H, M, T0

P1 = dict(impact='high', urgency='high')


def closed_p1(team):
    team.fire(**P1)
    team.resolve(at=T0 + M)
    team.verb('resolve', resolution='x')
    team.verb('confirm', by='boss')
    team.tick(T0 + H)
    assert team.inc()['review'] == 'due'


def test_review(team):
    closed_p1(team)
    assert team.verb('review', done=True)['status'] == 400
    a = team.verb('review', root_cause='bad batch of disks', actions=[{'text': 'buy others', 'owner': 'bob'}])
    assert a['record']['actions'] == ['ACT-1'] and team.inc()['review'] == 'due'
    a = team.verb('review', done=True, lessons='watch SMART',
                  known_error={'id': 'KE-9', 'match': ['alertname="Disk"'], 'workaround': 'swap'})
    assert a['changed'] is True and team.inc()['review'] == 'done'
    assert 'NET-1/review' not in team.zset('deadlines') and team.zset('reviews_due') == {}
    assert json.loads(team.hash('known_errors')['KE-9'])['incident'] == 'NET-1'
    assert json.loads(team.hash('reviews')['NET-1'])['state'] == 'done'
    assert team.verb('action', '', action='ACT-1', state='done')['changed'] is True
    assert json.loads(team.hash('actions')['ACT-1'])['state'] == 'done'
    assert team.verb('action', '', action='ACT-7')['status'] == 404
    assert team.verb('known_error', '', known_error='KE-9', delete=True)['changed'] is True
    assert team.hash('known_errors') == {}
    assert team.verb('known_error', '', known_error={'id': 'bad id', 'match': ['x']})['status'] == 400


def test_a_reopened_incident_owes_no_review(team):
    closed_p1(team)
    assert set(team.zset('reviews_due')) == {'NET-1'}
    assert team.verb('reopen', text='not over', role='manager')['changed'] is True
    assert team.zset('reviews_due') == {}


def test_review_of_an_open_incident_is_refused(team):
    team.fire()
    assert team.verb('review', root_cause='x')['status'] == 409
    assert team.verb('review', 'NET-5', root_cause='x')['status'] == 404


def test_the_third_use_of_a_fix(team):
    for n in range(3):
        at = T0 + n * D
        team.fire(at=at)
        team.resolve(at=at + M)
        team.verb('resolve', 'NET-%d' % (n + 1), resolution='ran it', fix='clean.sh')
        team.tick(at + 5 * H)
    f = [json.loads(x) for x in team.hash('fixes').values()]
    assert (f[0]['fix'], f[0]['uses'], f[0]['state']) == ('clean.sh', 3, 'candidate')
    assert 'automation_candidate' in team.event_names('NET-3')


def test_problem(team):
    for n in range(3):
        team.fire(at=T0 + n * 6 * H)
        team.resolve(at=T0 + n * 6 * H + M)
        team.tick(T0 + n * 6 * H + 5 * H)
    pid = team.inc('NET-3')['problem']
    assert team.verb('problem', '', problem=pid, state='open', owner='bob')['changed'] is True
    assert json.loads(team.hash('problems')[pid])['owner'] == 'bob'
    assert team.verb('problem', '', problem=pid, state='odd')['status'] == 400
    assert team.verb('problem', '', problem='PRB-0')['status'] == 404
