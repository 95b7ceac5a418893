"""The wall clock is set back under a running daemon, as NTP does: what was received last still counts last."""
import pathlib
import subprocess

from harness import PLAIN_BUILD, wait_until

HERE = pathlib.Path(__file__).resolve().parent


def webhook(status):
    return {"version": "4", "alerts": [{"status": status, "labels": {"alertname": "Flip", "team": "red", "tag": "t"},
                                        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}]}


def test_a_resolve_counts_after_the_clock_was_set_back(world, tmp_path):
    library, behind = tmp_path / "set_clock.so", tmp_path / "behind"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(library), str(HERE / "set_clock.c"), "-ldl"],
                   check=True)
    behind.write_text("0")
    world.start_redis()
    # a sanitizer's runtime must be loaded first, so the plain build
    world.start_daemon(build=PLAIN_BUILD, env={"LD_PRELOAD": str(library), "SET_CLOCK": str(behind)})
    assert world.daemon.post("/webhook/alertmanager", webhook("firing")).status_code == 200
    incident = world.store().wait_one(lambda i: i["state"] == "open")
    behind.write_text("3")
    assert world.daemon.post("/webhook/alertmanager", webhook("resolved")).status_code == 200
    wait_until(lambda: world.store().incidents()[0]["state"] == "resolved",
               lambda: f"resolved: {world.store().incidents()}", 10)
    assert world.store().incidents()[0]["id"] == incident["id"]
