"""A window has two edges: inside it an incident stands on no queue, at its end what still fires is queued."""
from datetime import datetime, timedelta, timezone

from conftest import wait_until


def rfc3339(moment):
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def window(seconds):
    now = datetime.now(timezone.utc)
    return (f"maintenance:\n  - {{name: patching, match: ['alertname=\"Quiet\"'], from: \"{rfc3339(now - timedelta(minutes=1))}\","
            f" to: \"{rfc3339(now + timedelta(seconds=seconds))}\"}}\n")


def firing(name):
    return {"labels": {"alertname": name, "severity": "critical"}, "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2036-01-01T00:00:00Z"}


def test_queued_at_the_end_of_the_window(make_triaged, store):
    triaged = make_triaged(window(8))
    triaged.alerts(firing("Quiet"), firing("Loud"))
    quiet = store.wait_one(lambda i: "Quiet" in i["title"])
    loud = store.wait_one(lambda i: "Loud" in i["title"])
    assert quiet["suppressed_by"] == "patching" and quiet["state"] == "open"
    assert [e["incident"] for e in store.queued()] == [loud["id"]]
    entry = wait_until(lambda: next((e for e in store.queued() if e["incident"] == quiet["id"]), None),
                       "queued when the window ends", 30)
    assert entry["reason"] == "unsuppressed"


def test_a_resolve_passes_inside_the_window(make_triaged, store):
    triaged = make_triaged(window(3600))
    triaged.alerts(firing("Quiet"))
    store.wait_one(lambda i: i["state"] == "open" and i["suppressed_by"] == "patching")
    triaged.alerts({**firing("Quiet"), "endsAt": rfc3339(datetime.now(timezone.utc) - timedelta(seconds=1))})
    store.wait_one(lambda i: i["state"] == "resolved")
    assert store.queued() == []
