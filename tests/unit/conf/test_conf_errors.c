/* conf: every mistake has one sentence with its place. Rows: what a person wrote, what is said. */
#include "conf_util.h"

struct row {
    const char *yaml, *errors;
};

#define M   "match: []"
#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const struct row unknown_keys[] = {
    {"rule: []", "t.yaml:1:1: rule: unknown key (did you mean \"rules\"?)\n"},
    {"rules:\n  - {name: a, " M ", treshold: {}}",
     "t.yaml:2:26: rules[0].treshold: unknown key (did you mean \"threshold\"?)\n"},
    {"rules: [{name: a, " M ", team: network}]",
     "t.yaml:1:30: rules[0].team: unknown key (it belongs into \"set\")\n"},
    {"spool: {xyzzy: 1}",
     "t.yaml:1:9: spool.xyzzy: unknown key; known here: directory, sync, interval, max_size, "
     "segment_size, min_free, retain\n"},
    {"sla: {P5: {grace: 1h}}", "t.yaml:1:7: sla.P5: unknown key (did you mean \"P1\"?)\n"},
    {"listen: {http: [{address: \"127.0.0.1:1\", transport: tcp}]}",
     "t.yaml:1:42: listen.http[0].transport: unknown key; known here: address, tls, allow, "
     "labels\n"},
    {"limits: {http_idle_ms: 5s}",
     "t.yaml:1:10: limits.http_idle_ms: unknown key (did you mean \"http_idle\"?)\n"},
};

static const struct row wrong_types[] = {
    {"workers: [1]", "t.yaml:1:10: workers: must be a single value, not a list\n"},
    {"workers: two", "t.yaml:1:10: workers: \"two\" is not a whole number\n"},
    {"workers: \"2\"", "t.yaml:1:10: workers: \"2\" is not a whole number (leave the quotes "
                       "out)\n"},
    {"workers: -1", "t.yaml:1:10: workers: \"-1\" is not a whole number\n"},
    {"workers:", "t.yaml:1:9: workers: has no value; write one, or leave the key out (then it is "
                 "1)\n"},
    {"prefix: ~", "t.yaml:1:9: prefix: has no value; write one, or leave the key out (then it is "
                  "triaged)\n"},
    {"external_url:", "t.yaml:1:14: external_url: has no value; write one, or leave the key out\n"},
    {"spool: /var", "t.yaml:1:8: spool: must be a mapping of keys to values, not a text\n"},
    {"spool: []", "t.yaml:1:8: spool: must be a mapping of keys to values, not a list\n"},
    {"rules: {a: {}}", "t.yaml:1:8: rules: must be a list of mappings, not a mapping\n"},
    {"rules: [x]", "t.yaml:1:9: rules[0]: must be a mapping of keys to values, not a text\n"},
    {"services: [a]", "t.yaml:1:11: services: must be a mapping of keys to values, not a list\n"},
    {"rules: [{name: a, match: 'x=\"y\"'}]",
     "t.yaml:1:26: rules[0].match: must be a list of texts ([a, b] or lines that begin with "
     "\"- \"), not a text\n"},
    {"rules: [{name: a, match: [[x]]}]",
     "t.yaml:1:27: rules[0].match[0]: must be a text, not a list\n"},
    {"rules: [{name: a, match: [~]}]",
     "t.yaml:1:27: rules[0].match[0]: has no value; write a text or leave it out\n"},
    {"rules: [{name: a, match: ['']}]", "t.yaml:1:27: rules[0].match[0]: \"\" is empty\n"},
    {"rules: [{name: a, " M ", drop: yes}]",
     "t.yaml:1:36: rules[0].drop: \"yes\" is neither true nor false\n"},
    {"rules: [{name: a, " M ", drop: \"true\"}]",
     "t.yaml:1:36: rules[0].drop: \"true\" is neither true nor false\n"},
    {"include: a.yaml", "t.yaml:1:10: include: must be a list of texts ([a, b] or lines that "
                        "begin with \"- \"), not a text\n"},
    {"listen: {http: [{address: \"127.0.0.1:1\", labels: [a]}]}",
     "t.yaml:1:50: listen.http[0].labels: must be a mapping of keys to values, not a list\n"},
};

static const struct row wrong_values[] = {
    {"workers: 0", "t.yaml:1:10: workers: 0 is out of range: 1 to 64\n"},
    {"workers: 65", "t.yaml:1:10: workers: 65 is out of range: 1 to 64\n"},
    {"problems: {recurs: 1}", "t.yaml:1:20: problems.recurs: 1 is out of range: 2 to 1000\n"},
    {"queue: {claim_after: 2}", "t.yaml:1:22: queue.claim_after: \"2\" needs a unit: write 2s, 2m "
                                "or 2h\n"},
    {"queue: {claim_after: soon}", "t.yaml:1:22: queue.claim_after: \"soon\" is not a duration; "
                                   "write it like 30s, 15m, 1h30m or 2d\n"},
    {"queue: {claim_after: 500ms}",
     "t.yaml:1:22: queue.claim_after: \"500ms\" is out of range: 1s to 1d\n"},
    {"queue: {claim_after: none}", "t.yaml:1:22: queue.claim_after: \"none\" is not a duration; "
                                   "write it like 30s, 15m, 1h30m or 2d\n"},
    {"spool: {max_size: big}", "t.yaml:1:19: spool.max_size: \"big\" is not a size; write it like "
                               "4096, 64KiB, 8MiB or 1GiB\n"},
    {"spool: {max_size: 1KiB}", "t.yaml:1:19: spool.max_size: \"1KiB\" is too small: at least "
                                "64KiB\n"},
    {"spool: {max_size: 8MiB}", "t.yaml:1:19: spool.max_size: 8MiB is smaller than one segment "
                                "(segment_size is 16MiB)\n"},
    {"spool: {sync: allways}", "t.yaml:1:15: spool.sync: unknown sync policy \"allways\" (did you "
                               "mean \"always\"?)\n"},
    {"spool: {directory: ''}", "t.yaml:1:20: spool.directory: must name a file\n"},
    {"limits: {http_body: 128MiB}",
     "t.yaml:1:21: limits.http_body: all bodies together (http_bodies 64MiB) must have room for "
     "one (http_body 128MiB)\n"},
    {"prefix: a b", "t.yaml:1:9: prefix: \"a b\" is not a name: 1 to 64 of A-Z, a-z, 0-9, _ and "
                    "-\n"},
    {"zone: Europe/Berlni", "t.yaml:1:7: zone: \"Europe/Berlni\" is not a time zone of this "
                            "system (no zone file /usr/share/zoneinfo/Europe/Berlni); names look "
                            "like Europe/Berlin\n"},
    {"external_url: triaged.example.org",
     "t.yaml:1:15: external_url: \"triaged.example.org\" is not an URL that begins with http:// or "
     "https://\n"},
    {"redis: {url: localhost}", "t.yaml:1:14: redis.url: the value must be an URL like "
                                "unix:///run/redis/redis.sock or redis://127.0.0.1:6379/0\n"},
    {"redis: {url: \"reds://:secret@h\"}",
     "t.yaml:1:14: redis.url: the value begins with an unknown scheme (did you mean "
     "\"redis://\"?)\n"},
    {"redis: {url: \"unix://redis.sock\"}",
     "t.yaml:1:14: redis.url: the value must hold the absolute path of a socket: "
     "unix:///run/redis/redis.sock\n"},
    {"categories: [software, net work]",
     "t.yaml:1:24: categories[1]: \"net work\" is not a name: 1 to 64 of A-Z, a-z, 0-9, _ and -\n"},
    {"categories: []", "t.yaml:1:13: categories: must not be empty\n"},
};

static const struct row rule_errors[] = {
    {"rules: [{" M "}]", "t.yaml:1:9: rules[0]: needs \"name\": Unique name; part of the group "
                         "key\n"},
    {"rules: [{name: a}]",
     "t.yaml:1:9: rules[0]: needs \"match\": Matchers that must all hold, like "
     "'severity=\"critical\"' or 'app=~\"ssh.*\"'; [] matches every alert\n"},
    {"rules: [{name: 'a{b', " M "}]",
     "t.yaml:1:16: rules[0].name: \"a{b\" cannot hold braces or control characters\n"},
    {"rules:\n  - {name: a, " M "}\n  - {name: b, " M "}\n  - {name: a, " M "}",
     "t.yaml:4:12: rules[2].name: rule \"a\" already stands at t.yaml:2:12\n"},
    {"rules: [{name: a, " M ", set: {team: netwrk}}]",
     "t.yaml:1:42: rules[0].set.team: unknown team \"netwrk\" (did you mean \"network\"?)\n"},
    {"rules: [{name: a, " M ", set: {team: dba}}]",
     "t.yaml:1:42: rules[0].set.team: unknown team \"dba\"; teams are network, platform\n"},
    {"rules: [{name: a, " M ", set: {category: sofware}}]",
     "t.yaml:1:46: rules[0].set.category: unknown category \"sofware\" (did you mean "
     "\"software\"?)\n"},
    {"rules: [{name: a, " M ", set: {impact: hihg}}]",
     "t.yaml:1:44: rules[0].set.impact: unknown impact \"hihg\" (did you mean \"high\"?)\n"},
    {"rules: [{name: a, " M ", set: {urgency: asap}}]",
     "t.yaml:1:45: rules[0].set.urgency: unknown urgency \"asap\"; write high, medium or low\n"},
    {"rules: [{name: a, " M ", known_error: KE-1}]",
     "t.yaml:1:43: rules[0].known_error: unknown known error \"KE-1\"; no known errors are "
     "declared\n"},
    {"rules: [{name: a, " M ", threshold: {count: 1001, within: 1m}}]",
     "t.yaml:1:49: rules[0].threshold.count: 1001 is out of range: 1 to 1000\n"},
    {"rules: [{name: a, " M ", threshold: {count: 0, within: 1m}}]",
     "t.yaml:1:49: rules[0].threshold.count: 0 is out of range: 1 to 1000\n"},
    {"rules: [{name: a, " M ", threshold: {count: 5}}]",
     "t.yaml:1:41: rules[0].threshold: needs \"within\": within this time open an incident\n"},
    {"rules: [{name: a, " M ", drop: true, continue: true}]",
     "t.yaml:1:52: rules[0].continue: a rule that drops cannot continue; take one of the two "
     "out\n"},
    {"known_errors: [{id: KE-1, match: []}]",
     "t.yaml:1:34: known_errors[0].match: must not be empty\n"},
    {"known_errors: [{id: K, match: [a]}, {id: K, match: [b]}]",
     "t.yaml:1:42: known_errors[1].id: known error \"K\" already stands at t.yaml:1:21\n"},
    {"heartbeats: [{name: a/b, match: [x], every: 5m}]",
     "t.yaml:1:21: heartbeats[0].name: \"a/b\" is not a name: 1 to 64 of A-Z, a-z, 0-9, _, - and "
     ".\n"},
    {"heartbeats: [{name: a, match: [x], every: 5m, set: {team: plattform}}]",
     "t.yaml:1:59: heartbeats[0].set.team: unknown team \"plattform\" (did you mean "
     "\"platform\"?)\n"},
    {"services: {web: {team: netwrk}}",
     "t.yaml:1:24: services.web.team: unknown team \"netwrk\" (did you mean \"network\"?)\n"},
    {"webhooks: [{name: grafana, labels: {a: b}}]",
     "t.yaml:1:19: webhooks[0].name: \"grafana\" is built in; choose another name\n"},
    {"webhooks: [{name: x, labels: {}}]", "t.yaml:1:30: webhooks[0].labels: must not be empty\n"},
    {"webhooks: [{name: x, labels: {host: h}, identity: [hots]}]",
     "t.yaml:1:52: webhooks[0].identity[0]: unknown label \"hots\" (did you mean \"host\"?)\n"},
    {"webhooks: [{name: x, labels: {host: h}, resolved_values: [ok]}]",
     "t.yaml:1:58: webhooks[0].resolved_values: means nothing without state, the path to what is "
     "compared\n"},
};

static const struct row policy_errors[] = {
    {"priority: {matrix: {high: {high: P1, medium: P2, low: P3}, low: {high: P3, low: P4}}}",
     "t.yaml:1:65: priority.matrix.low: needs \"medium\": a matrix that is given must name the "
     "priority of every impact and urgency\n"
     "t.yaml:1:20: priority.matrix: needs \"medium\": a matrix that is given must name the "
     "priority of every impact and urgency\n"},
    {"priority: {urgency_from_severity: {critical: P1}}",
     "t.yaml:1:46: priority.urgency_from_severity.critical: unknown urgency \"P1\"; write high, "
     "medium or low\n"},
    {"priority: {blast_radius: [{systems: 10, impact: high}, {systems: 10, impact: medium}]}",
     "t.yaml:1:66: priority.blast_radius[1].systems: steps must ascend: 10 does not follow 10\n"
     "t.yaml:1:78: priority.blast_radius[1].impact: more systems cannot mean less impact (medium "
     "after high)\n"},
    {"sla: {P1: {acknowledge: 15m1ms}}",
     "t.yaml:1:25: sla.P1.acknowledge: is at most 15m for P1: nobody may leave it unassigned for "
     "longer\n"},
    {"sla: {P2: {acknowledge: none}}", "t.yaml:1:25: sla.P2.acknowledge: \"none\" is not a "
                                       "duration; write it like 30s, 15m, 1h30m or 2d\n"},
    {"sla: {P1: {tier2: 2h}}",
     "t.yaml:1:19: sla.P1.tier2: tier3 (1h) would come before tier2 (2h)\n"},
    {"sla: {P3: {confirm: yes}}", "t.yaml:1:21: sla.P3.confirm: unknown confirm \"yes\"; write "
                                  "required or optional\n"},
    {"maintenance: [{name: a, " M "}]",
     "t.yaml:1:15: maintenance[0]: needs a time: from and to, or weekly: {days: [sun], from: "
     "\"02:00\", to: \"04:00\"}\n"},
    {"maintenance: [{name: a, " M ", from: 2026-01-01T00:00:00Z}]",
     "t.yaml:1:15: maintenance[0]: needs \"to\" too\n"},
    {"maintenance: [{name: a, " M ", from: tomorrow, to: 2026-01-01T00:00:00Z}]",
     "t.yaml:1:42: maintenance[0].from: must be a time with its zone, like 2026-03-01T22:00:00Z or "
     "2026-03-01T23:00:00+01:00\n"},
    {"maintenance: [{name: a, " M ", from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z}]",
     "t.yaml:1:68: maintenance[0].to: the window ends before it begins\n"},
    {"maintenance: [{name: a, " M ", to: 2026-01-02T00:00:00Z, weekly: {days: [sun], from: 02:00, "
     "to: 24:01}}]",
     "t.yaml:1:101: maintenance[0].weekly.to: must be a time of day from 00:00 to 24:00, like "
     "\"02:30\"\n"
     "t.yaml:1:15: maintenance[0]: is either a single window (from, to) or weekly, not both\n"},
    {"maintenance: [{name: a, " M ", weekly: {days: [sunn, [x]], from: 24:00, to: 1}}]",
     "t.yaml:1:52: maintenance[0].weekly.days[0]: unknown day \"sunn\" (did you mean \"sun\"?); "
     "write mon, tue, wed, thu, fri, sat or sun\n"
     "t.yaml:1:58: maintenance[0].weekly.days[1]: must be a day, not a list\n"
     "t.yaml:1:70: maintenance[0].weekly.from: must be a time of day from 00:00 to 23:59, like "
     "\"02:30\"\n"
     "t.yaml:1:81: maintenance[0].weekly.to: must be a time of day from 00:00 to 24:00, like "
     "\"02:30\"\n"},
    {"maintenance: [{name: a, " M ", weekly: {days: sun, from: 01:00, to: 02:00, zone: Mars}}]",
     "t.yaml:1:51: maintenance[0].weekly.days: must be a list of days, like [sat, sun]\n"
     "t.yaml:1:86: maintenance[0].weekly.zone: \"Mars\" is not a time zone of this system (no "
     "zone file /usr/share/zoneinfo/Mars); names look like Europe/Berlin\n"},
};

#define HTTP(address) "listen: {http: [{address: \"" address "\"}]}"
#define SYSLOG(rest)  "listen: {syslog: [{address: " rest "}]}"

static const struct row listener_errors[] = {
    {HTTP("127.0.0.1"), "t.yaml:1:27: listen.http[0].address: \"127.0.0.1\" needs a port, like "
                        "127.0.0.1:9193 or [::1]:9193\n"},
    {HTTP("127.0.0.1:65536"), "t.yaml:1:27: listen.http[0].address: \"127.0.0.1:65536\" needs a "
                              "port from 0 to 65535 after the last colon\n"},
    {HTTP("127.0.0.1:http"), "t.yaml:1:27: listen.http[0].address: \"127.0.0.1:http\" needs a "
                             "port from 0 to 65535 after the last colon\n"},
    {HTTP("::1:9193"), "t.yaml:1:27: listen.http[0].address: \"::1:9193\" an IPv6 address needs "
                       "brackets, like [::1]:9193\n"},
    {HTTP("[::1]"), "t.yaml:1:27: listen.http[0].address: \"[::1]\" needs a port, like "
                    "127.0.0.1:9193 or [::1]:9193\n"},
    {HTTP(":9193"), "t.yaml:1:27: listen.http[0].address: \":9193\" needs an address; write "
                    "0.0.0.0 or [::] for every interface\n"},
    {HTTP("triage.example.org:80"),
     "t.yaml:1:27: listen.http[0].address: \"triage.example.org:80\" must be numeric, like "
     "127.0.0.1:9193 or [::1]:9193 (names are not looked up)\n"},
    {HTTP("/run/x.sock"), "t.yaml:1:27: listen.http[0].address: an HTTP listener takes host:port, "
                          "like 127.0.0.1:9193, not a path\n"},
    {HTTP("0.0.0.0:9193"),
     "t.yaml:1:27: listen.http[0].address: listens beyond this machine, so it needs tokens; write "
     "for example auth: {tokens: [{name: prometheus, role: ingest, sha256: \"...\"}]} with the "
     "output of: printf %s TOKEN | sha256sum, or listen on 127.0.0.1\n"},
    {"listen: {http: [{address: \"127.0.0.1:1\", tls: {key: k}}]}",
     "t.yaml:1:47: listen.http[0].tls: needs \"certificate\": PEM file with the certificate chain, "
     "the server's own first\n"},
    {SYSLOG("\"0.0.0.0:514\", transport: udp"),
     "t.yaml:1:29: listen.syslog[0].address: takes syslog from beyond this machine, so it must say "
     "from whom; write for example allow: [\"10.0.0.0/8\"], or transport: tls with tls.client_ca, "
     "or listen on 127.0.0.1\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: pigeon"),
     "t.yaml:1:57: listen.syslog[0].transport: unknown transport \"pigeon\"; write udp, tcp, tls, "
     "unix, unix-dgram or relp\n"},
    {SYSLOG("\"127.0.0.1:514\""),
     "t.yaml:1:19: listen.syslog[0]: needs \"transport\": How messages come: udp, tcp, tls, relp, "
     "unix (stream) or unix-dgram\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: udp, severity: warn"),
     "t.yaml:1:72: listen.syslog[0].severity: unknown severity \"warn\"; write emerg, alert, crit, "
     "err, warning, notice, info or debug\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: udp, proxy: true"),
     "t.yaml:1:69: listen.syslog[0].proxy: a PROXY header comes on transport: tcp, tls or relp "
     "only; take proxy out\n"},
    {SYSLOG("/run/x, transport: unix, proxy: true"),
     "t.yaml:1:61: listen.syslog[0].proxy: a PROXY header comes on transport: tcp, tls or relp "
     "only; take proxy out\n"},
    {SYSLOG("\"0.0.0.0:514\", transport: relp, proxy: true, tls: {certificate: c, key: k, "
            "client_ca: c}"),
     "t.yaml:1:68: listen.syslog[0].proxy: a PROXY header is believed, so allow must name the load "
     "balancers; write for example allow: [\"192.0.2.10\"]\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: tls"),
     "t.yaml:1:57: listen.syslog[0].transport: tls needs a certificate; write tls: {certificate: "
     "FILE, key: FILE}\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: tcp, tls: {certificate: c, key: k}"),
     "t.yaml:1:81: listen.syslog[0].tls.certificate: a certificate is used by transport: tls and "
     "relp only; change the transport or take tls out\n"},
    {SYSLOG("run/x, transport: unix"),
     "t.yaml:1:29: listen.syslog[0].address: a unix listener needs the absolute path of its "
     "socket, like /run/triaged/syslog.sock\n"},
    {SYSLOG("/run/x, transport: udp"), "t.yaml:1:48: listen.syslog[0].transport: an address that "
                                       "is a path needs transport: unix or unix-dgram\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: udp, allow: [10.0.0.0/33, x, 10.0.0.0/8/8, \"\"]"),
     "t.yaml:1:70: listen.syslog[0].allow[0]: \"10.0.0.0/33\" needs 0 to 32 bits after the slash\n"
     "t.yaml:1:83: listen.syslog[0].allow[1]: \"x\" is not a network like 10.0.0.0/8 or "
     "2001:db8::/32\n"
     "t.yaml:1:86: listen.syslog[0].allow[2]: \"10.0.0.0/8/8\" needs 0 to 32 bits after the "
     "slash\n"
     "t.yaml:1:100: listen.syslog[0].allow[3]: \"\" is not a network like 10.0.0.0/8 or "
     "2001:db8::/32\n"},
    {SYSLOG("\"127.0.0.1:514\", transport: udp, max_message: 479B"),
     "t.yaml:1:75: listen.syslog[0].max_message: \"479B\" is out of range: 480 to 16MiB\n"},
    {"listen: {syslog: [{address: \"127.0.0.1:9193\", transport: tcp}]}",
     "t.yaml:1:29: listen.syslog[0].address: 127.0.0.1:9193 is already listened on by "
     "listen.http[0], a built-in default\n"},
    {"listen:\n  syslog:\n    - {address: \"[::1]:1\", transport: tcp}\n"
     "    - {address: \"[::1]:1\", transport: udp}\n    - {address: \"[::1]:01\", transport: tcp}",
     "t.yaml:5:17: listen.syslog[2].address: [::1]:1 is already listened on by listen.syslog[0] "
     "(t.yaml:3:7)\n"},
};

static const struct row auth_errors[] = {
    {"auth: {tokens: [{name: a, role: root, sha256: " HEX "}]}",
     "t.yaml:1:33: auth.tokens[0].role: unknown role \"root\"; write ingest, viewer, responder, "
     "manager or admin\n"},
    {"auth: {tokens: [{name: a, role: admin, sha256: hunter2}]}",
     "t.yaml:1:48: auth.tokens[0].sha256: the value must be the token's SHA-256, 64 hex digits: "
     "printf %s TOKEN | sha256sum\n"},
    {"auth: {tokens: [{name: 'a:b', role: admin, sha256: " HEX "}]}",
     "t.yaml:1:24: auth.tokens[0].name: \"a:b\" is not a token's name: 1 to 64 of A-Z, a-z, 0-9, "
     "_, -, ., @ and +\n"},
    {"auth: {tokens: [{name: a, role: admin, team: nework, sha256: " HEX "}]}",
     "t.yaml:1:46: auth.tokens[0].team: unknown team \"nework\" (did you mean \"network\"?)\n"},
    {"auth:\n  tokens:\n    - {name: a, role: admin, sha256: " HEX "}\n"
     "    - {name: b, role: admin, sha256: " HEX "}\n"
     "    - {name: a, role: viewer, sha256: " HEX "}",
     "t.yaml:5:14: auth.tokens[2].name: token \"a\" already stands at t.yaml:3:14\n"
     "t.yaml:4:38: auth.tokens[1].sha256: is the same token as \"a\"; each name needs its own\n"
     "t.yaml:5:39: auth.tokens[2].sha256: is the same token as \"b\"; each name needs its own\n"},
};

/* Without the teams that the other rows get. */
static const struct row team_errors[] = {
    {"", "t.yaml: teams: at least one team is needed; write for example teams: {operations: {id: "
         "OPS}} and default_team: operations\n"},
    {"teams:\n", "t.yaml:1:7: teams: at least one team is needed; write for example teams: "
                 "{operations: {id: OPS}} and default_team: operations\n"},
    {"teams: {ops: {id: OPS}}", "t.yaml: default_team: is missing: say which team gets what no "
                                "rule assigns, for example default_team: ops\n"},
    {"teams: {ops: {id: OPS}}\ndefault_team: opps",
     "t.yaml:2:15: default_team: unknown team \"opps\" (did you mean \"ops\"?)\n"},
    {"teams: {ops: {lead: x}}\ndefault_team: ops",
     "t.yaml:1:14: teams.ops: needs \"id\": Start of its incidents' numbers, like NET in NET-42\n"},
    {"teams: {ops: {id: ops}, Z: {id: ABCDEFGHIJK}}\ndefault_team: ops",
     "t.yaml:1:19: teams.ops.id: \"ops\" is not a team id: a capital letter and up to 9 capitals "
     "or digits, like NET\n"
     "t.yaml:1:33: teams.Z.id: \"ABCDEFGHIJK\" is not a team id: a capital letter and up to 9 "
     "capitals or digits, like NET\n"},
    {"teams:\n  a: {id: OPS}\n  b: {id: OPS}\ndefault_team: a",
     "t.yaml:3:11: teams.b.id: team \"a\" already has the id OPS (t.yaml:2:3)\n"},
    {"teams: {o ps: {id: OPS}}\ndefault_team: o ps",
     "t.yaml:1:9: teams.o ps: \"o ps\" is not a name: 1 to 64 of A-Z, a-z, 0-9, _ and -\n"},
    {"teams: {ops: {id: OPS}, ops: {id: OPT}}", "t.yaml:1:25: duplicate key \"ops\" (first at line "
                                                "1)\n"},
    {"[a]", "t.yaml:1:1: the file must hold keys, like \"teams:\", not a list\n"},
    {"teams", "t.yaml:1:1: the file must hold keys, like \"teams:\", not a text\n"},
    {"teams: [\n", "t.yaml:2:1: expected a value here (a bracket is not closed, or a comma too "
                   "many)\n"},
};

static void run(const struct row *rows, size_t n, const char *more)
{
    for (size_t i = 0; i < n; i++)
        expect_errors(rows[i].yaml, more, rows[i].errors);
}

#define TABLE_TEST(table, more)                                                                    \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        run(table, ARRAY_LEN(table), more);                                                        \
    }
TABLE_TEST(unknown_keys, TEAMS)
TABLE_TEST(wrong_types, TEAMS)
TABLE_TEST(wrong_values, TEAMS)
TABLE_TEST(rule_errors, TEAMS)
TABLE_TEST(policy_errors, TEAMS)
TABLE_TEST(listener_errors, TEAMS)
TABLE_TEST(auth_errors, TEAMS)
TABLE_TEST(team_errors, "")

static void limits_at_their_edges(void **state)
{
    (void)state;
    static const char *const good[] = {
        "workers: 1",
        "workers: 64",
        "sla: {P1: {acknowledge: 15m}, P2: {acknowledge: 1s}, P3: {acknowledge: none}}",
        "rules: [{name: a, " M ", threshold: {count: 1, within: 1s}}]",
        "rules: [{name: a, " M ", threshold: {count: 1000, within: 30d}}]",
        "spool: {max_size: 16MiB}",
        "limits: {http_body: 64MiB}",
        HTTP("127.255.0.1:0"),
        HTTP("[::ffff:127.0.0.1]:65535"),
        SYSLOG("\"127.0.0.1:514\", transport: udp, allow: [0.0.0.0/0, 1.2.3.4, \"::/128\"]"),
        "teams: {x: {id: A}, y: {id: ABCDEFGHI9}}\ndefault_team: x\n#",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char *text = NULL;
        bool own = good[i][0] == 't';
        assert_true(asprintf(&text, "%s%s", good[i], own ? "" : TEAMS) > 0);
        conf_unref(load_good(text));
        free(text);
    }
}

/* Beyond DIAG_MAX findings are counted, not shown, and nothing becomes slow. */
static void thousands_of_errors_are_counted(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    fputs("rules:\n", f);
    for (int i = 0; i < 3000; i++)
        fprintf(f, "  - {name: r%d, " M ", set: {team: t%d}}\n", i, i);
    fputs(TEAMS, f);
    fclose(f);
    struct diag why;
    diag_init(&why);
    assert_null(conf_load_text("t.yaml", str_c(text), NULL, &why));
    assert_int_equal(why.n, DIAG_MAX);
    assert_int_equal(why.errors, 3000);
    diag_finish(&why);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_keys),     cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_wrong_values),     cmocka_unit_test(test_rule_errors),
        cmocka_unit_test(test_policy_errors),    cmocka_unit_test(test_listener_errors),
        cmocka_unit_test(test_auth_errors),      cmocka_unit_test(test_team_errors),
        cmocka_unit_test(limits_at_their_edges), cmocka_unit_test(thousands_of_errors_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
