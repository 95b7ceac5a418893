"""Who may do what: every route by every role."""
import json
import re

import requests

from api import CONFIG, FAST, ROLES, Api, tokens
from conftest import ROOT

MATRIX = [  # method, path, body, least role
    ("GET", "/incidents", None, "viewer"), ("POST", "/incidents", {"title": "x"}, "responder"),
    ("GET", "/incidents/{id}", None, "viewer"), ("GET", "/incidents/{id}/alerts", None, "viewer"),
    ("GET", "/incidents/{id}/timeline", None, "viewer"), ("POST", "/incidents/{id}/note", {"text": "x"}, "responder"),
    ("POST", "/incidents/bulk", {"verb": "note", "ids": ["{id}"], "text": "x"}, "responder"),
    ("POST", "/next", {}, "responder"), ("GET", "/queues", None, "viewer"), ("GET", "/problems", None, "viewer"),
    ("POST", "/problems/PRB-1", {"state": "known"}, "manager"), ("GET", "/reviews", None, "viewer"),
    ("GET", "/reviews/{id}", None, "viewer"), ("POST", "/reviews/{closed}", {"lessons": "x"}, "manager"),
    ("GET", "/actions", None, "viewer"), ("POST", "/actions", {"text": "x"}, "responder"),
    ("GET", "/known-errors", None, "viewer"), ("POST", "/known-errors", {"id": "K", "match": ['a="b"']}, "manager"),
    ("GET", "/automation", None, "viewer"), ("GET", "/stats", None, "viewer"), ("GET", "/whoami", None, "viewer"),
    ("POST", "/heartbeats/backup", {}, "ingest"), ("GET", "/status", None, "anyone")]


def test_role_matrix(make_triaged, store):
    part, secrets = tokens()
    triaged = make_triaged(CONFIG + FAST + part, rules=False)
    boss = Api(triaged, token=secrets["manager"]).ready()
    ids = {"id": boss.open("x")["id"], "closed": boss.closed("y")}
    store.r.hset("triaged:{net}:problems", "PRB-1", json.dumps({"id": "PRB-1", "state": "open", "incidents": ["NET-1"]}))
    for method, path, body, least in MATRIX:
        for role in (None, *ROLES):
            api = Api(triaged, token=secrets.get(role))
            path_now = path.format(**ids)
            text = json.dumps(body).replace("{id}", ids["id"]) if body is not None else None
            answer = api.get(path_now) if method == "GET" else api.post(path_now, raw=text)
            if least == "anyone":
                want = 200
            elif role is None:
                want = 401
            elif least == "ingest":
                want = 200 if role in ("ingest", "manager", "admin") else 403
            else:
                want = 200 if role != "ingest" and ROLES.index(role) >= ROLES.index(least) else 403
            if path == "/next" and want == 200:
                assert answer.status_code in (200, 204)
            else:
                assert answer.status_code == want, (method, path, role, answer.status_code, answer.text)
            if want in (401, 403):
                assert answer.json()["error"]["code"] in ("unauthorized", "forbidden")


MAY = {  # what the table of routes says -> who may (None: without a token)
    "ANYONE": (None, *ROLES), "METRICS": ROLES, "INGEST": ("ingest", "manager", "admin"), "VIEWER": ROLES[1:],
    "RESPONDER": ROLES[2:], "MANAGER": ROLES[3:], "ADMIN": ROLES[4:]}


def test_every_route_of_the_table_by_every_role(make_triaged):
    """Refused is 401 or 403; whoever may comes so far that the request itself is looked at. A token that is wrong,
    or another's name with it, is nobody's."""
    part, secrets = tokens()
    triaged = make_triaged(CONFIG + FAST + part, rules=False)
    Api(triaged, token=secrets["manager"]).ready()
    rows = re.findall(r'\{HTTP_(GET|POST), "([^"]+)", ACCESS_(\w+),', (ROOT / "src/daemon/routes.c").read_text())
    assert len(rows) > 40
    for method, path, access in rows:
        url = triaged.url + path.replace("{}/{}", "NET-1/note").replace("{}", "NET-1").replace("/webhook/*", "/webhook/alertmanager")
        for role in (None, *ROLES):
            auth = (f"{role}-token", secrets[role]) if role else None  # Basic: name and secret
            body = "no JSON" if method == "POST" else None  # allowed, and then of no effect
            with requests.request(method, url, data=body, auth=auth, timeout=40, stream=True) as answer:
                refused = 401 if role is None else 403
                assert (answer.status_code == refused) == (role not in MAY[access]), (method, path, role, answer.status_code)
                assert answer.status_code < 500
    for wrong in (("viewer-token", secrets["admin"]), ("admin-token", "guess"), ("", ""), ("nobody", secrets["admin"])):
        assert requests.get(triaged.url + "/api/v1/whoami", auth=wrong, timeout=10).status_code == 401


def test_what_only_a_manager_may_do_to_an_incident(make_triaged):
    part, secrets = tokens()
    triaged = make_triaged(CONFIG + FAST + part, rules=False)
    boss, she = Api(triaged, None, secrets["manager"]).ready(), Api(triaged, None, secrets["responder"])
    id = she.open("x", impact="high", urgency="high", actor="she")["id"]
    assert she.incident(id)["team"] == "net"
    she.verb(id, "acknowledge", actor=None)
    assert she.incident(id)["assignee"] == "responder-token", "the token's name is the actor"
    she.verb(id, "resolve", resolution="x")
    assert she.verb(id, "close", 403, force=True, text="x")["error"]["code"] == "forbidden"
    boss.verb(id, "close", force=True, text="x")
    assert she.verb(id, "reopen", 403, text="x")["error"]["code"] == "forbidden"
    assert boss.verb(id, "reopen", text="x")["incident"]["state"] == "open"
    me = she.get("/whoami").json()
    assert (me["name"], me["role"]) == ("responder-token", "responder")
