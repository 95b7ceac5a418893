"""Figures about incidents in /metrics."""
from api import fire
from conftest import wait_until


def test_metrics_of_incidents(api, store):
    wait_until(lambda: 'triaged_oldest_unassigned_seconds{team="net"}' in api.t.metrics(), "a first look", 40)
    id = fire(api, store, "LinkDown", instance="r1:9100")
    api.verb(id, "acknowledge")
    api.open("waits", impact="high", urgency="high")
    found = wait_until(lambda: (m := api.t.metrics()).get('triaged_incident_events_total{team="net",event="acknowledged"}') and m,
                       "looked again", 40)
    assert found['triaged_incidents{team="net",priority="P1",state="active"}'] == 2
    assert found['triaged_queue_entries{team="net",tier="tier1",priority="P1"}'] == 1
    assert found['triaged_oldest_unassigned_seconds{team="net"}'] > 0
    assert found['triaged_incidents_opened_total{team="net",priority="P1",category="network"}'] == 1
    assert found['triaged_time_to_acknowledge_seconds_count{team="net",priority="P1"}'] == 1
    assert found['triaged_verbs_total{outcome="done"}'] >= 2
