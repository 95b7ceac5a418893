"""Several people and several daemons at once, each on a connection of its own: one wins, the others are
told; each effect of a clock happens once. The order is Redis' own: all is sent before anything is read."""
import json
import os
import random

import pytest

import histories
import story
from conftest import H, M, T0, Team
from resp import Pipe, pack

LONG = bool(os.environ.get('TRIAGED_LONG'))
INTERLEAVINGS = 100_000 if LONG else 10_000
SEED = int(os.environ.get('TRIAGED_SEED') or 1)
AT_ONCE, A_RECORD = 50, 5
PEOPLE = ('alice', 'bob', 'eve')


@pytest.fixture(scope='module')
def player(server):
    return histories.Player(server.sock)


@pytest.fixture
def wires(server):
    pipes = [Pipe(server.sock) for _ in PEOPLE]
    yield pipes
    for p in pipes:
        p.close()


def verbs_of(r, who, n):
    """What one person sends for the n-th incident: one or two verbs, some under a request id that the
    same person (a client that got no answer) or another uses again."""
    out = []
    for _ in range(1 if r.random() < 0.5 else 2):
        verb = r.choice(['acknowledge', 'acknowledge', 'acknowledge', 'release', 'assign', 'resolve'])
        item = {'verb': verb, 'id': 'NET-%d' % n, 'actor': who, 'role': 'responder'}
        if verb == 'acknowledge' and r.random() < 0.1:
            item['take'] = True
        if verb == 'assign':
            item['assignee'] = r.choice(PEOPLE)
        if verb == 'resolve':
            item.update(resolution='r', kind='workaround')
        if r.random() < 0.3:
            item['if_version'] = r.choice([1, 1, 2])
        if r.random() < 0.2:
            item['request_id'] = '%d-%s' % (n, r.choice('pq'))
        out.append(item)
    return out


class Model:
    """What an incident goes through when the verbs that changed it come in the order of its versions."""

    def __init__(self):
        self.state, self.holder, self.version = 'open', None, 1
        self.holders = {None}  # whoever held it at any time

    def apply(self, item, answer):
        self.version += 1
        assert answer['version'] == self.version, 'a version was given twice or left out'
        if 'if_version' in item:
            assert item['if_version'] == self.version - 1
        verb = item['verb']
        if verb == 'acknowledge' and self.state == 'resolved':
            assert not answer['changed']  # noted: what is over is never reopened by that
        elif verb == 'acknowledge':
            assert self.state == 'open' or (item.get('take') and self.state == 'acknowledged'
                                            and self.holder != item['actor'])
            self.state, self.holder = 'acknowledged', item['actor']
        elif verb == 'release':
            assert self.state == 'acknowledged'
            self.state, self.holder = 'open', None
        elif verb == 'assign' and self.state != 'resolved':
            self.state, self.holder = 'open', None
        elif verb == 'resolve':
            self.state = 'resolved'
        self.holders.add(self.holder)
        assert answer['incident']['state'] == self.state
        if self.state != 'resolved':
            assert answer['incident'].get('assignee') == self.holder


def judge(said):
    """said: [(item, answer)] of one incident."""
    first, model = {}, Model()
    for item, a in said:
        assert a['status'] in (200, 409), a
        if 'request_id' in item and not a.get('repeated'):
            assert item['request_id'] not in first, 'a request was done twice'
            first[item['request_id']] = a
    for item, a in said:
        if a.get('repeated'):
            same = {k: a.get(k) for k in ('status', 'changed', 'version')}
            was = first[item['request_id']]
            assert same == {k: was.get(k) for k in same}
    done = [(i, a) for i, a in said if not a.get('repeated') and (
        a.get('changed') or a['status'] == 200 and i['verb'] == 'acknowledge' and a['incident']['state'] == 'resolved')]
    for item, a in sorted(done, key=lambda d: d[1]['version']):
        model.apply(item, a)
    for item, a in said:
        if a['status'] == 409 and a['error']['code'] == 'held' and not a.get('repeated'):
            assert a['error']['holder'] in model.holders - {item['actor']}, 'told the wrong holder'
    return sum(1 for i, a in done if i['verb'] == 'acknowledge')


def test_verbs_of_several_people_at_once(server, player, wires):
    r, world = random.Random(SEED), story.World(player.shas)
    print('seed', SEED)
    streams = ['%x' % (10 + n) * 32 for n in range(len(wires))]
    seq, number, contested = [0] * len(wires), 0, 0
    for call in world.begin():
        player.pipe.call(*call)
    for batch in range(INTERLEAVINGS // AT_ONCE):
        items = [{'fp': 'f%d' % n, 'key': 'k%d' % n, 'state': 'firing'} for n in range(AT_ONCE)]
        if batch:  # the same fifty causes each time: what is left of the last round is cleared away
            for call in world.begin():
                player.pipe.call(*call)
            world.seq, seq = dict.fromkeys(world.seq, 0), [0] * len(wires)
        assert player.pipe.call(*world.calls({'at': 0, 'do': 'alerts', 'items': items})[0][0])[0] == 'OK'
        sent = [[] for _ in wires]
        for w, who in enumerate(PEOPLE):
            ids = r.sample(range(1, AT_ONCE + 1), AT_ONCE)
            for i in range(0, AT_ONCE, A_RECORD):
                sent[w].append([v for n in ids[i:i + A_RECORD] for v in verbs_of(r, who, n)])
        data = [[] for _ in wires]
        for w, wire in enumerate(wires):
            for record in sent[w]:
                data[w].append(pack(world.eval('verb', [story.BASE + 'applied'], T0 + M, streams[w], seq[w] + 1,
                                               seq[w], 0, 0, len(record), *[json.dumps(i) for i in record])))
                seq[w] += 1
        order = [w for w in range(len(wires)) for _ in range(5)]
        r.shuffle(order)
        for w in order:  # in five pieces each, so that they come between each other
            piece, data[w] = data[w][:2], data[w][2:]
            wires[w].send(b''.join(piece))
        said = {}
        for w, wire in enumerate(wires):
            for record in sent[w]:
                reply = wire.reply()
                assert reply[0] == 'OK', reply
                for item, text in zip(record, reply[2:]):
                    said.setdefault(item['id'], []).append((item, json.loads(text)))
        for id, answers in said.items():
            try:
                contested += judge(answers) > 0
            except AssertionError as e:
                pytest.fail('%s\n%s' % (e, '\n'.join('%s\n   -> %s' % (
                    i, {k: v for k, v in a.items() if k != 'incident'}) for i, a in answers)))
        number += len(said)
    assert number == INTERLEAVINGS and contested > number // 2


# ---- ticks
def ticked(server, scripts, player, wires, instances):
    """What the clocks did to 300 incidents in three days, by so many daemons at once: events, sorted."""
    server.client.flushall()
    team, r, world = Team(server.client, scripts), random.Random(7), story.World(player.shas)
    for call in world.begin():
        player.pipe.call(*call)
    cells = list(story.CELL.values())
    items = [{'fp': 'f%d' % n, 'key': 'k%d' % n, 'state': 'firing', 'cell': cells[n % 4], 'lease': (1 + n % 50) * H}
             for n in range(300)]
    player.pipe.call(*world.calls({'at': 0, 'do': 'alerts', 'items': items})[0][0])
    for n in range(1, 300, 3):
        step = {'at': n, 'do': 'verb', 'who': 'maria', 'verb': 'acknowledge', 'id': 'NET-%d' % n, 'fields': {}}
        player.pipe.call(*world.calls(step)[0][0])
    for now in [5 * M, 15 * M, H, 3 * H] + [6 * H * n for n in range(1, 13)]:
        for w in range(instances):  # none alone has the budget for all of it
            for _ in range(60):
                wires[w].send(pack(world.script('tick', T0 + now + r.randrange(instances), 'd%d' % w, 0, 0,
                                                1000 if instances == 1 else 20)))
        for w in range(instances):
            for _ in range(60):
                reply = wires[w].reply()
                assert 'parked' not in reply, reply
    assert not player.pipe.call(*player.check({'at': 72 * H, 'do': 'tick', 'fields': {}}))[1:]
    return sorted((e['incident'], e['event'], e['state'], e['tier']) for e in team.events() if e['incident'])


def test_daemons_ticking_at_once_do_everything_once(server, scripts, player, wires):
    alone = ticked(server, scripts, player, wires, 1)
    kinds = {e[1] for e in alone}
    missing = {'unassigned', 'escalated', 'stale', 'closed', 'deadline_near', 'unconfirmed'} - kinds
    assert not missing, kinds
    several = ticked(server, scripts, player, wires, len(wires))
    differ = [(e, alone.count(e), several.count(e)) for e in sorted(set(alone + several)) if alone.count(e) != several.count(e)]
    assert not differ, differ[:20]
