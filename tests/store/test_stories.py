"""The stories, and that they leave nothing out: every row of the SOP, every cell of the table of states
and verbs, every refusal, every event."""
import os
import re

import pytest

import histories
import stories
from conftest import LUA, ROOT, Team

STORIES = stories.load()
COVERED = {}  # (verb, state) -> taken or the code; filled as the stories are played
EVENTS = set()


@pytest.fixture(scope='module')
def player(server):
    return histories.Player(server.sock)


@pytest.mark.parametrize('name', STORIES)
def test_story(server, scripts, player, name):
    file, title, lines = STORIES[name]
    server.client.flushall()
    play = stories.Play(Team(server.client, scripts), player, COVERED)
    play.run(lines, file)
    assert any(line.startswith('expect') or '->' in line for _, line in lines)
    EVENTS.update(e['event'] for e in play.t.events())


def table():
    """verb -> state -> effect, as States.VERBS says."""
    with open(os.path.join(LUA, 'lib', 'states.lua'), encoding='utf-8') as f:
        text = re.search(r'States.VERBS = {(.*?)\n}', f.read(), re.S)[1]
    return {verb: dict(re.findall(r"(\w+) = '(\w+)'", cells))
            for verb, cells in re.findall(r'(\w+)\s*= {(.*?)}', text, re.S)}


def reference(pattern):
    with open(os.path.join(ROOT, 'docs', 'REDIS.md'), encoding='utf-8') as f:
        return set(re.findall(r'\w+', re.search(pattern, f.read(), re.S)[1]))


def test_the_documented_table_is_the_table():
    with open(os.path.join(ROOT, 'docs', 'REDIS.md'), encoding='utf-8') as f:
        rows = re.findall(r'^\| (\w+) \| ([\w ]+) \| ([\w ]+) \| ([\w ]+) \| ([\w ]+) \|$', f.read(), re.M)
    documented = {r[0]: dict(zip(stories.STATES, r[1:])) for r in rows if r[0] != 'verb'}
    assert documented == {verb: {s: cells.get(s, '409').replace('_', ' ') for s in stories.STATES}
                          for verb, cells in table().items()}


@pytest.fixture(scope='module')
def played():
    if not COVERED:
        pytest.skip('plays with the stories only')


@pytest.mark.parametrize('state', stories.STATES)
@pytest.mark.parametrize('verb', table())
def test_every_cell_has_a_story(played, verb, state):
    got = COVERED.get((verb, state))
    assert got, 'no story tries %s in state %s' % (verb, state)
    if state not in table()[verb]:
        assert got == 'not_allowed'


def test_every_refusal_has_a_story(played):
    codes = reference(r'Codes: (.*?\(`incident`\))') - {'as', 'and', 'for', 'holder', 'incident', 'internal'}
    missing = {c for c in codes if not c.isdigit() and ('code', c) not in COVERED}
    assert not missing


def test_every_event_has_a_story(played):
    missing = reference(r"\nEvents: (.*?)\.\n") - EVENTS - {"of", "the", "team"}
    assert not missing


# ---- the SOP: stories/README.md says which stories show which row
def sop():
    with open(os.path.join(stories.HERE, 'stories', 'README.md'), encoding='utf-8') as f:
        return [(m[1].strip(), re.findall(r'`([\w./-]+)`', m[2]))
                for m in re.finditer(r'^\| ([^|]+) \| ([^|]+) \|$', f.read(), re.M) if '---' not in m[1]][1:]


def test_every_row_of_the_sop_has_stories():
    for row, names in sop():
        assert names, row
        for name in names:
            assert name in STORIES or os.path.exists(os.path.join(ROOT, name)), '%s: %s' % (row, name)


def test_every_story_has_its_place():
    named = {n for _, names in sop() for n in names}
    assert not set(STORIES) - named
    assert len(STORIES) >= 60
