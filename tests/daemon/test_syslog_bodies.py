"""CEF, LEEF and JSON bodies as labels: rules read them, and the kept verdicts stay right."""
import json

from test_decode_cli import decode

RULES = """
categories: [security]
teams: {net: {id: NET}}
default_team: net
rules:
  - {name: blocked, match: ['cef.device_vendor="Acme"', 'cef.ext.act="block"'], group_by: [cef.event_class_id],
     set: {category: security, impact: medium, urgency: high, title: "{{cef.name}} from {{cef.ext.src}}"}}
  - {name: paid, match: ['json.order.code="500"'], group_by: [app], set: {category: security, impact: low, urgency: low}}
  - {name: rest, match: ['source="syslog"'], drop: true}
"""
CEF = "<134>Nov 24 18:14:30 fw-1 CEF:0|Acme|Wall|1.2|{id}|worm|10|src=192.0.2.{n} act={act}"
ORDER = '<134>Nov 24 18:14:30 shop-1 shop[7]: @cee: {{"order": {{"id": {n}, "code": {code}}}}}'


def test_rules_read_bodies(make_triaged, store):
    """Messages of one skeleton that differ in a label of the body only: each is judged anew."""
    triaged = make_triaged(RULES, rules=False)
    triaged.send_tcp([line for n in range(1, 41) for line in (
        CEF.format(id=7, n=n, act="pass" if n % 2 else "block"), ORDER.format(n=n, code=200),
        ORDER.format(n=n, code=500 if n % 4 == 0 else 201))])
    blocked = store.wait_one(lambda i: i["title"].startswith("worm from 192.0.2."))
    assert blocked["group_key"] == "blocked{cef.event_class_id=7}"
    # A label of the body is no part of the alert that is kept: it differs with every message.
    assert not any(name.startswith("cef.") for a in blocked.alerts.values() for name in a["labels"])
    paid = store.wait_one(lambda i: i["category"] == "security" and i["group_key"] == "paid{app=shop}")
    count = lambda i: sum(int(a["count"]) for a in i.alerts.values())  # noqa: E731
    store.wait_one(lambda i: i["id"] == blocked["id"] and count(i) == 20, "20 blocked")
    store.wait_one(lambda i: i["id"] == paid["id"] and count(i) == 10, "10 failed")


def test_decode_shows_them():
    a, b, c = decode(CEF.format(id=7, n=1, act="block") + "\n" + ORDER.format(n=1, code=500) + "\n"
                     "<14>LEEF:2.0|Acme|Wall|1|deny|^|src=192.0.2.1^msg=two words\n")
    assert (a["labels"]["cef.name"], a["labels"]["cef.ext.act"]) == ("worm", "block")
    assert b["labels"]["json.order.id"] == "1" and json.loads(b["msg"][5:])["order"]["code"] == 500
    assert (c["labels"]["leef.event_id"], c["labels"]["leef.ext.msg"]) == ("deny", "two words")
    assert c["msg"].startswith("LEEF:2.0|")
