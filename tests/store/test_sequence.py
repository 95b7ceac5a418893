"""Exactly once: SKIP, GAP, nothing written before everything is checked; adopt, skip, settings."""
import os
import subprocess

import pytest
import redis

from conftest import D, H, LUA, M, S, T0, assemble, obs, runs

ST = 'ab' * 16


def dump(team):
    return {k: (team.r.dump(k)) for k in team.r.keys('*')} if False else sorted(
        (k, team.r.type(k), team.r.memory_usage(k)) for k in team.r.keys('*'))


def test_in_order(team):
    assert team.record([obs()], T0, ST, 5, 0) == ['OK', 5, 1, 0, 0, 0, 0, 0, 1, 0, 1]
    assert team.record([obs()], T0, ST, 9, 5)[:2] == ['OK', 9]
    assert team.hash('applied') == {ST: '9'}
    assert team.inc()['count'] == '2'


def test_skip_and_gap_write_nothing(team):
    team.record([obs()], T0, ST, 5, 0)
    before, events = team.inc(), team.events()
    assert team.record([obs(at=T0 + S)], T0 + S, ST, 5, 0) == ['SKIP', 5]
    assert team.record([obs(at=T0 + S)], T0 + S, ST, 4, 0) == ['SKIP', 5]
    assert team.record([obs(at=T0 + S)], T0 + S, ST, 7, 6) == ['GAP', 5, 0]
    assert team.record([obs(fp='x', key='new{}')], T0 + S, 'cd' * 16, 7, 6) == ['GAP', 0, 1]
    assert (team.inc(), team.events(), team.ids()) == (before, events, ['NET-1'])
    assert team.hash('settings')['last_now'] == str(T0)


def test_numbers_of_a_copy_between_prev_and_seq_are_no_gap(team):
    team.record([obs()], T0, ST, 6, 0)
    assert team.record([obs(at=T0 + S)], T0 + S, ST, 8, 5)[:2] == ['OK', 8]
    assert team.record([obs(at=T0 + S)], T0 + S, ST, 8, 5) == ['SKIP', 8]
    assert team.run('skip', T0, ST, 10, 7)[:2] == ['OK', 10]
    assert team.inc()['count'] == '2'


@pytest.mark.parametrize('change', [
    {'state': 'burning'}, {'kind': 'x'}, {'impact': 'huge'}, {'urgency': ''}, {'fp': ''},
    {'fp': 'a/b'}, {'fp': 'a' * 129}, {'key': ''}, {'key': 'k' * 4097}, {'first': 'soon'}, {'last': '-1'},
    {'count': '1.5'}, {'count': 'nan'}, {'lease': 'inf'}, {'starts': '1e99'}, {'ends': ' x'},
    {'threshold': '5'}, {'threshold': '0 1000 k'}, {'threshold': '1001 1000 k'}, {'threshold': 'a b c'},
    {'suppress': '[{'}, {'meta': 'nonsense'}, {'meta': '"text"'}, {'meta': ''}])
def test_malformed_item_refuses_the_record_whole(team, change):
    good = obs(fp='good', key='good{}')
    with pytest.raises(redis.exceptions.ResponseError, match='^BADRECORD|^ERR BADRECORD|BADRECORD'):
        team.record([good, {**obs(fp='b'), **change}], T0, ST, 1, 0)
    assert team.ids() == [] and team.hash('applied') == {} and team.hash('firing') == {}
    assert team.entries() == [] and team.events() == []


def test_meta_of_the_item_before(team):
    first = obs(fp='a', key='a{}', meta={'title': 'Alike'})
    alike = [{**obs(fp=n, key=n + '{}'), 'meta': '='} for n in 'bc']
    team.record([first, *alike, obs(fp='d', key='d{}', meta={'title': 'Other'}),
                 {**obs(fp='e', key='e{}'), 'meta': '='}], T0, ST, 1, 0)
    assert [team.inc(f'NET-{n}')['title'] for n in range(1, 6)] == ['Alike', 'Alike', 'Alike', 'Other', 'Other']
    with pytest.raises(redis.exceptions.ResponseError, match='BADRECORD'):  # there is none before
        team.record([{**obs(fp='f', key='f{}'), 'meta': '='}], T0, ST, 2, 1)


def test_limits_at_the_edge_are_taken(team):
    team.observe(obs(fp='a' * 128, key='k' * 4096, threshold='1 1000 ' + 'x' * 4096))
    assert team.ids() == ['NET-1']


def test_wrong_number_of_fields(team):
    with pytest.raises(redis.exceptions.ResponseError, match='BADRECORD'):
        team.run('observe', T0, ST, 1, 0, 0, 0, 2, *runs([obs()]))
    with pytest.raises(redis.exceptions.ResponseError, match='BADARG'):
        team.run('observe', T0, 'short', 1, 0, 0, 0, 1, *runs([obs()]))
    with pytest.raises(redis.exceptions.ResponseError, match='BADARG'):
        team.run('observe', 'x', ST, 1, 0, 0, 0, 1, *runs([obs()]))


GOOD = runs([obs(fp='a'), obs(fp='b', state='resolved'), obs(fp='c', state='resolved', system='db01')])
FIRST, RUN = GOOD.index('bcdefghijklnopqrs1'), GOOD.index('c2')  # where the runs begin


@pytest.mark.parametrize('at, value', [
    (FIRST, 'bcdefghijklnopqrs0'), (FIRST, 'bcdefghijklnopqrs2'), (FIRST, 'bcdefghijklnopqrs'), (FIRST, 'c1'),
    (FIRST, '1'), (FIRST, ''), (RUN, 'c3'), (RUN, 'c0'), (RUN, 'c-1'), (RUN, 'c1e9'),
    (RUN, 'c99999999999999999999'), (RUN, 'cd2'), (RUN, '2'), (RUN, 'a2'), (RUN, 't2'), (RUN, 'C2'),
    (RUN + 2, ''), (RUN + 2, '0:'), (RUN + 2, '0:5:db01'), (RUN + 2, '0:x:db01'), (RUN + 2, '0:-1:')])
def test_malformed_runs_refuse_the_record_whole(team, at, value):
    team.record([obs(fp='x')], T0, ST, 1, 0)
    bad = GOOD[:at] + [value] + GOOD[at + 1:]
    with pytest.raises(redis.exceptions.ResponseError, match='BADRECORD'):
        team.run('observe', T0, ST, 2, 1, 0, 0, 3, *[{'resolved': 'firing'}.get(a, a) for a in bad])
    assert team.hash('applied') == {ST: '1'} and list(team.hash('firing')) == ['x']
    for n in range(len(GOOD)):  # cut short at any argument
        with pytest.raises(redis.exceptions.ResponseError, match='BADRECORD'):
            team.run('observe', T0, ST, 2, 1, 0, 0, 3, *GOOD[:n])
    assert team.run('observe', T0, ST, 2, 1, 0, 0, 3, *GOOD)[0] == 'OK'


def test_skip_script(team):
    team.record([obs()], T0, ST, 1, 0)
    assert team.run('skip', T0, ST, 3, 2) == ['GAP', 1, 0]
    assert team.run('skip', T0, ST, 2, 1) == ['OK', 2]
    assert team.run('skip', T0, ST, 2, 1) == ['SKIP', 2]
    assert team.record([obs()], T0, ST, 3, 2)[0] == 'OK'


def test_adopt_after_loss(team):
    for i in range(3):
        team.fire(fp='a%d' % i, key='k%d{}' % i)
    team.r.flushall()
    assert team.record([obs()], T0, ST, 41, 40) == ['GAP', 0, 1]
    assert team.run('adopt', T0, ST, 40, 3) == ['OK', 40, 3]
    assert team.record([obs()], T0, ST, 41, 40)[0] == 'OK'
    # built-in defaults serve until the daemon stores its settings again; the number goes on
    assert team.ids() == ['net-4']
    assert team.events()[0]['event'] == 'store_rewound'
    assert team.r.xinfo_groups(team.base + 'queue:manager:P1')[0]['name'] == 'responders'


def test_a_stream_that_was_acknowledged_and_is_unknown_is_no_new_one(team):
    """Everything of it is still there to be sent again; but that Redis lost it must be noticed."""
    team.fire()
    team.r.flushall()
    assert team.run('observe', T0, ST, 1, 0, 0, 1, 1, *runs([obs()])) == ['GAP', 0, 1]
    assert team.ids() == []
    assert team.run('adopt', T0, ST, 0, 7) == ['OK', 0, 7]
    assert team.run('observe', T0, ST, 1, 0, 0, 1, 1, *runs([obs()]))[:2] == ['OK', 1]
    assert team.ids() == ['net-8']


def test_adopt_never_lowers_the_counter(team):
    for i in range(3):
        team.fire(fp='a%d' % i, key='k%d{}' % i)
    assert team.run('adopt', T0, ST, 7, 1) == ['OK', 7, 3]
    assert team.run('adopt', T0, ST, 7, 9) == ['OK', 7, 9]
    team.fire(fp='b', key='b{}')
    assert 'NET-10' in team.ids()


def test_adopt_never_goes_back(team):
    team.record([obs()], T0, ST, 5, 0)
    assert team.run('adopt', T0, ST, 3, 0)[:2] == ['OK', 5]
    assert team.record([obs()], T0, ST, 5, 3) == ['SKIP', 5]


def test_settings_latest_load_wins(team):
    team.r.flushall()
    assert team.run('settings', T0, 100, 'A', 0, 'id', 'NET') == ['STORED', 'A', '100']
    assert team.run('settings', T0, 150, 'A', 0, 'id', 'OTHER') == ['SAME', 'A', '100']
    assert team.run('settings', T0, 90, 'B', 0, 'id', 'OLD') == ['OLDER', 'A', '100']
    assert team.hash('settings')['id'] == 'NET'
    assert team.run('settings', T0, 90, 'B', 1, 'id', 'OLD') == ['STORED', 'B', '90']
    assert team.run('settings', T0, 200, 'C', 0, 'lead', 'bob') == ['STORED', 'C', '200']
    assert team.hash('settings') == {'hash': 'C', 'loaded_at': '200', 'lead': 'bob',
                                     'last_now': str(T0)}
    assert len(team.r.keys(team.base + 'queue:*')) == 16


@pytest.mark.parametrize('pairs', [['matrix', '{'], ['nonsense', '1'], ['retention', 'x'], ['id']])
def test_settings_refuses(team, pairs):
    before = team.hash('settings')
    with pytest.raises(redis.exceptions.ResponseError, match='BADARG'):
        team.run('settings', T0, T0 * 2, 'Z', 0, *pairs)
    assert team.hash('settings') == before


def test_groups_are_made_again(team):
    team.r.delete(*team.r.keys(team.base + 'queue:*'))
    team.run('settings', T0, 1, 'hash1', 0)
    assert len(team.r.keys(team.base + 'queue:*')) == 16


def test_now_never_goes_back(team):
    team.fire(at=T0, now=T0 + H)
    team.fire(fp='b', key='b{}', at=T0 + S, now=T0 + S)
    assert team.inc('NET-2')['opened_at'] == str(T0 + H)


def test_offset_moves_receipt_times_only(team):
    team.record([obs(at=T0, starts=T0 - 7 * S, lease=T0 + M)], T0 + 10 * S, ST, 1, 0, offset=10 * S)
    a = team.alert()
    assert (a['first_at'], a['last_at'], a['starts_at'], a['lease']) == (
        T0 + 10 * S, T0 + 10 * S, T0 - 7 * S, T0 + M + 10 * S)


def test_lint():
    names = sorted(f for f in os.listdir(LUA) if f.endswith('.lua'))
    libs = [os.path.join('lib', f) for f in sorted(os.listdir(os.path.join(LUA, 'lib')))]
    subprocess.run(['luacheck', '-q', *names, *libs], cwd=LUA, check=True)
    for n in names:  # a use before its definition only shows when put together
        run = subprocess.run(['luacheck', '-q', '--no-config', '--std', 'lua51', '--globals', 'redis',
                              'cjson', 'KEYS', 'ARGV', '--only', '1', '--', '-'],
                             input='--' + assemble(n[:-4]), text=True)  # behind #!lua stand flags
        assert run.returncode == 0, n


# ---- two daemons' clocks lie apart: within 10 s the source's own clock says what was last
def clocks_apart(team, behind, **resolve):
    """Daemon A (its clock ahead) heard the firing; B hears the resolve, by its clock `behind` earlier."""
    team.fire(at=T0 + H, starts=T0 + H - M)
    at = T0 + H - behind
    team.resolve(at=at, now=resolve.pop('now', at), **resolve)
    return team.alert()['state']


@pytest.mark.parametrize('behind', [1, 4900, 10_000])
def test_a_resolve_from_a_clock_behind_ends(team, behind):
    assert clocks_apart(team, behind, ends=T0 + H - S) == 'resolved'
    assert team.inc()['state'] == 'resolved' and team.alert()['last_at'] == T0 + H


def test_a_resolve_of_an_earlier_episode_ends_nothing(team):
    assert clocks_apart(team, 3000, ends=T0 + H - M - 1) == 'firing'
    assert team.inc()['count'] == '2'


def test_a_resolve_that_is_really_old_ends_nothing(team):
    assert clocks_apart(team, 10_001, ends=T0 + H - S) == 'firing'


def test_without_endsat_a_prompt_resolve_ends(team):
    assert clocks_apart(team, 4900) == 'resolved'


def test_without_endsat_a_resolve_that_lay_in_a_spool_ends_nothing(team):
    assert clocks_apart(team, 4900, now=T0 + H + 5 * M) == 'firing'


@pytest.mark.parametrize('starts, state', [(T0 + H, 'firing'), (T0 + H - 2 * M, 'resolved')])
def test_firing_again_from_a_clock_behind(team, starts, state):
    team.fire(at=T0 + H - M, starts=T0 + H - 2 * M)
    team.resolve(at=T0 + H, ends=T0 + H - 2 * S)
    team.fire(at=T0 + H - 3 * S, now=T0 + H - 3 * S, starts=starts)
    assert team.alert()['state'] == state and team.alert()['count'] == 3
    assert team.inc()['state'] == ('open' if state == 'firing' else 'resolved')

def test_streams_that_are_done_with_are_remembered_for_a_while(team):
    old, young = 'aa' * 16, 'bb' * 16
    for stream in (ST, old, young):
        team.record([obs()], T0, stream, 1, 0)
    team.r.zadd(team.base + 'gone', {old: T0, young: T0 + S})
    team.tick(T0 + 30 * D - 1)
    assert set(team.hash('applied')) == {ST, old, young}
    team.tick(T0 + 30 * D)
    assert set(team.hash('applied')) == {ST, young} and team.zset('gone') == {young: T0 + S}
    assert team.record([obs()], T0 + 30 * D, young, 1, 0) == ['SKIP', 1]


def test_not_too_many_streams_are_remembered(team):
    team.record([obs()], T0, ST, 1, 0)
    many = {'%032x' % n: T0 + n for n in range(10_300)}
    team.r.hset(team.base + 'applied', mapping={stream: 1 for stream in many})
    team.r.zadd(team.base + 'gone', many)
    for left in (10_100, 10_000, 10_000):
        team.tick(T0 + M)
        assert team.r.zcard(team.base + 'gone') == left and team.r.hlen(team.base + 'applied') == left + 1
    assert min(team.zset('gone').values()) == T0 + 300 and ST in team.hash('applied')
