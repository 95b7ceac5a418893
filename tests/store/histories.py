#!/usr/bin/python3
"""Random histories of alerts, verbs, ticks, settings and losses; what must hold is in invariants.lua.

A history is made whole from its seed, sent in a pipeline, and checked after every step. One that fails
is cut down to the few steps that it takes and printed as a story (story.py).
usage: histories.py [--seed N] [--histories N] [--steps N] [--show]
"""
import argparse
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import story  # noqa: E402
from conftest import D, H, M, S, Server, assemble  # noqa: E402
from resp import Pipe, RedisError, pack  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
JUMPS = (0, 0, 1, S, 20 * S, M, 4 * M, 5 * M, 11 * M, 15 * M, 30 * M, H, 4 * H, 20 * H, D, 3 * D)
PEOPLE = ('alice', 'bob')
VERBS = ('acknowledge acknowledge acknowledge assign release escalate raise lower snooze note update resolve '
         'resolve verify confirm confirm close reopen merge open').split()
COURSE = ('acknowledge', 'update', 'resolve', 'verify', 'confirm', 'close', 'reopen', 'release')
QUICK = {'P1': {'acknowledge': 5 * M, 'reacknowledge': 20 * M, 'tier2': 10 * M, 'tier3': 20 * M,
                'update_every': 10 * M, 'confirm': 'required', 'confirm_within': H, 'grace': 5 * M},
         'P2': {'acknowledge': 15 * M, 'reacknowledge': H, 'tier2': 30 * M, 'tier3': H,
                'update_every': 30 * M, 'confirm': 'required', 'confirm_within': 2 * H, 'grace': 15 * M,
                'reopen_within': H},
         'P3': {'acknowledge': H, 'reacknowledge': 4 * H, 'tier2': 2 * H, 'tier3': 4 * H, 'grace': H},
         'P4': {'acknowledge': 4 * H, 'reacknowledge': D, 'grace': H, 'reopen_within': 0}}
USUAL = {'P1': {'acknowledge': 5 * M, 'reacknowledge': H, 'tier2': 30 * M, 'tier3': H, 'update_every': 30 * M,
                'confirm': 'required', 'confirm_within': 2 * D, 'grace': 30 * M},
         'P2': {'acknowledge': 15 * M, 'reacknowledge': 4 * H, 'tier2': 2 * H, 'tier3': 4 * H,
                'update_every': H, 'confirm': 'required', 'confirm_within': 2 * D, 'grace': H},
         'P3': {'acknowledge': 4 * H, 'reacknowledge': D, 'tier2': D, 'tier3': 3 * D, 'grace': 4 * H},
         'P4': {'acknowledge': D, 'reacknowledge': 3 * D, 'grace': D}}
DEFAULTS = {'flap': {'reopens': 3, 'within': H, 'settle': 30 * M},
            'blast_radius': [{'systems': 2, 'impact': 'medium'}, {'systems': 3, 'impact': 'high'}],
            'retention': 20 * D}


# ---- making one ------------------------------------------------------------------------------------
class Maker:
    """Everything a history may contain. Incident numbers are guessed: the first few."""

    def __init__(self, seed, steps):
        self.r, self.at, self.steps = random.Random(seed), 0, steps
        self.opened, self.requests, self.saved = 1, 0, False
        self.course = []  # verbs to come for one incident
        self.pairs = self.r.random() < 0.15  # Prometheus pairs push to it
        self.odd = self.r.random()  # what kind of trouble this history has, if any

    def pick(self, *choices):
        return choices[int(self.r.random() * len(choices))]

    def item(self):
        r, pick = self.r.random, self.pick
        k = int(r() * r() * 3)
        item = {'fp': pick('a', 'b', 'c', 'd') + (str(k) if k else ''),
                'state': 'firing' if r() < 0.62 else 'resolved' if r() < 0.9 else 'elsewhere',
                'cell': (pick('high', 'medium', 'low'), pick('high', 'medium', 'low', 'low'))}
        if k:
            item['key'] = 'k%d{}' % k
        if item['state'] == 'firing' and r() < 0.7:
            item['on'] = pick('h1', 'h2', 'h3', 'h4')
        if r() < (0.6 if self.pairs else 0.25):
            item['lease'] = pick(M, 5 * M, H, D, 0)
        if r() < 0.12:
            item['ago'] = pick(S, 4 * S, M, H)
        if r() < (0.6 if self.pairs else 0.03):
            item['pairs'] = True
            item['sender'] = pick('x', 'y')
        if r() < 0.1:
            item['window'] = self.at + pick(-S, M, 30 * M, 4 * H)
            if r() < 0.3:
                item['count'] = 0
        if r() < 0.1:
            item['starts'] = max(0, self.at - pick(0, H))
        if item['state'] != 'firing' and r() < 0.1:
            item['ends'] = max(0, self.at - pick(0, 3 * S, 2 * H))
        if r() < 0.06:
            item['log'] = True
        if r() < 0.06:
            item['threshold'] = '2 60000 t'
        if r() < 0.08:
            item['settle'] = 5 * M
        return item

    def alerts(self):
        r = self.r.random
        items = [self.item() for _ in range(1 if r() < 0.6 else 2 if r() < 0.6 else 4)]
        self.opened += 1
        if r() < 0.15:
            items[0]['stream'] = 's2'
        return {'do': 'alerts', 'items': items}

    def verb(self):
        r, pick = self.r.random, self.pick
        top = min(4, self.opened)
        if not self.course:
            id = 'NET-%d' % (1 + int(r() * r() * top))
            self.course = [(pick(*VERBS), id)] if r() < 0.8 else [(v, id) for v in COURSE if r() < 0.6]
        verb, id = self.course.pop(0) if self.course else ('note', 'NET-1')
        f = {}
        if verb == 'acknowledge' and r() < 0.4:
            f['take'] = True
        elif verb == 'assign':
            f['assignee'] = pick(*PEOPLE)
        elif verb == 'escalate' and r() < 0.4:
            f['from_tier'] = pick('tier1', 'tier2')
        elif verb in ('raise', 'lower'):
            f.update(impact=pick('high', 'medium', 'low'), urgency=pick('high', 'medium', 'low'))
        elif verb == 'snooze':
            f['for'] = pick(M, H, D)
        elif verb in ('note', 'update', 'reopen'):
            f['text'] = 'x'
            if verb == 'update' and r() < 0.3:
                f['next_update_at'] = self.at + pick(M, 2 * H)
            if verb == 'reopen':
                f['role'] = pick('manager', 'responder', 'manager')
        elif verb == 'resolve':
            f['resolution'] = 'r'
            if r() < 0.7:
                f['kind'] = 'workaround'
        elif verb == 'confirm':
            f['by'] = 'boss'
        elif verb == 'close' and r() < 0.6:
            f.update(force=True, role='manager', text='x')
        elif verb == 'merge':
            f['into'] = 'NET-%d' % (1 + int(r() * top))
        elif verb == 'open':
            f.update(title='x', impact=pick('high', 'low'), urgency=pick('high', 'low'))
            self.opened += 1
        if r() < 0.06:
            self.requests += 1 if r() < 0.6 else 0
            f['request'] = 'q%d' % self.requests
        if r() < 0.04:
            f['if_version'] = int(r() * 6)
        return {'do': 'verb', 'who': pick(*PEOPLE), 'verb': verb,
                'id': '' if verb == 'open' else id, 'fields': f}

    def tick(self):
        r, f = self.r.random, {}
        if r() < 0.3:
            f['by'] = 'd2'
        if r() < 0.12:
            f['oldest'] = max(0, self.at - self.pick(M, H))
        if r() < 0.05:
            f['budget'] = self.pick(1, 3)
        return {'do': 'tick', 'fields': f}

    def trouble(self):
        """Losses come to some histories only; most are as long as they can be without."""
        r = self.r.random
        if self.odd < 0.1:
            self.saved = not self.saved
            return {'do': 'save' if self.saved else 'rewind', 'n': 0}
        if self.odd < 0.15:
            return {'do': 'forget', 'n': 1 + int(r() * 5)}
        if self.odd < 0.25:
            return {'do': 'again', 'n': 1 + int(r() * 3)}
        if self.odd < 0.35:
            return {'do': 'settings', 'fields': {'sla': self.pick(QUICK, USUAL)}}
        return {'do': 'take', 'who': self.pick(*PEOPLE)}

    def make(self):
        r, out = self.r.random, []
        if self.odd > 0.6:
            out.append({'at': 0, 'do': 'settings', 'fields': {'sla': QUICK}})
        for _ in range(self.steps):
            x = r()
            step = (self.alerts() if x < 0.4 or not out else self.verb() if x < 0.68 else
                    self.tick() if x < 0.93 else self.trouble())
            out.append({'at': self.at, **step})
            if r() < 0.75:
                self.at += self.pick(*JUMPS)
        return out


# ---- playing it ------------------------------------------------------------------------------------
class Player:
    """Loads the scripts once; plays histories on one connection."""

    def __init__(self, path, scripts=assemble):
        self.pipe = Pipe(path)
        self.shas = {n: self.pipe.call('SCRIPT', 'LOAD', scripts(n))
                     for n in ('observe', 'verb', 'tick', 'settings', 'adopt')}
        for name, text in (('take', story.TAKE), ('clear', story.CLEAR), ('copy', story.COPY)):
            self.shas[name] = self.pipe.call('SCRIPT', 'LOAD', text)
        with open(os.path.join(HERE, 'invariants.lua'), encoding='utf-8') as f:
            self.shas['check'] = self.pipe.call('SCRIPT', 'LOAD', f.read())

    def check(self, step):
        kind = 'fresh' if step['do'] in ('rewind', 'forget') else ''
        if step['do'] == 'tick' and step['fields'].get('budget', 1000) == 1000:
            kind = 'tick'
        return ('EVALSHA', self.shas['check'], 1, 'check:{net}:was', story.BASE, story.T0 + step['at'], kind)

    def send(self, steps):
        """Sends a history; what is to be read: [(step, what its reply must be or None for the check)]."""
        world = story.World(self.shas, DEFAULTS)
        out, want = [pack(c) for c in world.begin()], [(None, '')] * 2
        for step in steps:
            for call, reply in world.calls(step):
                out.append(pack(call))
                want.append((step, reply))
            out.append(pack(self.check(step)))
            want.append((step, None))
        self.pipe.send(b''.join(out))
        return want

    def read(self, want):
        """The first thing wrong, as (step, sentence), or None."""
        wrong, digest, still = None, None, None
        for step, expected in want:
            reply = self.pipe.reply()
            if wrong:
                continue
            if isinstance(reply, RedisError):
                wrong = (step, 'error: %s' % reply)
            elif expected is None:
                if len(reply) > 1:
                    wrong = (step, '; '.join(reply[1:]))
                elif still and digest and reply[0] != digest:
                    wrong = (step, still)
                digest, still = reply[0], None
            elif expected and reply[0] != expected:
                if not (expected == 'GAP' and reply[0] == 'OK'):
                    wrong = (step, 'answered %s, not %s' % (reply[:3], expected))
            elif step and step['do'] == 'verb':
                still = None
                if '"status":500' in reply[2]:
                    wrong = (step, reply[2])
                elif '"status":200' not in reply[2]:
                    still = 'was refused and changed something'
                elif '"repeated":true' in reply[2]:
                    still = 'was repeated and changed something'
            elif step and step['do'] == 'again':
                still = 'was applied before and changed something'
        return wrong

    def play(self, steps):
        return self.read(self.send(steps))


# ---- cutting it down -------------------------------------------------------------------------------
def signature(sentence):
    """What kind of failure it is: the words without numbers and names."""
    return ' '.join(w for w in sentence.split(';')[0].split() if w.isalpha())


def smaller(step):
    """The same step with one thing less."""
    if step['do'] == 'alerts':
        items = step['items']
        for i in range(len(items)):
            if len(items) > 1:
                yield {**step, 'items': items[:i] + items[i + 1:]}
            for name in items[i]:
                if name not in ('fp', 'state'):
                    less = {k: v for k, v in items[i].items() if k != name}
                    yield {**step, 'items': items[:i] + [less] + items[i + 1:]}
    elif 'fields' in step:
        for name in step['fields']:
            yield {**step, 'fields': {k: v for k, v in step['fields'].items() if k != name}}


def shrink(player, steps, kind):
    """Delta debugging: drop halves, quarters, single steps, then members; the failure stays the same."""
    def fails(candidate):
        wrong = player.play(candidate)
        return wrong is not None and signature(wrong[1]) == kind

    n = 2
    while len(steps) > 1:
        size, cut = max(1, len(steps) // n), False
        for i in range(0, len(steps), size):
            rest = steps[:i] + steps[i + size:]
            if rest and fails(rest):
                steps, cut = rest, True
                break
        if cut:
            n = max(2, n - 1)
        elif size == 1:
            break
        else:
            n = min(len(steps), n * 2)
    again = True
    while again:
        again = False
        for i, step in enumerate(steps):
            for less in smaller(step):
                if fails(steps[:i] + [less] + steps[i + 1:]):
                    steps, again = steps[:i] + [less] + steps[i + 1:], True
                    break
            if again:
                break
    return steps


def report(player, seed, steps, wrong):
    """A failure as a story."""
    short = shrink(player, steps, signature(wrong[1]))
    last = player.play(short) or wrong
    lines = ['story: history %s, %d of %d steps' % (seed, len(short), len(steps))]
    lines += [story.step_text(s) for s in short]
    return '\n'.join(lines + ['# ' + last[1]])


def run(player, seeds, steps, failures_max=1, told=lambda n: None):
    """Plays a history of each seed, the next one sent while one is read. Reports of what failed."""
    failures, waiting, n = [], [], 0

    def read():
        seed, history, want = waiting.pop(0)
        wrong = player.read(want)
        if wrong:
            for _, _, later in waiting:  # their replies are of no use now
                player.read(later)
            again = [w[0] for w in waiting]
            waiting.clear()
            failures.append(report(player, seed, history, wrong))
            return again
        return []

    todo = list(reversed(list(seeds)))
    while (todo or waiting) and len(failures) < failures_max:
        while todo and len(waiting) < 3:
            seed = todo.pop()
            history = Maker(seed, steps).make()
            waiting.append((seed, history, player.send(history)))
        todo.extend(reversed(read()))
        n += 1
        told(n)
    return failures


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--histories', type=int, default=1000)
    p.add_argument('--steps', type=int, default=12)
    p.add_argument('--failures', type=int, default=1)
    p.add_argument('--show', action='store_true', help='print the history of --seed')
    a = p.parse_args()
    if a.show:
        print('\n'.join(story.step_text(s) for s in Maker(a.seed, a.steps).make()))
        return 0
    server = Server()
    try:
        player = Player(server.sock)
        failures = run(player, range(a.seed, a.seed + a.histories), a.steps, a.failures)
        stats = server.client.info('commandstats')
        print('seeds %d to %d, %d steps each; Redis took %.1f s' % (
            a.seed, a.seed + a.histories - 1, a.steps, sum(
                v['usec'] for k, v in stats.items() if 'evalsha' in k) / 1e6))
        print('\n\n'.join(failures) or 'all held')
        return 1 if failures else 0
    finally:
        server.stop()


if __name__ == '__main__':
    sys.exit(main())
