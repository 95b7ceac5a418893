"""What Redis itself may do to a script: out of memory, a cluster, a user with few rights."""
import re
import os
import subprocess
import tempfile
import time

import pytest
import redis

from conftest import H, M, ROOT, S, T0, Team, assemble, obs


def test_out_of_memory_refuses_whole(team):
    team.fire()
    before = {k: team.r.dump(k) for k in team.r.keys('*') if team.r.type(k) != 'stream'}
    team.r.config_set('maxmemory', 1)
    try:
        with pytest.raises(redis.exceptions.ResponseError, match='OOM|maxmemory'):
            team.fire('b', key='b{}')
        with pytest.raises(redis.exceptions.ResponseError, match='OOM|maxmemory'):
            team.tick(T0 + H)
    finally:
        team.r.config_set('maxmemory', 0)
    team.seq -= 1
    assert {k: team.r.dump(k) for k in team.r.keys('*') if team.r.type(k) != 'stream'} == before
    assert team.fire('b', key='b{}')['opened'] == 1


def documented_acl():
    with open(os.path.join(ROOT, 'docs', 'REDIS.md'), encoding='utf-8') as f:
        return re.search(r'^ACL SETUSER triaged .*$', f.read(), re.M).group(0)


def test_the_documented_user_can_do_it_all(server, scripts, team):
    admin = team.r
    line = documented_acl().split()
    admin.execute_command(*[w.replace('>PASSWORD', '>secret') for w in line])
    user = redis.Redis(unix_socket_path=server.sock, username='triaged', password='secret',
                       decode_responses=True)
    try:
        names = ('observe', 'tick', 'adopt', 'skip', 'settings', 'verb', 'rights')
        t = Team(user, {n: user.register_script(assemble(n)) for n in names})
        assert t.run('rights') == []
        user.sadd('triaged:teams', 'net')
        t.observe(obs('a', lease=T0 + M), obs('b', key='b{}', impact='high', urgency='high'),
                  obs('c', key='c{}', threshold='3 1000 x'))
        t.observe(*[obs('s%d' % n, key='s{}', system='h%d' % n) for n in range(120)])
        t.observe(obs('a', state='resolved', at=T0 + S))
        t.verb('acknowledge', 'NET-2', request_id='r')
        t.verb('merge', 'NET-3', into='NET-2')
        t.run('adopt', T0, 'ab' * 16, 4, 1)
        t.run('skip', T0, 'ab' * 16, 5, 4)
        assert t.take() is None or True
        t.tick(T0 + 100 * 24 * H)
        t.tick(T0 + 300 * 24 * H)
        assert t.hash('parked') == {}
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.set('another:key', 'x')
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.flushall()
    finally:
        user.close()
        admin.execute_command('ACL', 'DELUSER', 'triaged')


def test_in_a_cluster(scripts):
    """All keys of a team have one hash tag: a script runs on a node that owns just that slot."""
    with tempfile.TemporaryDirectory(prefix='triaged-cluster-') as d:
        sock = os.path.join(d, 's')
        p = subprocess.Popen(['redis-server', '--port', '0', '--unixsocket', sock, '--save', '', '--dir', d,
                              '--cluster-enabled', 'yes', '--logfile', 'log', '--cluster-port', '1'],
                             stdout=subprocess.DEVNULL)
        try:
            r = redis.Redis(unix_socket_path=sock, decode_responses=True)
            deadline = time.monotonic() + 10
            while True:
                try:
                    r.ping()
                    break
                except redis.exceptions.RedisError:
                    if p.poll() is not None:
                        pytest.skip('this redis-server makes no cluster node without a port')
                    assert time.monotonic() < deadline
                    time.sleep(0.01)  # poll
            slot = r.execute_command('CLUSTER', 'KEYSLOT', 'triaged:{net}:x')
            r.execute_command('CLUSTER', 'ADDSLOTS', slot)
            r.config_set('cluster-require-full-coverage', 'no')
            deadline = time.monotonic() + 10
            while 'cluster_state:ok' not in r.execute_command('CLUSTER', 'INFO'):
                assert time.monotonic() < deadline
                time.sleep(0.05)  # poll
            names = ('observe', 'tick', 'settings', 'verb')
            t = Team(r, {n: r.register_script(assemble(n)) for n in names})
            t.fire(lease=T0 + M)
            t.verb('acknowledge')
            assert t.tick(T0 + H)['stale'] == 1
        finally:
            p.terminate()
            p.wait(10)


def commands_of_the_scripts():
    lua = os.path.join(ROOT, 'src', 'store', 'lua')
    names = set()
    for directory, _, files in os.walk(lua):
        for name in files:
            if name.endswith('.lua'):
                with open(os.path.join(directory, name), encoding='utf-8') as f:
                    names |= set(re.findall(r"\bp?call(?:_many)?\(\s*'([A-Z]+)'", f.read()))
    return names


def test_all_that_the_scripts_use_is_asked_for(server, team):
    """By `rights`, before a connection is used; of a user who may use all of it but one."""
    team.r.execute_command('ACL', 'SETUSER', 'few', 'on', '>secret', '~triaged:*', '-@all', '+eval')
    user = redis.Redis(unix_socket_path=server.sock, username='few', password='secret', decode_responses=True)
    try:
        ask = lambda: set(user.eval(assemble('rights'), 1, 'triaged:{x}:applied'))
        assert ask() == commands_of_the_scripts()
        team.r.execute_command('ACL', 'SETUSER', 'few', '+@all', '-xadd', '-xgroup|create')
        assert ask() == {'XADD', 'XGROUP'}
        team.r.execute_command('ACL', 'SETUSER', 'few', '+@all')
        assert ask() == set()
    finally:
        user.close()
        team.r.execute_command('ACL', 'DELUSER', 'few')


def test_what_is_due_waits_for_a_right(server, team):
    """It is not parked, as what is broken is: the right may come back."""
    team.fire(impact='high', urgency='high')
    team.r.execute_command('ACL', 'SETUSER', 'few', 'on', '>secret', '~*', '+@all')
    user = redis.Redis(unix_socket_path=server.sock, username='few', password='secret', decode_responses=True)
    try:
        t = Team(user, {n: user.register_script(assemble(n)) for n in ('settings', 'tick', 'verb')}, id='NET')
        t.seq = team.seq
        for due in (lambda one: one.tick(T0 + 6 * M)['unassigned'] == 1,
                    lambda one: one.verb('acknowledge')['status'] == 200):
            team.r.execute_command('ACL', 'SETUSER', 'few', '-xadd')
            with pytest.raises(redis.exceptions.ResponseError, match="The user executing the script|ACL failure"):
                due(t)
            assert team.hash('parked') == {}
            team.r.execute_command('ACL', 'SETUSER', 'few', '+xadd')
            assert due(team)
    finally:
        user.close()
        team.r.execute_command('ACL', 'DELUSER', 'few')
