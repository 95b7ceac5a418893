"""The language of stories: what happens to a team, one line each, and how a line becomes calls of
the scripts. Stories are written by people (stories/*.story) and by the random histories, which print
what they shrank a failure to in the same form, so that it can be kept as a story.

    at 5m: disk fires P1 key=k2 on=db1       an alert: fires, ends, elsewhere; `&` joins several
    at 5m: tick                               also: by=d2 oldest=3m claim=2m budget=3
    at 6m: maria acknowledge NET-1 -> ok      a verb; FIELD=VALUE are its own fields
    at 7m: maria takes                        the most urgent entry, as a responder takes it
    at 8m: settings retention=1d sla={…}
    at 9m: save / rewind / forget N           Redis loses what came after `save`, or all; what the
                                              spools retain is sent again (forget: only the last N)
    at 9m: again N                            the last N records come once more (SKIP)

Times are story time (0, 90s, 5m, 1h30m, 2d). An alert's members: key on(system) sender count log pairs
lease(duration) starts ends ago(received earlier) window(suppressed until) threshold settle
resolve_after join_within stream.
"""
import json
import re

from conftest import PRIORITIES, T0, TIERS, runs

UNITS = {'d': 86_400_000, 'h': 3_600_000, 'm': 60_000, 's': 1000, 'ms': 1}
CELL = {'P1': ('high', 'high'), 'P2': ('high', 'medium'), 'P3': ('medium', 'medium'), 'P4': ('low', 'low')}
STATES = {'fires': 'firing', 'ends': 'resolved', 'elsewhere': 'elsewhere', 'beats': 'beat'}
DURATIONS = {'lease', 'ago', 'settle', 'resolve_after', 'join_within', 'for', 'claim'}
TIMES = {'starts', 'ends', 'window', 'until', 'next_update_at', 'oldest', 'due_at', 'at'}
NUMBERS = {'count', 'budget', 'if_version'}
BASE = 'triaged:{net}:'


def duration(text):
    """Milliseconds of 1h30m, 90s, 0; negative with a leading minus."""
    sign, text = (-1, text[1:]) if text.startswith('-') else (1, text)
    if text == '0':
        return 0
    parts = re.findall(r'(\d+)(ms|[dhms])', text)
    if not parts or ''.join(n + u for n, u in parts) != text:
        raise ValueError('no time: ' + text)
    return sign * sum(int(n) * UNITS[u] for n, u in parts)


def time_text(ms):
    if ms <= 0:
        return '0' if ms == 0 else '-' + time_text(-ms)
    out = ''
    for unit, size in UNITS.items():
        if ms >= size:
            out += '%d%s' % (ms // size, unit)
            ms %= size
    return out


# ---- a step as text and back. A step is {'at': ms, 'do': …} and what belongs to it ---------------------
WORD = re.compile(r'(?:[\w.-]+=)?(?:"(?:[^"\\]|\\.)*"|[\[{].*?[\]}](?=\s|$)|\S+)')


def value_of(name, text):
    if name in DURATIONS or name in TIMES:
        return duration(text)
    if name in NUMBERS:
        return int(text)
    if text[:1] in '"[{' or text in ('true', 'false'):
        return json.loads(text)
    return text


def text_of(name, value):
    if isinstance(value, bool) or isinstance(value, (list, dict)):
        return json.dumps(value, separators=(',', ':'))
    if name in DURATIONS or name in TIMES:
        return time_text(value)
    text = str(value)
    return text if re.fullmatch(r'[\w./{}:-]+', text) and text[0] not in '"[{' else json.dumps(text)


def fields_of(words):
    fields = {}
    for word in words:
        name, eq, value = word.partition('=')
        if eq:
            fields[name] = value_of(name, value)
        else:
            fields[name] = True
    return fields


def fields_text(fields):
    return ''.join(' ' + (k if v is True and k in ('log', 'pairs') else '%s=%s' % (k, text_of(k, v)))
                   for k, v in fields.items())


def parse_item(text):
    words = WORD.findall(text)
    item = {'fp': words[0], 'state': STATES[words[1]]}
    rest = words[2:]
    if rest and re.fullmatch(r'P[1-4]|(high|medium|low)/(high|medium|low)', rest[0]):
        item['cell'] = CELL.get(rest[0]) or tuple(rest[0].split('/'))
        rest = rest[1:]
    item.update(fields_of(rest))
    return item


def item_text(item):
    state = next(k for k, v in STATES.items() if v == item['state'])
    cell = item.get('cell')
    names = {v: k for k, v in CELL.items()}
    rest = {k: v for k, v in item.items() if k not in ('fp', 'state', 'cell')}
    return '%s %s%s%s' % (item['fp'], state, ' ' + names.get(cell, '/'.join(cell)) if cell else '',
                          fields_text(rest))


def parse_step(at, text):
    words = WORD.findall(text)
    step = {'at': duration(at)}
    if len(words) > 1 and words[1] in STATES:
        return {**step, 'do': 'alerts', 'items': [parse_item(t) for t in text.split(' & ')]}
    if words[0] in ('tick', 'settings'):
        return {**step, 'do': words[0], 'fields': fields_of(words[1:])}
    if words[0] in ('save', 'rewind', 'forget', 'again'):
        return {**step, 'do': words[0], 'n': int(words[1]) if len(words) > 1 else 0}
    if words[1] == 'takes':
        return {**step, 'do': 'take', 'who': words[0]}
    id, rest = (words[2], words[3:]) if len(words) > 2 and '=' not in words[2] else ('', words[2:])
    return {**step, 'do': 'verb', 'who': words[0], 'verb': words[1], 'id': id, 'fields': fields_of(rest)}


def step_text(step):
    do = step['do']
    if do == 'alerts':
        what = ' & '.join(item_text(i) for i in step['items'])
    elif do in ('tick', 'settings'):
        what = do + fields_text(step['fields'])
    elif do == 'take':
        what = step['who'] + ' takes'
    elif do == 'verb':
        what = '%s %s%s%s' % (step['who'], step['verb'], ' ' + step['id'] if step['id'] else '',
                              fields_text(step['fields']))
    else:
        what = do + (' %d' % step['n'] if step['n'] else '')
    return 'at %s: %s' % (time_text(step['at']), what)


# ---- from steps to calls -------------------------------------------------------------------------
TAKE = ("for _,k in ipairs(KEYS) do local r=redis.call('XREADGROUP','GROUP','responders',ARGV[1],"
        "'COUNT',1,'STREAMS',k,'>') if r and r[1] then return r[1] end end return false")
CLEAR = "for _,p in ipairs(ARGV) do for _,k in ipairs(redis.call('KEYS',p..'*')) do redis.call('DEL',k) end end"
COPY = ("for _,k in ipairs(redis.call('KEYS',ARGV[2]..'*')) do redis.call('DEL',k) end "
        "for _,k in ipairs(redis.call('KEYS',ARGV[1]..'*')) do "
        "redis.call('COPY',k,ARGV[2]..string.sub(k,#ARGV[1]+1)) end")
PLAIN = {'title': 'Disk full', 'summary': 'a disk is filling', 'category': 'hardware', 'service': 'checkout',
         'source': 'alertmanager', 'triage': 'new'}
META = json.dumps(PLAIN)
META_MEMBERS = ('settle', 'resolve_after', 'join_within', 'triage', 'known_error', 'workaround', 'kb', 'runbook', 'logs')
LEASE = 24 * UNITS['h']
STREAMS = {'s1': '1' * 32, 's2': '2' * 32, 'v1': 'a' * 32, 'v2': 'b' * 32}


def observation(item, now):
    """The 20 members of an item of `observe`, in order."""
    at = now - item.get('ago', 0)
    impact, urgency = item.get('cell') or ('medium', 'medium')
    log = item.get('log')
    lease = item.get('lease', LEASE)
    starts, ends, window = item.get('starts'), item.get('ends'), item.get('window')
    extra = {k: item[k] for k in META_MEMBERS if k in item}
    fp = item['fp']
    return (fp, item.get('key', 'k{}'), item['state'], 'log' if log else 'alert', at, at,
            item.get('count', 1), T0 + starts if starts is not None else 0,
            T0 + ends if ends is not None else 0, 0 if log or not lease else at + lease,
            item.get('sender', 'am'), 1 if item.get('pairs') else 0, item.get('on', ''), impact, urgency,
            item.get('rule', 'disk-full'), item.get('threshold', ''),
            '[{"name":"window","until_ms":%d}]' % (T0 + window) if window is not None else '',
            json.dumps({**PLAIN, **extra}) if extra else META, '"labels":{"alertname":"%s"}' % fp)


class World:
    """A team as its daemons and people see it: gives the calls of a step, keeps the streams' numbers
    and what the spools retain. Never talks to Redis."""

    def __init__(self, shas, defaults=None):
        self.shas, self.defaults = shas, defaults or {}
        self.seq = dict.fromkeys(STREAMS, 0)
        self.log, self.saved, self.loads = [], None, 0
        self.settings_now = {}

    def eval(self, name, keys, *args):
        return ('EVALSHA', self.shas[name], len(keys), *keys, *args)

    def script(self, name, *args):
        return ('EVALSHA', self.shas[name], 1, BASE + 'applied', *args)

    def begin(self):
        return [self.eval('clear', [], 'triaged:{net}:', 'saved:{net}:', 'check:{net}:'),
                self.settings(T0, {})]

    def settings(self, now, fields):
        self.loads += 1
        self.settings_now = {**self.defaults, 'id': 'NET', **self.settings_now, **fields}
        flat = [x for k, v in self.settings_now.items()
                for x in (k, v if isinstance(v, (str, int)) else json.dumps(v))]
        return self.script('settings', now, T0 + self.loads, 'hash%d' % self.loads, 0, *flat)

    def record(self, name, stream, now, items, n):
        prev, seq = self.seq[stream], self.seq[stream] + 1
        self.seq[stream] = seq
        self.log.append((name, stream, seq, prev, n, items))
        return self.script(name, now, STREAMS[stream], seq, prev, 0, 0, n, *items)

    def resend(self, records, now, again):
        alerts_first = sorted(records, key=lambda r: r[0] == 'verb')
        return [self.script(name, now, STREAMS[stream], seq, prev, 0, again, n, *items)
                for name, stream, seq, prev, n, items in alerts_first]

    def calls(self, step):
        """[(call, what its reply must be: '' any, 'OK', 'SKIP')]"""
        return getattr(self, 'do_' + step['do'])(step, T0 + step['at'])

    def do_alerts(self, step, now):
        items = runs([observation(i, now) for i in step['items']])
        stream = step['items'][0].get('stream', 's1')
        return [(self.record('observe', stream, now, items, len(step['items'])), 'OK')]

    def do_verb(self, step, now):
        item = {'verb': step['verb'], 'id': step['id'], 'actor': step['who'], 'role': 'responder'}
        for k, v in step['fields'].items():
            item['request_id' if k == 'request' else k] = T0 + v if k in TIMES else v
        stream = item.pop('stream', 'v1')
        return [(self.record('verb', stream, now, [json.dumps(item)], 1), 'OK')]

    def do_tick(self, step, now):
        f = step['fields']
        oldest = -1 if f.get('leaving') else T0 + f['oldest'] if f.get('oldest') is not None else 0
        return [(self.script('tick', now, f.get('by', 'd1'), oldest, f.get('claim', 120_000),
                             f.get('budget', 1000)), '')]

    def do_settings(self, step, now):
        return [(self.settings(now, step['fields']), '')]

    def do_take(self, step, now):
        keys = [BASE + 'queue:%s:%s' % (t, p) for t in TIERS[:1] for p in PRIORITIES]
        return [(self.eval('take', keys, step['who']), '')]

    def do_save(self, step, now):
        self.saved = len(self.log)
        return [(self.eval('copy', [], BASE, 'saved:{net}:'), '')]

    def do_rewind(self, step, now):
        if self.saved is None:
            return []
        lost = self.log[self.saved:]
        unknown = [r for r in lost if r[3] == 0]  # streams that this Redis never heard of
        return ([(self.eval('clear', [], BASE), ''), (self.eval('copy', [], 'saved:{net}:', BASE), '')]
                + [(c, 'GAP') for c in self.resend(unknown, now, 1)]
                + [(self.script('adopt', now, STREAMS[r[1]], 0, 0), 'OK') for r in unknown]
                + [(c, 'OK') for c in self.resend(lost, now, 1)])

    def do_forget(self, step, now):
        """All is lost and the spools retain the last n records: adopt goes on from there."""
        kept = self.log[-step['n']:] if step['n'] else []
        out = [(self.eval('clear', [], BASE), ''), (self.settings(now, {}), '')]
        seen = set()
        for r in sorted(kept, key=lambda r: r[0] == 'verb'):
            if r[1] not in seen:
                seen.add(r[1])
                if self.resend([r], now, 1):
                    out.append((self.resend([r], now, 1)[0], 'GAP'))
                out.append((self.script('adopt', now, STREAMS[r[1]], r[3], 40), 'OK'))
            out.append((self.resend([r], now, 1)[0], 'OK'))
        out += [(self.script('adopt', now, STREAMS[s], n, 40), 'OK')
                for s, n in self.seq.items() if s not in seen]
        return out

    def do_again(self, step, now):
        return [(c, 'SKIP') for c in self.resend(self.log[-step['n']:], now, 0)]
