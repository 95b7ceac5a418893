"""Figures about incidents in /metrics."""
import time

from api import fire
from conftest import wait_until


def incidents(found):
    return {tuple(part.split('"')[1] for part in name.split(",")): int(n)
            for name, n in found.items() if name.startswith("triaged_incidents{") and n}


def test_metrics_of_incidents(api, store):
    wait_until(lambda: 'triaged_oldest_unassigned_seconds{team="net"}' in api.t.metrics(), "a first look", 40)
    id = fire(api, store, "LinkDown", instance="r1:9100")
    api.verb(id, "acknowledge")
    api.open("waits", impact="high", urgency="high")
    ended = api.open("ends by itself", team="pay", category="security", impact="high", urgency="high")["id"]
    api.verb(ended, "resolve", resolution="x")
    closed = [api.open(f"closed {n}", impact="high", urgency="high")["id"] for n in range(2)]
    for c in closed:
        api.verb(c, "acknowledge")
        api.verb(c, "resolve", resolution="done", noise="not_actionable")
        api.verb(c, "close", force=True, text="for the test")
    store.r.zadd("triaged:{net}:reviews_due", {closed[0]: int(time.time() * 1000) - 1000})  # as if days had gone by
    store.r.xadd("triaged:{net}:events", {"at": 1, "event": "unassigned", "incident": id, "version": 1, "actor": "clock", "detail": ""})
    found = wait_until(lambda: (m := api.t.metrics()).get('triaged_incident_events_total{team="net",event="unassigned"}') and m,
                       "looked again", 40)
    assert found['triaged_queue_entries{team="net",tier="tier1",priority="P1"}'] == 1
    assert found['triaged_oldest_unassigned_seconds{team="net"}'] > 0
    assert found['triaged_incidents_opened_total{team="net",priority="P1",category="network"}'] == 1
    assert found['triaged_incidents_unattended_total{team="pay"}'] == 1
    assert found['triaged_deadlines_missed_total{team="net",clock="acknowledge"}'] == 1
    for span, n in (("acknowledge", 3), ("resolve", 2), ("close", 2)):
        assert found[f'triaged_time_to_{span}_seconds_count{{team="net",priority="P1"}}'] == n, span
    assert found['triaged_verbs_total{outcome="done"}'] >= 2
    assert (found['triaged_reviews_owed{team="net"}'], found['triaged_reviews_overdue{team="net"}']) == (2, 1)
    want = {("net", "acknowledged", "P1", "network"): 1, ("net", "open", "P1", ""): 1,
            ("pay", "resolved", "P1", "security"): 1}
    wait_until(lambda: incidents(api.t.metrics()) == want, lambda: incidents(api.t.metrics()), 40)
    assert api.t.metrics()["triaged_incidents_without_deadline"] == 0
    api.verb(ended, "confirm", by="lead")
    api.verb(ended, "close", force=True, text="for the test")
    del want["pay", "resolved", "P1", "security"]
    wait_until(lambda: incidents(api.t.metrics()) == want, "what is closed falls to 0", 40)
