/*
 * test_decide.c - verdicts: which rule decides, and what fills the places that rules leave open.
 */
#include "rules_util.h"

struct world {
    struct ruleset *rs;
    struct rules_scratch *s;
    struct arena a;
};

static struct world begin(const char *yaml)
{
    struct world w = {.rs = compile_yaml(yaml, NULL), .s = rules_scratch_create()};
    arena_init(&w.a, 0);
    return w;
}

static void end(struct world *w)
{
    ruleset_unref(w->rs);
    rules_scratch_destroy(w->s);
    arena_finish(&w->a);
}

static struct verdict decide(struct world *w, enum alert_source source, const char *const *pairs)
{
    struct verdict v, traced;
    struct rules_trace trace = {0};
    struct alert *a = ARENA_NEW(&w->a, struct alert);
    *a = make_alert(&w->a, source, pairs);
    rules_decide(w->rs, w->s, a, 1000, &w->a, &v, NULL, NULL);
    /* the trace takes another way through the rules: it must end in the same place */
    rules_decide(w->rs, w->s, a, 1000, &w->a, &traced, &trace, NULL);
    assert_ptr_equal(v.rule, traced.rule);
    assert_true(str_eq(v.group_key, traced.group_key));
    rules_trace_finish(&trace);
    return v;
}

#define PROM(...)   decide(&w, SOURCE_PROMETHEUS, PAIRS(__VA_ARGS__))
#define SYSLOG(...) decide(&w, SOURCE_SYSLOG, PAIRS(__VA_ARGS__))

static void first_match_wins(void **state)
{
    (void)state;
    struct world w =
        begin("rules:\n"
              "  - {name: one, match: ['alertname=\"A\"', 'severity=\"critical\"'], set: "
              "{category: hardware}}\n"
              "  - {name: two, match: ['alertname=~\"A|B\"'], set: {category: network}}\n"
              "  - {name: three, match: ['alertname=~\"[A-C]\"'], set: {category: security}}\n"
              "  - {name: four, match: ['alertname!=\"D\"', 'job!~\"x.*\"'], set: {category: "
              "network}}\n");
    assert_str(PROM("alertname=A", "severity=critical").rule_name, "one");
    assert_str(PROM("alertname=A", "severity=warning").rule_name, "two");
    assert_str(PROM("alertname=B").rule_name, "two");
    assert_str(PROM("alertname=C").category, "security");
    assert_str(PROM("alertname=E", "job=y").rule_name, "four");
    assert_str(PROM("job=y").rule_name, "four"); /* absent is empty */
    struct verdict v = PROM("alertname=E", "job=xx");
    assert_str(v.rule_name, "default");
    assert_null(v.rule);
    assert_true(v.by_default);
    assert_false(v.drop);
    assert_str(v.category, "software");
    assert_str(v.team, "platform");
    end(&w);
}

static void continue_accumulates(void **state)
{
    (void)state;
    struct world w = begin("rules:\n"
                           "  - {name: base, match: ['job=\"db\"'], continue: true, set: {team: "
                           "payments, impact: high, title: \"Database {{instance}}\"}}\n"
                           "  - {name: more, match: ['job=\"db\"', 'env=\"test\"'], continue: "
                           "true, set: {impact: low}}\n"
                           "  - {name: last, match: ['alertname=\"Slow\"'], group_by: [env], set: "
                           "{category: network}}\n");
    struct verdict v = PROM("alertname=Slow", "job=db", "instance=db1:1", "env=prod");
    assert_str(v.rule_name, "last");
    assert_str(v.team, "payments");
    assert_str(v.title, "Database db1:1");
    assert_int_equal(v.impact, LEVEL_HIGH);
    assert_str(v.group_key, "last{env=prod}");
    v = PROM("alertname=Slow", "job=db", "env=test");
    assert_int_equal(v.impact, LEVEL_LOW); /* the later word */
    v = PROM("alertname=Other", "job=db"); /* only rules that go on: the last of them decides */
    assert_str(v.rule_name, "base");
    assert_false(v.by_default);
    v = PROM("alertname=Other", "job=db", "env=test");
    assert_str(v.rule_name, "more");
    end(&w);
}

static const char services_yaml[] =
    "services:\n"
    "  checkout: {impact: high, team: payments, match: ['path=~\"/checkout.*\"'], logs: "
    "\"https://logs/?q={{instance}}\"}\n"
    "  search: {impact: low}\n"
    "rules:\n"
    "  - {name: said, match: ['alertname=\"Said\"'], set: {service: search, impact: medium, team: "
    "network}}\n"
    "  - {name: unsaid, match: ['alertname=\"Unsaid\"'], logs: \"https://own/{{instance}}/x\"}\n";

static void services(void **state)
{
    static const struct {
        const char *pairs[4];
        const char *service, *team, *impact, *impact_from, *logs;
        bool known;
    } rows[] = {
        {{"alertname=Said", "service=checkout"}, "search", "network", "medium", "rule", "", true},
        {{"alertname=X", "service=checkout"},
         "checkout",
         "payments",
         "high",
         "service",
         "https://logs/?q=",
         true},
        {{"alertname=X", "service=search"}, "search", "platform", "low", "service", "", true},
        {{"alertname=X", "path=/checkout/1", "instance=a b/c"},
         "checkout",
         "payments",
         "high",
         "service",
         "https://logs/?q=a%20b%2Fc",
         true},
        {{"alertname=X", "service=nobody"}, "nobody", "platform", "medium", "default", "", false},
        {{"alertname=X", "service=nobody", "path=/checkout"},
         "checkout",
         "payments",
         "high",
         "service",
         "https://logs/?q=",
         true},
        {{"alertname=Unsaid", "service=checkout", "instance=i"},
         "checkout",
         "payments",
         "high",
         "service",
         "https://own/i/x",
         true},
        {{"alertname=X"}, "", "platform", "medium", "default", "", false},
    };
    (void)state;
    struct world w = begin(services_yaml);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct verdict v = decide(&w, SOURCE_PROMETHEUS, rows[i].pairs);
        assert_str(v.service_name, rows[i].service);
        assert_str(v.team, rows[i].team);
        assert_string_equal(level_name(v.impact), rows[i].impact);
        assert_string_equal(v.impact_from, rows[i].impact_from);
        assert_str(v.logs, rows[i].logs);
        assert_int_equal(v.service != NULL, rows[i].known);
    }
    end(&w);
}

static void urgency_and_priority(void **state)
{
    static const struct {
        const char *severity, *urgency, *priority;
    } rows[] = {{"severity=critical", "high", "P2"},
                {"severity=error", "medium", "P3"},
                {"severity=warning", "medium", "P3"},
                {"severity=info", "low", "P4"}};
    (void)state;
    struct world w = begin(
        "rules:\n"
        "  - {name: now, match: ['alertname=\"Now\"'], set: {impact: high, urgency: high}}\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct verdict v = PROM("alertname=X", rows[i].severity);
        assert_string_equal(level_name(v.urgency), rows[i].urgency);
        assert_string_equal(priority_name(v.priority), rows[i].priority);
        assert_string_equal(v.urgency_from, "severity");
    }
    struct verdict v = PROM("alertname=Now", "severity=info");
    assert_string_equal(priority_name(v.priority), "P1");
    assert_string_equal(v.urgency_from, "rule");
    end(&w);
}

static void texts(void **state)
{
    (void)state;
    struct world w = begin(
        "rules:\n"
        "  - {name: t, match: ['alertname=\"T\"'], runbook: "
        "\"https://rb/{{alertname}}?x={{label.x}}\", set: {title: \"{{ severity }}: {{instance}} "
        "{{label.x}}{{annotation.note}}{{nothing}}!\", summary: \"{{source}}\"}}\n"
        "  - {name: url, match: ['alertname=\"U\"'], runbook: \"{{annotation.book}}\"}\n"
        "  - {name: empty, match: ['alertname=\"E\"'], set: {title: \"{{nothing}}\"}}\n");
    struct verdict v =
        PROM("alertname=T", "severity=critical", "instance=a:1", "x=1&2", "@note= n");
    assert_str(v.title, "critical: a:1 1&2 n!");
    assert_str(v.summary, "prometheus");
    assert_str(v.runbook, "https://rb/T?x=1%262");
    assert_str(PROM("alertname=U", "@book=https://x/y").runbook, "https://x/y");
    assert_str(PROM("alertname=U", "@book=javascript:alert(1)").runbook, "");
    assert_str(PROM("alertname=U", "@book=https://x/\"y").runbook, "");
    assert_str(PROM("alertname=X", "@runbook_url=https://x/y").runbook, "https://x/y");
    assert_str(PROM("alertname=X", "@runbook_url=x").runbook, "");
    /* defaults */
    assert_str(PROM("alertname=X", "@summary=S\nT", "@description=D").title, "S T");
    assert_str(PROM("alertname=X", "@summary=S", "@description=D").summary, "D");
    assert_str(PROM("alertname=X", "@summary=S", "@message=M").summary, "M");
    assert_str(PROM("alertname=X", "@summary=S").summary, "S");
    assert_str(PROM("alertname=X", "message=M").summary, "M");
    assert_str(PROM("alertname=X").summary, "");
    assert_str(PROM("alertname=X", "instance=db1:9100").title, "X on db1");
    assert_str(PROM("alertname=X").title, "X");
    assert_str(PROM("alertname=E", "host=h").title, "E on h");
    assert_str(PROM("job=x").title, "Alert without a name");
    v = SYSLOG("app=sshd", "host=h", "message=Bye 42", "skeleton=Bye *");
    assert_str(v.title, "sshd: Bye *");
    assert_str(v.summary, "Bye 42");
    assert_true(v.summary_is_message);
    assert_str(SYSLOG("host=h", "message=Bye 42").title, "Bye 42");
    assert_str(SYSLOG("app=sshd", "host=h").title, "sshd");
    assert_str(SYSLOG("host=h").title, "Alert without a name");
    end(&w);
}

static void title_is_cut_between_characters(void **state)
{
    (void)state;
    struct world w =
        begin("rules:\n  - {name: t, match: ['alertname=\"T\"'], set: {title: \"{{x}}{{y}}\"}}\n");
    char x[260], y[32];
    for (size_t n = 196; n <= 204; n++) {
        size_t at = (size_t)sprintf(x, "x=%*s", (int)n, "");
        memset(x + 2, 'a', at - 2);
        sprintf(y, "y=\xE2\x82\xAC\xE2\x82\xAC");
        struct verdict v = PROM("alertname=T", x, y);
        assert_true(str_is_utf8(v.title));
        size_t expected = n >= 200                        ? 200
                          : n + (200 - n) / 3 * 3 > n + 6 ? n + 6
                                                          : n + (200 - n) / 3 * 3;
        assert_int_equal(v.title.n, expected);
        x[1] = '=', x[0] = 'a'; /* unused label: the default title is cut too */
        assert_true(PROM("alertname=Q", x).title.n <= 200);
    }
    end(&w);
}

static void group_keys(void **state)
{
    (void)state;
    struct world w = begin(
        "defaults: {group_by: {labels: [cluster, alertname], syslog: [app, skeleton]}}\n"
        "rules:\n"
        "  - {name: own, match: ['alertname=\"Own\"'], group_by: [z, a]}\n"
        "  - {name: none, match: ['alertname=\"None\"'], group_by: []}\n"
        "  - {name: cap, match: ['message=~\"from (?P<client>\\\\S+) .*\"'], group_by: [client, "
        "host], threshold: {count: 3, within: 1m, per: [client]}}\n"
        "  - {name: per, match: ['app=\"per\"'], threshold: {count: 3, within: 1m}}\n"
        "  - {name: host, match: ['message=~\"host (?P<host>\\\\S+)\"'], group_by: [host]}\n");
    char expected[64];
    assert_str(PROM("alertname=X", "cluster=c").group_key, "default{alertname=X,cluster=c}");
    assert_str(PROM("alertname=X").group_key, "default{alertname=X}"); /* absent is empty */
    assert_str(PROM("alertname=X", "%job=j", "%empty=").group_key, "default{job=j}");
    assert_str(PROM("alertname=X", "%empty=").group_key, "default{alertname=X}");
    assert_str(PROM("alertname=Own", "%job=j", "a=1", "z=2").group_key, "own{a=1,z=2}");
    struct verdict v = PROM("alertname=Own", "%job=j");
    snprintf(expected, sizeof(expected), "own{fp=%016llx}", (unsigned long long)v.fingerprint);
    assert_str(v.group_key, expected);
    assert_int_equal(v.group.n, 0);
    v = PROM("alertname=None");
    snprintf(expected, sizeof(expected), "none{fp=%016llx}", (unsigned long long)v.fingerprint);
    assert_str(v.group_key, expected);
    /* escapes: two different pairs never make one key */
    assert_str(PROM("alertname=Own", "a=1,z=2").group_key, "own{a=1\\,z\\=2}");
    assert_str(PROM("alertname=Own", "a=\\}\n{").group_key, "own{a=\\\\\\}\\n\\{}");
    /* captures */
    v = SYSLOG("app=sshd", "host=h", "message=from 10.1 x", "skeleton=from * x");
    assert_str(v.group_key, "cap{client=10.1,host=h}");
    assert_str(v.threshold_key, "cap{client=10.1}");
    assert_str(labels_get(&v.captures, S("client")), "10.1");
    assert_str(SYSLOG("app=per", "host=h").threshold_key, "per{}");
    assert_str(SYSLOG("app=x", "host=h", "skeleton=a * b").group_key,
               "default{app=x,skeleton=a * b}");
    assert_str(SYSLOG("app=x", "host=h", "message=host w1").group_key, "host{host=w1}");
    end(&w);
}

static void long_group_keys(void **state)
{
    (void)state;
    struct world w = begin("rules:\n  - {name: r, match: ['alertname=\"R\"'], group_by: [x]}\n");
    char x[700];
    struct str last = STR_NONE;
    for (size_t n = 500; n < 520; n++) {
        size_t at = (size_t)sprintf(x, "x=%*s", (int)n, "");
        memset(x + 2, 'a', at - 2);
        struct str key = PROM("alertname=R", x).group_key;
        size_t whole = n + strlen("r{x=}");
        assert_int_equal(key.n, whole <= 512 ? whole : 512);
        assert_int_equal(key.p[key.n - 1] == '}', whole <= 512);
        assert_false(str_eq(key, last)); /* the tail tells them apart */
        last = key;
    }
    /* cut between characters */
    strcpy(x, "x=a");
    for (int i = 0; i < 200; i++)
        strcat(x, "\xE2\x82\xAC");
    struct str key = PROM("alertname=R", x).group_key;
    assert_true(str_is_utf8(key));
    assert_true(key.n <= 512);
    end(&w);
}

static void fingerprints(void **state)
{
    (void)state;
    struct world w = begin(
        "rules:\n"
        "  - {name: cap, match: ['message=~\"from (?P<client>\\\\S+) .*\"'], group_by: [client]}\n"
        "  - {name: per, match: ['message=~\"to (?P<client>\\\\S+) .*\"'], group_by: [app], "
        "threshold: {count: 3, within: 1m, per: [client]}}\n"
        "  - {name: base, match: ['app=\"base\"'], group_by: [app, host, skeleton]}\n"
        "  - {name: msgid, match: ['app=\"m\"'], group_by: [msgid]}\n"
        "  - {name: host, match: ['message=~\"host (?P<host>\\\\S+)\"'], group_by: [host]}\n");
    struct alert a =
        make_alert(&w.a, SOURCE_SYSLOG, PAIRS("app=x", "host=h", "message=from a b", "skeleton=s"));
    struct verdict one, two;
    a.fingerprint = 42;
    rules_decide(w.rs, w.s, &a, 0, &w.a, &one, NULL, NULL);
    assert_int_not_equal(one.fingerprint, 42);
    struct alert b =
        make_alert(&w.a, SOURCE_SYSLOG, PAIRS("app=x", "host=h", "message=from c b", "skeleton=s"));
    b.fingerprint = 42;
    rules_decide(w.rs, w.s, &b, 0, &w.a, &two, NULL, NULL);
    assert_int_not_equal(one.fingerprint, two.fingerprint); /* another client is another alert */
    b = make_alert(&w.a, SOURCE_SYSLOG,
                   PAIRS("app=x", "host=h", "message=from a zzz", "skeleton=s"));
    b.fingerprint = 42;
    rules_decide(w.rs, w.s, &b, 0, &w.a, &two, NULL, NULL);
    assert_true(one.fingerprint == two.fingerprint);
    b = make_alert(&w.a, SOURCE_SYSLOG, PAIRS("app=x", "host=h", "message=to a zzz", "skeleton=s"));
    b.fingerprint = 42;
    rules_decide(w.rs, w.s, &b, 0, &w.a, &two, NULL, NULL);
    assert_true(one.fingerprint ==
                two.fingerprint); /* read by threshold.per: the same completion */
    static const struct {
        const char *pairs[5];
        bool changed;
    } rows[] = {
        {{"app=base", "host=h", "skeleton=s"}, false}, {{"app=m", "host=h"}, false},
        {{"app=m", "host=h", "msgid=ID"}, true},       {{"app=y", "host=h", "skeleton=s"}, false},
        {{"app=y", "host=h", "message=host w"}, true}, /* a capture named host is not the host */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        b = make_alert(&w.a, SOURCE_SYSLOG, rows[i].pairs);
        b.fingerprint = 42;
        rules_decide(w.rs, w.s, &b, 0, &w.a, &two, NULL, NULL);
        assert_int_equal(two.fingerprint != 42, rows[i].changed);
    }
    b = make_alert(&w.a, SOURCE_PROMETHEUS, PAIRS("app=m", "msgid=ID"));
    rules_decide(w.rs, w.s, &b, 0, &w.a, &two, NULL, NULL);
    assert_true(two.fingerprint == labels_fingerprint(&b.labels)); /* labelled alerts keep theirs */
    end(&w);
}

static void heartbeats_and_known_errors(void **state)
{
    (void)state;
    struct world w =
        begin("heartbeats:\n"
              "  - {name: prom, match: ['alertname=\"Watchdog\"', 'cluster=\"eu\"'], every: 5m, "
              "set: {category: software, team: network, impact: high, urgency: high}}\n"
              "known_errors:\n"
              "  - {id: KE-1, match: ['alertname=\"NFS\"'], workaround: w, kb: \"https://kb/1\"}\n"
              "  - {id: KE-2, match: ['alertname=~\"N.*\"'], workaround: w, kb: \"https://kb/2\"}\n"
              "rules:\n"
              "  - {name: all, match: ['alertname=~\".+\"'], drop: true}\n"
              "  - {name: own, match: ['job=\"x\"'], known_error: KE-2}\n");
    struct verdict v = PROM("alertname=Watchdog", "cluster=eu");
    assert_non_null(v.heartbeat);
    assert_str(v.heartbeat->name, "prom");
    assert_str(v.team, "network");
    assert_null(v.rule);
    assert_false(v.drop);
    v = PROM("alertname=Watchdog", "cluster=us");
    assert_null(v.heartbeat);
    assert_true(v.drop);
    assert_null(v.known_error);
    v = PROM("job=x", "alertname=");
    assert_str(v.known_error->id, "KE-2"); /* the rule's word */
    end(&w);
    w = begin("known_errors:\n"
              "  - {id: KE-1, match: ['alertname=\"NFS\"'], workaround: w}\n"
              "  - {id: KE-2, match: ['alertname=~\"N.*\"'], workaround: w}\n");
    assert_str(PROM("alertname=NFS").known_error->id, "KE-1");
    assert_str(PROM("alertname=NX").known_error->id, "KE-2");
    assert_null(PROM("alertname=X").known_error);
    end(&w);
}

#define TEXTS(...)                                                                                 \
    {                                                                                              \
        .v = (struct conf_text[]){__VA_ARGS__},                                                    \
        .n = sizeof((struct conf_text[]){__VA_ARGS__}) / sizeof(struct conf_text)                  \
    }
#define TEXT(text) ((struct conf_text){.s = S(text)})

/* By team, behind those of the configuration; one that does not compile matches nothing, and not
 * all that its other matchers would. */
static void declared_known_errors(void **state)
{
    (void)state;
    struct declared_error declared[] = {
        {S("platform"), {.id = S("D-BAD"), .match = TEXTS(TEXT("job=\"x\""), TEXT("a=~\"(\""))}},
        {S("platform"), {.id = S("D-NONE")}},
        {S("platform"), {.id = S("D-1"), .match = TEXTS(TEXT("alertname=~\"N.*\""))}},
        {S("platform"), {.id = S("D-2"), .match = TEXTS(TEXT("job=\"x\""))}},
        {S("network"), {.id = S("D-3"), .match = TEXTS(TEXT("job=~\".*\""))}},
    };
    struct world w = begin("known_errors: [{id: KE-1, match: ['alertname=\"NFS\"']}]\n"
                           "rules:\n"
                           "  - {name: net, match: ['net=\"1\"'], set: {team: network}}\n");
    struct diag why;
    diag_init(&why);
    struct ruleset *with = ruleset_create_with(ruleset_conf(w.rs), declared, 5, &why);
    assert_non_null(with);
    assert_int_equal(why.n, 0);
    diag_finish(&why);
    assert_null(PROM("alertname=NX").known_error); /* not those before */
    ruleset_unref(w.rs);
    w.rs = with;
    memset(declared, 0x55, sizeof(declared)); /* it keeps copies */
    assert_str(PROM("alertname=NFS").known_error->id, "KE-1");
    assert_str(PROM("alertname=NX", "job=x").known_error->id, "D-1");
    assert_str(PROM("alertname=X", "job=x").known_error->id, "D-2");
    assert_null(PROM("alertname=X").known_error);
    assert_str(PROM("alertname=X", "net=1").known_error->id, "D-3");
    end(&w);
}

static void times(void **state)
{
    (void)state;
    struct world w =
        begin("defaults: {resolve_after: 2h, settle: 3s, join_within: 4h}\n"
              "rules:\n  - {name: r, match: ['alertname=\"R\"'], resolve_after: 1m, settle: 0s}\n");
    struct verdict v = PROM("alertname=R");
    assert_int_equal(v.resolve_after_ms, 60000);
    assert_int_equal(v.settle_ms, 0);
    assert_int_equal(v.join_within_ms, 4 * 3600000);
    v = PROM("alertname=X");
    assert_int_equal(v.resolve_after_ms, 2 * 3600000);
    assert_int_equal(v.settle_ms, 3000);
    end(&w);
}

static void traces(void **state)
{
    (void)state;
    struct world w = begin("rules:\n"
                           "  - {name: one, match: ['alertname=\"A\"', 'severity=\"critical\"']}\n"
                           "  - {name: two, match: ['job=~\"x.*\"'], continue: true}\n"
                           "  - {name: three, match: ['alertname=\"A\"']}\n"
                           "  - {name: four, match: ['alertname=\"A\"']}\n");
    struct rules_trace t = {0};
    struct verdict v;
    struct alert a =
        make_alert(&w.a, SOURCE_PROMETHEUS, PAIRS("alertname=A", "severity=info", "job=xy"));
    rules_decide(w.rs, w.s, &a, 0, &w.a, &v, &t, NULL);
    assert_int_equal(t.n, 3);
    assert_false(t.v[0].matched);
    assert_str(t.v[0].failed->s, "severity=\"critical\"");
    assert_str(t.v[0].value, "info");
    assert_true(t.v[1].matched);
    assert_null(t.v[1].failed);
    assert_true(t.v[2].matched);
    assert_ptr_equal(t.v[2].rule, v.rule);
    rules_trace_finish(&t);
    end(&w);
}

/* More rules than a word of the bitmap has bits, in every bucket, and more indexable fields than
 * the index takes: the order of the file still decides. */
static void index_keeps_the_order(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024 * 1024);
    buf_put_c(&b, "rules:\n");
    for (int i = 0; i < 300; i++)
        buf_printf(&b, "  - {name: r%d, match: ['l%d=~\"v%d|w\"', 'x!=\"%d\"']}\n", i, i % 12,
                   i % 7, i % 5);
    buf_put_char(&b, '\0');
    struct world w = begin(b.p);
    char label[16], x[16];
    for (int l = 0; l < 12; l++)
        for (int v = 0; v <= 7; v++)
            for (int n = 0; n < 6; n++) {
                int first = -1;
                for (int i = 0; i < 300 && first < 0; i++)
                    if (i % 12 == l && (v == 7 || i % 7 == v) && i % 5 != n)
                        first = i;
                char expected[16];
                snprintf(label, sizeof(label), v == 7 ? "l%d=w" : "l%d=v%d", l, v);
                snprintf(x, sizeof(x), "x=%d", n);
                snprintf(expected, sizeof(expected), "r%d", first);
                assert_str(PROM(label, x).rule_name, first < 0 ? "default" : expected);
            }
    end(&w);
    buf_finish(&b);
}

static void references(void **state)
{
    (void)state;
    struct ruleset *rs = compile_yaml("", NULL);
    struct ruleset *again = ruleset_ref(rs);
    assert_ptr_equal(rs, again);
    ruleset_unref(rs);
    assert_int_equal(ruleset_conf(again)->n_teams, 4);
    ruleset_unref(again);
    ruleset_unref(NULL);
    rules_scratch_destroy(NULL);
    rules_path_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_match_wins),
        cmocka_unit_test(continue_accumulates),
        cmocka_unit_test(services),
        cmocka_unit_test(urgency_and_priority),
        cmocka_unit_test(texts),
        cmocka_unit_test(title_is_cut_between_characters),
        cmocka_unit_test(group_keys),
        cmocka_unit_test(long_group_keys),
        cmocka_unit_test(fingerprints),
        cmocka_unit_test(heartbeats_and_known_errors),
        cmocka_unit_test(declared_known_errors),
        cmocka_unit_test(times),
        cmocka_unit_test(traces),
        cmocka_unit_test(index_keeps_the_order),
        cmocka_unit_test(references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
