"""Options of a syslog listener that say which of two things in a message counts."""
CONFIG = """
categories: [network]
teams: {net: {id: NET}}
default_team: net
rules:
  - {name: crit, match: ['severity="crit"'], group_by: [host], set: {category: network, impact: low, urgency: low, title: "{{app}}"}}
  - {name: rest, match: ['source="syslog"'], drop: true}
"""
LISTEN = """listen:
  http: [{address: "127.0.0.1:0"}]
  syslog:
    - {address: "127.0.0.1:0", transport: udp}
    - {address: "127.0.0.1:0", transport: tcp, mnemonic_severity: true, inner_header: true}
"""
CISCO = "<189>29: %s: Nov 24 2024 18:14:30 UTC: %%LINK-2-DOWN: interface lost"
WRAPPED = "<13>Nov 24 18:14:30 relay-1 <34>Nov 24 18:14:29 %s su: denied"


def test_the_severity_of_a_mnemonic_and_the_inner_header(make_triaged, store):
    triaged = make_triaged(CONFIG, rules=False, listen=LISTEN)
    triaged.send_udp(CISCO % "plain-1", WRAPPED % "plain-2", "<34>Nov 24 18:14:30 last-1 su: denied")
    store.wait_one(lambda i: i["group_key"] == "crit{host=last-1}")
    triaged.send_tcp([CISCO % "sw-1", WRAPPED % "web-3"])
    store.wait_one(lambda i: i["group_key"] == "crit{host=sw-1}" and i["title"] == "%LINK-2-DOWN")
    store.wait_one(lambda i: i["group_key"] == "crit{host=web-3}" and i["title"] == "su")
    assert len(store.incidents()) == 3  # without the options: a notice each
