"""Plays stories (stories/*.story): steps in the language of story.py, and what is expected of them.

    story NAME: what it is about
    at 5m: tick -> unassigned=1              counts of the answer; a verb's: ok (if nothing is said),
                                             unchanged, or a refusal's code and members (held holder=maria)
    expect NET-1 open on manager:P1 overdue=acknowledge !assignee     state, queue (`off`: on none), fields
    expect clock NET-1 tier2 due=30m         or: rests, used=5m, fired, gone
    expect events NET-1 opened unassigned    its last events;  `expect event NET-1 escalated x2`: how many
    expect told NET-1 lead=noc               members of its last event
    expect alert disk of NET-1 state=stale
    expect queue tier1:P1 NET-2 NET-1        or: empty
    expect incidents 2
    expect problems 1 why=recurs             records of a hash: how many, members of the newest
"""
import json
import os
import re

import story
from conftest import T0

HERE = os.path.dirname(os.path.abspath(__file__))
OBSERVED = ('seq', 'opened', 'reopened', 'raised', 'resolved', 'updated', 'held', 'queued', 'ignored')
STATES = ('open', 'acknowledged', 'resolved', 'closed')
TIMES = re.compile(r'(_at|_from|_until|(?<!over)due|since)$')
RECORDS = ('problems', 'reviews', 'actions', 'known_errors', 'fixes')


def load():
    """name -> (file, title, [(line number, line)])"""
    out = {}
    directory = os.path.join(HERE, 'stories')
    for file in sorted(os.listdir(directory)):
        if not file.endswith('.story'):
            continue
        lines = None
        with open(os.path.join(directory, file), encoding='utf-8') as f:
            for n, line in enumerate(f, 1):
                line = line.strip()
                if m := re.match(r'story ([\w-]+): (.+)', line):
                    assert m[1] not in out, 'two stories are called ' + m[1]
                    lines = []
                    out[m[1]] = (file, m[2], lines)
                elif line and not line.startswith('#'):
                    lines.append((n, line))
    return out


class Play:
    """One story against a Redis. covered: (verb, state before) -> 'taken' or the refusal's code."""

    def __init__(self, team, player, covered=None):
        self.t, self.player = team, player
        self.world = story.World(player.shas)
        self.covered = covered if covered is not None else {}
        self.now = 0
        for call in self.world.begin():
            self.call(call)

    def call(self, args):
        return self.player.pipe.call(*args)

    def run(self, lines, file=''):
        for n, line in lines:
            try:
                self.line(line)
            except AssertionError as e:
                raise AssertionError('%s:%d: %s\n  %s' % (file, n, line, e)) from None

    def line(self, line):
        if line.startswith('at '):
            at, rest = line[3:].split(': ', 1)
            text, _, answer = rest.partition(' -> ')
            self.step(story.parse_step(at, text), answer)
        elif line.startswith('expect '):
            self.expect(line[7:].split(' ', 1))
        else:
            raise AssertionError('neither `at` nor `expect`')

    # ---- steps
    def step(self, step, answer):
        assert step['at'] >= self.now, 'time goes back'
        self.now = step['at']
        before = self.t.inc(step['id']).get('state') if step['do'] == 'verb' and step['id'] else None
        replies = []
        for call, wanted in self.world.calls(step):
            replies.append(self.call(call))
            assert not wanted or replies[-1][0] in (wanted, 'OK'), replies[-1]
        wrong = self.call(self.player.check(step))[1:]
        assert not wrong, wrong
        if replies:
            getattr(self, 'answer_' + step['do'], lambda *a: None)(step, replies[-1], answer, before)

    def answer_verb(self, step, reply, answer, before):
        a = json.loads(reply[2])
        words = answer.split() or ['ok']
        error = a.get('error', {})
        got = error.get('code') or ('ok' if a['changed'] else 'unchanged')
        if before:
            self.covered[step['verb'], before] = 'taken' if a['status'] == 200 else got
        self.covered['code', got] = True
        assert got == words[0], a.get('error') or 'it was ' + got
        for name, value in story.fields_of(words[1:]).items():
            have = error.get(name, a.get(name))
            assert have == value or str(have) == str(value), '%s is %s' % (name, have)

    def answer_tick(self, step, reply, answer, before):
        self.counts(dict(zip(reply[3::2], reply[4::2])), answer)

    def answer_alerts(self, step, reply, answer, before):
        self.counts(dict(zip(OBSERVED, reply[1:])), answer)

    def answer_take(self, step, reply, answer, before):
        fields = dict(zip(reply[1][0][1][::2], reply[1][0][1][1::2])) if reply else {}
        assert fields.get('incident', 'nothing') == (answer or 'nothing'), fields

    @staticmethod
    def counts(have, answer):
        for name, value in story.fields_of(answer.split()).items():
            assert have.get(name, 0) == int(value), '%s is %s of %s' % (name, have.get(name, 0), have)

    # ---- expectations
    def expect(self, words):
        first, rest = words[0], words[1].split() if len(words) > 1 else []
        if first in RECORDS:
            self.expect_records(first, rest)
        else:
            getattr(self, 'expect_' + first, lambda r: self.expect_incident(first, r))(rest)

    @staticmethod
    def same(fields, words):
        for word in words:
            if word.startswith('!'):
                assert not fields.get(word[1:]), '%s is %s' % (word[1:], fields[word[1:]])
                continue
            name, _, value = word.partition('=')
            have = fields.get(name)
            if TIMES.search(name) and have is not None:
                value = T0 + story.duration(value)
                have = int(have)
            assert str(have) == str(value).replace('_', ' ') or str(have) == str(value), '%s is %s' % (
                name, story.time_text(have - T0) if isinstance(have, int) and TIMES.search(name) else have)

    def expect_incident(self, id, words):
        f = self.t.inc(id)
        assert f, 'there is no ' + id
        if words and words[0] in STATES:
            assert f['state'] == words[0], 'it is ' + f['state']
            words = words[1:]
        entries = self.t.entries(id)
        if words and words[0] == 'on':
            assert [e[0] for e in entries] == [words[1]], 'it stands on %s' % [e[0] for e in entries]
            words = words[2:]
        elif words and words[0] == 'off':
            assert not entries, 'it stands on %s' % [e[0] for e in entries]
            words = words[1:]
        self.same(f, words)

    def expect_clock(self, words):
        id, kind, rest = words[0], words[1], words[2:]
        clock = self.t.clock(kind, id)
        if rest == ['gone']:
            assert clock is None, clock
            return
        assert clock, 'it has no such clock'
        if rest[0] == 'rests':
            assert clock['since'] == 0, clock
            rest = rest[1:]
        if rest == ['fired']:
            assert clock['mark'] == 2, clock
            return
        for word in rest:
            name, _, value = word.partition('=')
            want = story.duration(value) + (T0 if name == 'due' else 0)
            assert clock[name] == want, '%s is %s' % (name, story.time_text((clock[name] or 0) - (T0 if name == 'due' else 0)))

    def expect_events(self, words):
        names = self.t.event_names(words[0])
        assert names[-len(words) + 1:] == words[1:], names

    def expect_event(self, words):
        names = self.t.event_names(words[0])
        assert names.count(words[1]) == int(words[2][1:]), names

    def expect_told(self, words):
        detail = json.loads(self.t.events(words[0])[-1]['detail'] or '{}')
        self.same(detail, words[1:])

    def expect_alert(self, words):
        a = self.t.alert(words[0], words[2])
        assert a, 'there is no such alert'
        self.same(a, words[3:])

    def expect_queue(self, words):
        have = [f['incident'] for q, _, f in self.t.entries() if q == words[0]]
        assert have == (words[1:] if words[1:] != ['empty'] else []), have

    def expect_incidents(self, words):
        assert len(self.t.ids()) == int(words[0]), self.t.ids()

    def expect_records(self, hash, words):
        records = [json.loads(v) for v in self.t.hash(hash).values()]
        assert len(records) == int(words[0]), records
        if words[1:]:
            newest = max(records, key=lambda r: r['updated_at'])
            self.same(newest, words[1:])
