"""A monitor that must be heard: its silence is an incident, its return the end of it."""
from conftest import wait_until

CONFIG = """heartbeats:
  - {name: prometheus-eu, match: ['alertname="Watchdog"', 'cluster="eu-1"'], every: 2s,
     set: {category: software, team: platform, impact: high, urgency: high}}
"""
BEAT = {"labels": {"alertname": "Watchdog", "cluster": "eu-1", "severity": "none"}}


def test_a_missing_beat_opens_and_a_beat_resolves(make_triaged, store):
    triaged = make_triaged(CONFIG)
    triaged.alerts(BEAT)
    wait_until(lambda: triaged.metrics().get('triaged_alerts_total{source="prometheus",outcome="beat"}') == 1,
               "the beat was recognised")
    incident = store.wait_one(lambda i: i["state"] == "open", "silence is noticed", 30)
    assert incident["priority"] == "P1" and incident["team"] == "platform"
    assert "prometheus-eu" in incident["title"]
    assert [e["incident"] for e in store.queued()] == [incident["id"]]
    triaged.alerts(BEAT)
    store.wait_one(lambda i: i["state"] == "resolved" and i["id"] == incident["id"], "the beat came back")
    assert store.queued() == []


def test_armed_when_loaded_not_at_the_first_beat(make_triaged, store):
    make_triaged(CONFIG)
    store.wait_one(lambda i: "prometheus-eu" in i["title"], "never heard of it at all", 30)


def test_regular_beats_open_nothing(make_triaged, store):
    triaged = make_triaged(CONFIG)
    metric = 'triaged_deadlines_done_total'
    ticks = 'triaged_ticks_total{result="ok"}'
    start = triaged.metrics().get(ticks, 0)

    def beat_until_five_ticks():
        triaged.alerts(BEAT)
        return triaged.metrics().get(ticks, 0) >= start + 5 * len(store.teams())

    wait_until(beat_until_five_ticks, lambda: str(triaged.metrics().get(metric)), 60, every=0.2)
    assert store.incidents() == []
