/* conf: defaults, every kind of value, completion, sharing, restart-only keys. */
#include <time.h>

#include "conf_util.h"

enum { SEC = 1000, MIN = 60 * SEC, HOUR = 60 * MIN };
#define DAY (24LL * HOUR)

static void defaults_of_the_host(void **state)
{
    (void)state;
    struct conf *c = load_good("teams: {ops: {id: OPS}}\ndefault_team: ops\n");
    assert_int_equal(c->n_http, 1);
    assert_str(c->http[0].address, "127.0.0.1:9193");
    assert_int_equal(c->http[0].transport, TRANSPORT_TCP);
    assert_int_equal(c->http[0].tls.certificate.n, 0);
    assert_int_equal(c->n_syslog, 2);
    assert_str(c->syslog[0].address, "127.0.0.1:5514");
    assert_int_equal(c->syslog[0].transport, TRANSPORT_UDP);
    assert_int_equal(c->syslog[1].transport, TRANSPORT_TCP);
    assert_int_equal(c->syslog[1].max_message, 64 * 1024);
    assert_str(c->syslog[1].zone, "");
    assert_str(c->redis_url, "unix:///run/redis/redis.sock");
    assert_str(c->prefix, "triaged");
    assert_str(c->spool.directory, "/var/lib/triaged/spool");
    assert_int_equal(c->spool.sync, SPOOL_ALWAYS);
    assert_int_equal(c->spool.interval_ms, SEC);
    assert_int_equal(c->spool.max_size, 1 << 30);
    assert_int_equal(c->spool.segment_size, 16 << 20);
    assert_int_equal(c->spool.min_free, 64 << 20);
    assert_int_equal(c->spool.retain_ms, MIN);
    assert_int_equal(c->workers, 1);
    assert_int_equal(c->n_tokens, 0);
    assert_int_equal(c->limits.http_header, 64 << 10);
    assert_int_equal(c->limits.http_body, 8 << 20);
    assert_int_equal(c->limits.http_bodies, 64 << 20);
    assert_int_equal(c->limits.http_connections, 4096);
    assert_int_equal(c->limits.http_idle_ms, MIN);
    assert_int_equal(c->limits.http_answer_ms, 30 * SEC);
    assert_int_equal(c->limits.syslog_connections, 4096);
    assert_int_equal(c->limits.syslog_idle_ms, 0);
    assert_int_equal(c->limits.alerts_per_request, 10000);
    assert_int_equal(c->limits.labels_per_alert, 128);
    assert_int_equal(c->limits.label_name, 1024);
    assert_int_equal(c->limits.label_value, 16 << 10);
    assert_int_equal(c->limits.annotation_value, 64 << 10);
    assert_int_equal(c->limits.fold_entries, 65536);
    assert_int_equal(c->limits.verdicts_cached, 65536);
    conf_unref(c);
}

static const struct conf_sla sla_expected[PRIORITY_N] = {
    {5 * MIN, HOUR, 30 * MIN, HOUR, 30 * MIN, 30 * MIN, 30 * MIN, 2 * DAY, true},
    {15 * MIN, 4 * HOUR, 2 * HOUR, 4 * HOUR, HOUR, HOUR, HOUR, 2 * DAY, true},
    {4 * HOUR, DAY, DAY, 3 * DAY, 0, 4 * HOUR, 4 * HOUR, 2 * DAY, false},
    {DAY, 3 * DAY, 0, 0, 0, DAY, DAY, 2 * DAY, false},
};

static void expect_sla(const struct conf_sla *got, const struct conf_sla *want)
{
    assert_int_equal(got->acknowledge_ms, want->acknowledge_ms);
    assert_int_equal(got->reacknowledge_ms, want->reacknowledge_ms);
    assert_int_equal(got->tier2_ms, want->tier2_ms);
    assert_int_equal(got->tier3_ms, want->tier3_ms);
    assert_int_equal(got->update_every_ms, want->update_every_ms);
    assert_int_equal(got->grace_ms, want->grace_ms);
    assert_int_equal(got->reopen_within_ms, want->reopen_within_ms);
    assert_int_equal(got->confirm_within_ms, want->confirm_within_ms);
    assert_int_equal(got->confirm_required, want->confirm_required);
}

static void defaults_of_the_policy(void **state)
{
    (void)state;
    static const enum priority matrix[LEVEL_N][LEVEL_N] = {
        {P1, P2, P3}, {P2, P3, P4}, {P3, P4, P4}};
    struct conf *c = load_good("teams: {ops: {id: OPS}}\ndefault_team: ops\n");
    for (int i = 0; i < LEVEL_N; i++)
        for (int u = 0; u < LEVEL_N; u++)
            assert_int_equal(c->priority.matrix[i][u], matrix[i][u]);
    assert_int_equal(c->priority.urgency[0], LEVEL_HIGH);
    assert_int_equal(c->priority.urgency[1], LEVEL_MEDIUM);
    assert_int_equal(c->priority.urgency[2], LEVEL_MEDIUM);
    assert_int_equal(c->priority.urgency[3], LEVEL_LOW);
    assert_int_equal(c->priority.n_blast, 2);
    assert_int_equal(c->priority.blast[0].systems, 10);
    assert_int_equal(c->priority.blast[0].impact, LEVEL_MEDIUM);
    assert_int_equal(c->priority.blast[1].systems, 50);
    assert_int_equal(c->priority.blast[1].impact, LEVEL_HIGH);
    for (int p = 0; p < PRIORITY_N; p++)
        expect_sla(&c->sla[p], &sla_expected[p]);
    assert_int_equal(c->n_categories, 4);
    assert_str(c->categories[0], "software");
    assert_str(c->categories[3], "security");
    assert_int_equal(c->retention_closed_ms, 90 * DAY);
    assert_int_equal(c->alerts_per_incident, 10000);
    assert_int_equal(c->claim_after_ms, 2 * MIN);
    assert_int_equal(c->give_up_ms, 15 * MIN);
    assert_str(c->external_url, "");
    assert_str(c->watchdog_url, "");
    assert_str(c->zone, "UTC");
    assert_int_equal(c->problems.recurs, 3);
    assert_int_equal(c->problems.within_ms, 7 * DAY);
    assert_int_equal(c->problems.systems, 5);
    assert_int_equal(c->automation_uses, 3);
    assert_int_equal(c->flap.reopens, 3);
    assert_int_equal(c->flap.within_ms, HOUR);
    assert_int_equal(c->flap.settle_ms, 30 * MIN);
    assert_int_equal(c->defaults.group_by_labels.n, 4);
    assert_str(c->defaults.group_by_labels.v[1].s, "cluster");
    assert_int_equal(c->defaults.group_by_syslog.n, 2);
    assert_str(c->defaults.group_by_syslog.v[1].s, "skeleton");
    assert_int_equal(c->defaults.resolve_after_ms, HOUR);
    assert_int_equal(c->defaults.settle_ms, 0);
    assert_int_equal(c->defaults.join_within_ms, DAY);
    assert_int_equal(c->defaults.webhook_lease_ms, DAY);
    assert_int_equal(c->defaults.api_lease_ms, 5 * MIN);
    assert_int_equal(c->n_rules + c->n_services + c->n_known_errors + c->n_heartbeats +
                         c->n_maintenance + c->n_mappings,
                     0);
    conf_unref(c);
}

static const char rules_yaml[] =
    "services:\n"
    "  checkout: {impact: high, users: 120000, team: network, value: \"10k an hour\",\n"
    "             match: ['service=\"checkout\"'], logs: \"https://logs/{{host}}\"}\n"
    "rules:\n"
    "  - name: disk-full\n"
    "    match: ['alertname=~\"NodeFilesystem.*\"', 'severity=\"critical\"']\n"
    "    set: {category: hardware, subcategory: disk, team: platform, service: checkout,\n"
    "          impact: medium, urgency: high, title: \"Disk filling on {{instance}}\"}\n"
    "    group_by: [alertname, cluster]\n"
    "    runbook: \"https://runbooks/disk\"\n"
    "    known_error: KE-7\n"
    "    resolve_after: 2h\n"
    "    settle: none\n"
    "    join_within: 1d\n"
    "  - name: ssh-bruteforce\n"
    "    match: ['message=~\"Failed (?P<client>\\\\S+) .*\"']\n"
    "    threshold: {count: 20, within: 1m, per: [host, client]}\n"
    "    continue: true\n"
    "    group_by: []\n"
    "  - {name: rest, match: [], drop: true}\n"
    "known_errors:\n"
    "  - {id: KE-7, match: ['alertname=\"NFSStale\"'], workaround: remount, kb: \"https://kb/7\"}\n"
    "heartbeats:\n"
    "  - {name: prometheus-eu, match: ['alertname=\"Watchdog\"'], every: 5m,\n"
    "     set: {category: software, impact: high, urgency: high}}\n";

static void rules_are_read_as_written(void **state)
{
    (void)state;
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s", rules_yaml, TEAMS) > 0);
    struct conf *c = load_good(text);
    free(text);
    assert_int_equal(c->n_rules, 3);
    const struct conf_rule *r = c->rules;
    assert_str(r->name, "disk-full");
    assert_int_equal(r->match.n, 2);
    assert_str(r->match.v[1].s, "severity=\"critical\"");
    assert_string_equal(r->match.v[1].place.file, "t.yaml");
    assert_int_equal(r->match.v[1].place.line, 6);
    assert_int_equal(r->match.v[1].place.column, 46);
    assert_string_equal(r->match.v[1].place.path, "rules[0].match[1]");
    assert_str(r->set.category, "hardware");
    assert_str(r->set.subcategory, "disk");
    assert_str(r->set.service, "checkout");
    assert_int_equal(r->set.impact, LEVEL_MEDIUM);
    assert_int_equal(r->set.urgency, LEVEL_HIGH);
    assert_str(r->set.title.s, "Disk filling on {{instance}}");
    assert_string_equal(r->set.title.place.path, "rules[0].set.title");
    assert_int_equal(r->set.summary.s.n, 0);
    assert_string_equal(r->set.place.path, "rules[0].set");
    assert_true(r->has_group_by);
    assert_int_equal(r->group_by.n, 2);
    assert_str(r->known_error, "KE-7");
    assert_int_equal(r->resolve_after_ms, 2 * HOUR);
    assert_int_equal(r->settle_ms, 0);
    assert_int_equal(r->join_within_ms, DAY);
    assert_int_equal(r->threshold.count, 0);
    assert_int_equal(r->place.line, 5);
    assert_string_equal(r->place.path, "rules[0]");
    r++;
    assert_str(r->match.v[0].s, "message=~\"Failed (?P<client>\\\\S+) .*\"");
    assert_int_equal(r->threshold.count, 20);
    assert_int_equal(r->threshold.within_ms, MIN);
    assert_str(r->threshold.per.v[1].s, "client");
    assert_true(r->goes_on);
    assert_true(r->has_group_by);
    assert_int_equal(r->group_by.n, 0);
    assert_int_equal(r->settle_ms, -1);
    assert_int_equal(r->set.impact, LEVEL_UNSET);
    assert_string_equal(r->set.place.path, "rules[1]");
    r++;
    assert_true(r->drop);
    assert_false(r->goes_on);
    assert_false(r->has_group_by);
    assert_int_equal(r->match.n, 0);
    assert_int_equal(c->n_services, 1);
    assert_str(c->services[0].name, "checkout");
    assert_int_equal(c->services[0].users, 120000);
    assert_int_equal(c->services[0].impact, LEVEL_HIGH);
    assert_str(c->services[0].value, "10k an hour");
    assert_string_equal(c->services[0].place.path, "services.checkout");
    assert_int_equal(c->services[0].place.line, 2);
    assert_int_equal(c->services[0].place.column, 3);
    assert_str(c->known_errors[0].workaround, "remount");
    assert_int_equal(c->heartbeats[0].every_ms, 5 * MIN);
    assert_int_equal(c->heartbeats[0].set.urgency, LEVEL_HIGH);
    conf_unref(c);
}

static void windows_once_and_weekly(void **state)
{
    (void)state;
    struct conf *c = load_good(
        "zone: Europe/Berlin\n"
        "maintenance:\n"
        "  - {name: weekly patching, match: ['a=\"b\"'],\n"
        "     weekly: {days: [sun, Monday], from: \"02:00\", to: 24:00, zone: UTC}}\n"
        "  - {name: move, match: [], from: 2026-03-01T22:00:00Z, to: 2026-03-02T00:00:00+01:00}\n"
        "  - {name: night, match: [], weekly: {days: [fri], from: 22:30, to: 6:00}}" TEAMS);
    const struct conf_maintenance *m = c->maintenance;
    assert_int_equal(m[0].days, 1u << 6 | 1);
    assert_int_equal(m[0].from_minute, 120);
    assert_int_equal(m[0].to_minute, 1440);
    assert_str(m[0].zone, "UTC");
    assert_int_equal(m[0].from_ms, 0);
    assert_true(m[1].from_ms == 1772402400000);
    assert_true(m[1].to_ms == 1772406000000);
    assert_int_equal(m[1].days, 0);
    assert_int_equal(m[2].from_minute, 22 * 60 + 30);
    assert_int_equal(m[2].to_minute, 360);
    assert_str(m[2].zone, "Europe/Berlin");
    conf_unref(c);
}

static void webhooks_and_listeners(void **state)
{
    (void)state;
    struct conf *c = load_good(
        "webhooks:\n"
        "  - {name: backup, labels: {alertname: check.name, host: client}, state: s,\n"
        "     annotations: {summary: message}, identity: [host]}\n"
        "listen:\n"
        "  http: [{address: \"[::1]:0\", labels: {site: eu-1}},\n"
        "         {address: \"localhost:8080\", tls: {certificate: c.pem, key: /k.pem}}]\n"
        "  syslog:\n"
        "    - {address: \"0.0.0.0:514\", transport: udp, allow: [10.0.0.0/8, \"::1\"]}\n"
        "    - {address: /run/x.sock, transport: unix-dgram, max_message: 2MiB, zone: Asia/Tokyo}\n"
        "    - {address: \"[::]:6514\", transport: tls,\n"
        "       tls: {certificate: c, key: k, client_ca: ca}}\n"
        "    - {address: \"127.0.0.1:2514\", transport: relp, proxy: true, rate: 500,\n"
        "       severity: info, tls: {certificate: c, key: k}}\n"
        "auth: {tokens: [{name: p, role: admin, team: network, sha256: "
        "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08}]}\n"
        "external_url: https://triaged.example.org//\n" TEAMS);
    assert_int_equal(c->n_mappings, 1);
    assert_int_equal(c->mappings[0].labels.n, 2);
    assert_str(c->mappings[0].labels.v[0].name, "alertname");
    assert_str(c->mappings[0].labels.v[0].value, "check.name");
    assert_int_equal(c->mappings[0].resolved_values.n, 4);
    assert_str(c->mappings[0].identity.v[0].s, "host");
    assert_str(c->http[0].address, "[::1]:0");
    assert_str(c->http[0].labels.v[0].value, "eu-1");
    assert_str(c->http[1].address, "127.0.0.1:8080");
    assert_str(c->http[1].tls.certificate, "c.pem");
    assert_str(c->http[1].tls.key, "/k.pem");
    assert_int_equal(c->syslog[0].allow.n, 2);
    assert_int_equal(c->syslog[1].transport, TRANSPORT_UNIX_DGRAM);
    assert_int_equal(c->syslog[1].max_message, 2 << 20);
    assert_str(c->syslog[1].zone, "Asia/Tokyo");
    assert_str(c->syslog[2].tls.client_ca, "ca");
    assert_false(c->syslog[2].proxy);
    assert_int_equal(c->syslog[2].rate, 0);
    assert_int_equal(c->syslog[2].floor, 0);
    assert_int_equal(c->syslog[3].transport, TRANSPORT_RELP);
    assert_true(c->syslog[3].proxy);
    assert_int_equal(c->syslog[3].rate, 500);
    assert_int_equal(c->syslog[3].floor, 7); /* LOG_INFO + 1 */
    assert_int_equal(c->tokens[0].role, ROLE_ADMIN);
    assert_str(c->tokens[0].sha256,
               "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    assert_str(c->external_url, "https://triaged.example.org");
    conf_unref(c);
}

static void given_rows_merge_over_defaults(void **state)
{
    (void)state;
    struct conf *c = load_good(
        "sla: {P1: {acknowledge: 2m}, P3: {grace: 1h, update_every: 2h, confirm: required},\n"
        "      P4: {reopen_within: 1w, tier2: 5d}, P2: {tier2: none}}\n"
        "priority: {urgency_from_severity: {warning: low},\n"
        "  matrix: {high: {high: P1, medium: P1, low: P2}, medium: {high: P2, medium: P3, low: P3},\n"
        "           low: {high: P4, medium: P4, low: P4}}}\n"
        "listen: {syslog: []}\nheartbeats:\nrules: ~\n" TEAMS);
    struct conf_sla p1 = sla_expected[P1], p3 = sla_expected[P3], p4 = sla_expected[P4];
    p1.acknowledge_ms = 2 * MIN;
    p3.grace_ms = p3.reopen_within_ms = HOUR;
    p3.update_every_ms = 2 * HOUR;
    p3.confirm_required = true;
    p4.reopen_within_ms = 7 * DAY;
    p4.tier2_ms = 5 * DAY;
    expect_sla(&c->sla[P1], &p1);
    expect_sla(&c->sla[P3], &p3);
    expect_sla(&c->sla[P4], &p4);
    assert_int_equal(c->sla[P2].tier2_ms, 0);
    assert_int_equal(c->priority.matrix[LEVEL_HIGH][LEVEL_MEDIUM], P1);
    assert_int_equal(c->priority.matrix[LEVEL_LOW][LEVEL_HIGH], P4);
    assert_int_equal(c->priority.urgency[2], LEVEL_LOW);
    assert_int_equal(c->priority.urgency[0], LEVEL_HIGH);
    assert_int_equal(c->n_syslog, 0);
    assert_int_equal(c->n_http, 1);
    conf_unref(c);
}

static void shared_and_asked(void **state)
{
    (void)state;
    struct conf *c = load_good(TEAMS);
    assert_ptr_equal(conf_ref(c), c);
    conf_unref(c);
    assert_str(conf_team(c, S("network"))->id, "NET");
    assert_null(conf_team(c, S("netwrk")));
    conf_unref(c);
    conf_unref(NULL);
    enum level l;
    assert_true(level_from_name(S("low"), &l));
    assert_int_equal(l, LEVEL_LOW);
    assert_false(level_from_name(S("Low"), &l));
    assert_string_equal(level_name(LEVEL_MEDIUM), "medium");
    assert_string_equal(level_name(LEVEL_UNSET), "");
    assert_string_equal(priority_name(P4), "P4");
}

static void restart_only_keys_stay(void **state)
{
    (void)state;
    struct conf *a = load_good(TEAMS);
    struct conf *b = load_good("workers: 4\nprefix: t2\nspool: {directory: /s, retain: 5m}\n" TEAMS);
    struct diag why;
    diag_init(&why);
    conf_keep_restart_only(a, a, &why);
    expect_findings("same", &why, "");
    conf_keep_restart_only(a, b, &why);
    expect_findings("changed", &why,
                    "warning: prefix: stays triaged until a restart; the file says t2\n"
                    "warning: spool.directory: stays /var/lib/triaged/spool until a restart; the "
                    "file says /s\n"
                    "warning: spool.retain: stays 60000ms until a restart; the file says "
                    "300000ms\n"
                    "warning: workers: stays 1 until a restart; the file says 4\n");
    assert_int_equal(why.errors, 0);
    assert_int_equal(b->workers, 1);
    assert_str(b->prefix, "triaged");
    assert_int_equal(b->spool.retain_ms, 60000);
    diag_finish(&why);
    conf_unref(a);
    assert_str(b->spool.directory, "/var/lib/triaged/spool"); /* a copy of its own */
    conf_unref(b);
}

static void a_service_that_is_nearly_one_warns(void **state)
{
    (void)state;
    struct diag why;
    diag_init(&why);
    struct conf *c = conf_load_text("t.yaml",
                                    S("services: {checkout: {}}\n"
                                      "rules: [{name: a, match: [], set: {service: chekout}},\n"
                                      "        {name: b, match: [], set: {service: other}}]" TEAMS), NULL, &why);
    assert_non_null(c);
    expect_findings("near", &why,
                    "t.yaml:2:45: warning: rules[0].set.service: \"chekout\" is not in services "
                    "(did you mean \"checkout\"?)\n");
    diag_finish(&why);
    conf_unref(c);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void five_thousand_rules_load_fast(void **state)
{
    (void)state;
    enum { RULES = 5000 };
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    fputs("rules:\n", f);
    for (int i = 0; i < RULES; i++)
        fprintf(f,
                "  - name: rule-%d\n    match: ['alertname=\"A%d\"', 'severity=\"critical\"']\n"
                "    set: {category: hardware, team: platform, impact: medium, urgency: high,\n"
                "          title: \"Disk {{instance}}\"}\n    group_by: [alertname, cluster]\n"
                "    runbook: \"https://runbooks.example.org/%d\"\n    known_error: KE-%d\n",
                i, i, i, i);
    fputs("known_errors:\n", f);
    for (int i = 0; i < RULES; i++)
        fprintf(f, "  - {id: KE-%d, match: ['a=\"%d\"']}\n", i, i);
    fputs(TEAMS, f);
    fclose(f);
    double begin = cpu_seconds();
    struct conf *c = load_good(text);
    double took = cpu_seconds() - begin;
    assert_int_equal(c->n_rules, RULES);
    print_message("%d rules and %d known errors: %.0f ms\n", RULES, RULES, took * 1000);
    assert_true(took < 5); /* 0.1 s in an ordinary build; sanitizers are slow, O(n^2) is slower */
    conf_unref(c);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_of_the_host),
        cmocka_unit_test(defaults_of_the_policy),
        cmocka_unit_test(rules_are_read_as_written),
        cmocka_unit_test(windows_once_and_weekly),
        cmocka_unit_test(webhooks_and_listeners),
        cmocka_unit_test(given_rows_merge_over_defaults),
        cmocka_unit_test(shared_and_asked),
        cmocka_unit_test(restart_only_keys_stay),
        cmocka_unit_test(a_service_that_is_nearly_one_warns),
        cmocka_unit_test(five_thousand_rules_load_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
