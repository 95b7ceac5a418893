"""A responder's view of the daemon: short calls over the API, and stories that many tests begin with."""
import hashlib
import json
import re

import requests

from conftest import wait_until

CONFIG = """teams:
  net: {id: NET, lead: "noc-lead", manager: "duty"}
  pay: {id: PAY}
default_team: net
services:
  checkout: {impact: high, team: pay}
known_errors:
  - {id: KE-7, match: ['alertname="NFSStale"'], workaround: "remount", kb: "https://kb.example.org/7"}
heartbeats:
  - {name: backup, match: ['alertname="Backup"'], every: 5m, set: {category: software, team: net}}
rules:
  - name: urgent
    match: ['severity="critical"']
    set: {category: network, team: net, impact: high, urgency: high, title: "{{alertname}} on {{instance}}"}
    group_by: [alertname]
    runbook: "https://runbooks.example.org/urgent"
  - name: mild
    match: ['alertname=~".+"']
    set: {category: software, impact: low, urgency: low}
    group_by: [alertname]
"""
# P1 closes soon when it may, so that a story needs no waiting
FAST = """sla:
  P1: {acknowledge: 5m, reacknowledge: 1h, tier2: 30m, tier3: 1h, update_every: 30m, confirm: required, confirm_within: 2d, grace: 1s, reopen_within: 1h}
  P4: {acknowledge: 1d, reacknowledge: 3d, grace: 1s}
"""

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
ROLES = ("ingest", "viewer", "responder", "manager", "admin")


def tokens():
    """The configuration's part, and role -> secret."""
    secrets = {role: f"secret-of-{role}" for role in ROLES}
    rows = ", ".join(f'{{name: {role}-token, role: {role}, sha256: "'
                     f'{hashlib.sha256(secret.encode()).hexdigest()}"}}'
                     for role, secret in secrets.items())
    return f"auth: {{tokens: [{rows}]}}\n", secrets


class Api:
    def __init__(self, triaged, actor="alice", token=None):
        self.t, self.actor, self.token = triaged, actor, token

    def headers(self, more):
        return {**({"Authorization": "Bearer " + self.token} if self.token else {}), **(more or {})}

    def get(self, path, headers=None, **params):
        return requests.get(self.t.url + "/api/v1" + path, params=params, timeout=30,
                            headers=self.headers(headers))

    def post(self, path, body=None, headers=None, raw=None):
        data = raw if raw is not None else json.dumps(body or {})
        return requests.post(self.t.url + "/api/v1" + path, data=data, timeout=40,
                             headers=self.headers({"Content-Type": "application/json", **(headers or {})}))

    def verb(self, id, verb, status=200, headers=None, **fields):
        fields.setdefault("actor", self.actor)
        answer = self.post(f"/incidents/{id}/{verb}", {k: v for k, v in fields.items() if v is not None},
                           headers)
        assert answer.status_code == status, (verb, answer.status_code, answer.text)
        return answer.json()

    def open(self, title, **fields):
        answer = self.post("/incidents", {"title": title, "actor": self.actor, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["incident"]

    def incident(self, id):
        return self.get(f"/incidents/{id}").json()["incident"]

    def list(self, **params):
        answer = self.get("/incidents", **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, **params):
        return [i["id"] for i in self.list(**params)["incidents"]]

    def ready(self):
        """The daemon's connection to Redis stands, and it knows its teams."""
        wait_until(lambda: self.get("/incidents").status_code == 200, "the API answers")
        return self

    def closed(self, title, **fields):
        """An incident opened by hand, worked and closed (P4: nobody has to confirm)."""
        id = self.open(title, impact="low", urgency="low", **fields)["id"]
        self.verb(id, "acknowledge")
        self.verb(id, "resolve", resolution="done")
        wait_until(lambda: self.incident(id)["state"] == "closed", f"{id} is closed")
        return id


def alert(name, severity="warning", **labels):
    return {"labels": {"alertname": name, "severity": severity, **labels},
            "annotations": {"summary": f"{name} happened"}}


def fire(api, store, name, severity="critical", **labels):
    """Sends an alert and returns the ID of the incident that it opens."""
    before = {i["id"] for i in store.incidents()}
    api.t.alerts(alert(name, severity, **labels))
    return store.wait_one(lambda i: i["id"] not in before)["id"]
