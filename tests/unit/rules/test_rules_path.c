/*
 * test_rules_path.c - a verdict that was kept may be used for a message exactly when deciding anew
 * would give the same: tried on random messages of the same skeleton.
 */
#include "rules_util.h"

static const char yaml[] =
    "listen: {syslog: [{address: \"127.0.0.1:5514\", transport: udp, labels: {site: one}}]}\n"
    "services:\n"
    "  shop: {impact: high, team: payments, match: ['procid=~\"9.*\"', 'app=\"c\"']}\n"
    "known_errors:\n"
    "  - {id: KE-1, match: ['message=~\".*stale.*\"'], workaround: w}\n"
    "heartbeats:\n"
    "  - {name: beat, match: ['message=\"beat\"', 'app=\"b\"'], every: 5m, set: {category: "
    "software, team: platform, impact: low, urgency: low}}\n"
    "maintenance:\n"
    "  - {name: m, match: ['msgid=~\"M.\"', 'message!~\".*q.*\"'], from: \"1970-01-02T00:00:00Z\", "
    "to: \"2030-01-01T00:00:00Z\"}\n"
    "rules:\n"
    "  - {name: labelled, match: ['alertname=\"X\"']}\n"
    "  - {name: by-procid, match: ['procid=\"7\"']}\n"
    "  - {name: by-msgid, match: ['msgid=\"M1\"', 'message=~\".*x.*\"'], set: {title: \"at "
    "{{host}}\"}}\n"
    "  - {name: sd, match: ['sd.o.ip=~\"10[.].*\"', 'app=\"c\"'], set: {impact: high}}\n"
    "  - {name: cef, match: ['cef.ext.act=\"drop\"', 'app=\"c\"'], set: {urgency: low}}\n"
    "  - {name: part, match: ['part.ip=~\"10[.].*\"', 'app=\"c\"'], set: {impact: low}}\n"
    "  - {name: go, match: ['message=~\".*(y|z)\"'], continue: true, set: {impact: high}}\n"
    "  - {name: kernel1, match: ['app=\"a\"', 'message=~\".*link (up|down).*\"'], set: {category: "
    "network}}\n"
    "  - {name: kernel2, match: ['app=\"a\"', 'message=~\"(?i).*OOM.*\"'], set: {category: "
    "hardware}}\n"
    "  - {name: kernel3, match: ['app=\"a\"', 'message=~\".*\\\\bfoo\\\\b.*\"'], drop: true}\n"
    "  - {name: kernel4, match: ['app=\"a\"', 'message=~\"q[0-9]+ .*\"'], set: {category: "
    "security}}\n"
    "  - {name: kernel5, match: ['app=\"a\"', 'message!~\".*ok.*\"', 'message=~\"[a-m].*\"'], set: "
    "{category: security}}\n"
    "  - {name: capture, match: ['app=\"b\"', 'message=~\"from (?P<client>\\\\S+).*\"'], group_by: "
    "[client]}\n"
    "  - {name: shown, match: ['app=\"b\"', 'message=~\"show.*\"'], set: {title: "
    "\"{{message}}\"}}\n"
    "  - {name: summed, match: ['app=\"b\"', 'message=~\"sum.*\"'], set: {summary: "
    "\"{{message}}\"}}\n"
    "  - {name: site, match: ['site=\"one\"', 'message=~\".*w.*\"'], group_by: [site]}\n"
    "  - {name: rest, match: ['severity=~\"err|crit\"']}\n";

enum { NOW_MS = 864000000 };

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static const char *pick(uint32_t *x, const char *const *of, size_t n)
{
    return of[next_random(x) % n];
}

#define PICK(...)                                                                                  \
    pick(x, (const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* Another message with the coarse labels of `like`, or any. */
static struct alert message(uint32_t *x, struct arena *a, const struct alert *like)
{
    static const char *const pieces[] = {"x",   "y",  "z",     "link up", " ",       "oOm",
                                         "foo", "ok", "q12 ",  "beat",    "from ",   "show",
                                         "sum", "w",  "stale", "\n",      "\xC3\xA4"};
    char text[256] = "message=";
    if (next_random(x) % 4 == 0)
        strcat(text, PICK("from ", "show", "sum", "beat", "q12 "));
    for (unsigned n = next_random(x) % 4; n > 0; n--)
        strcat(text, pieces[next_random(x) % ARRAY_LEN(pieces)]);
    char app[8], severity[16];
    snprintf(app, sizeof(app), "app=%s",
             like ? labels_get(&like->labels, S("app")).p : PICK("a", "b", "c"));
    snprintf(severity, sizeof(severity), "severity=%s",
             like ? labels_get(&like->labels, S("severity")).p : PICK("err", "info"));
    struct alert al =
        make_alert(a, SOURCE_SYSLOG,
                   PAIRS("host=h", "skeleton=s", "facility=user", "site=one", app, severity, text,
                         PICK("procid=", "procid=", "procid=", "procid=", "procid=7", "procid=91"),
                         PICK("msgid=", "msgid=", "msgid=", "msgid=M1", "msgid=M2"),
                         PICK("sd.o.ip=", "sd.o.ip=", "sd.o.ip=10.1", "sd.o.ip=11"),
                         PICK("json.a=", "cef.ext.act=", "cef.ext.act=drop", "cef.ext.act=pass"),
                         PICK("part.ip=", "part.ip=10.1", "part.ip=10.2", "part.ip=11")));
    al.fingerprint = 42;
    return al;
}

static bool same_verdict(const struct verdict *v, const struct verdict *w)
{
    return v->drop == w->drop && v->rule == w->rule && v->heartbeat == w->heartbeat &&
           v->service == w->service && v->known_error == w->known_error &&
           str_eq(v->category, w->category) && str_eq(v->team, w->team) && v->impact == w->impact &&
           v->urgency == w->urgency && str_eq(v->title, w->title) &&
           str_eq(v->group_key, w->group_key) && str_eq(v->threshold_key, w->threshold_key) &&
           v->fingerprint == w->fingerprint && str_eq(v->suppress, w->suppress) &&
           v->summary_is_message == w->summary_is_message &&
           (v->summary_is_message || str_eq(v->summary, w->summary));
}

static void kept_verdicts_hold(void **state)
{
    (void)state;
    struct ruleset *rs = compile_yaml(yaml, NULL);
    struct rules_scratch *s = rules_scratch_create();
    struct arena a;
    uint32_t x = 2463534242u;
    size_t held = 0, finer = 0, failed = 0, refused_though_same = 0;
    arena_init(&a, 0);
    for (int i = 0; i < 3000; i++) {
        arena_reset(&a);
        struct alert first = message(&x, &a, NULL);
        struct verdict v;
        struct rules_path *path;
        rules_decide(rs, s, &first, NOW_MS, &a, &v, NULL, &path);
        assert_non_null(path);
        assert_true(rules_path_size(path) < 4096);
        if (rules_path_finer_output(path)) {
            finer++;
            rules_path_destroy(path);
            continue;
        }
        assert_true(rules_recheck(path, s, &first));
        for (int k = 0; k < 20; k++) {
            struct alert other = message(&x, &a, &first);
            struct verdict w;
            bool holds = rules_recheck(path, s, &other);
            struct rules_path *other_path;
            rules_decide(rs, s, &other, NOW_MS, &a, &w, NULL, &other_path);
            bool same = same_verdict(&v, &w) && !rules_path_finer_output(other_path);
            rules_path_destroy(other_path);
            if (holds && !same)
                fail_msg("held, but differs: %.*s then %.*s (%.*s, %.*s)",
                         STR_ARG(labels_get(&first.labels, S("message"))),
                         STR_ARG(labels_get(&other.labels, S("message"))), STR_ARG(v.rule_name),
                         STR_ARG(w.rule_name));
            held += holds;
            failed += !holds;
            refused_though_same += !holds && same;
        }
        rules_path_destroy(path);
    }
    assert_true(held > 2000);
    assert_true(failed > 2000);
    assert_true(finer > 50);
    assert_true(refused_though_same < failed); /* it is allowed to be careful, not always */
    arena_finish(&a);
    rules_scratch_destroy(s);
    ruleset_unref(rs);
}

static void what_is_finer(void **state)
{
    static const struct {
        const char *app, *message;
        bool finer;
    } rows[] = {
        {"app=b", "message=from me", true}, /* a capture */
        {"app=b", "message=show it", true}, /* the message in the title */
        {"app=b", "message=sum it", false}, /* the message as summary is put in anew */
        {"app=b", "message=else", false},   {"app=a", "message=a foo b", false}, /* dropped */
        {"app=c", "message=w", false}, /* a listener's label is coarse */
    };
    (void)state;
    struct ruleset *rs = compile_yaml(yaml, NULL);
    struct rules_scratch *s = rules_scratch_create();
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct alert al =
            make_alert(&a, SOURCE_SYSLOG,
                       PAIRS("host=h", "skeleton=s", "site=one", rows[i].app, rows[i].message));
        struct verdict v;
        struct rules_path *path;
        rules_decide(rs, s, &al, NOW_MS, &a, &v, NULL, &path);
        if (rules_path_finer_output(path) != rows[i].finer)
            fail_msg("%s", rows[i].message);
        rules_path_destroy(path);
    }
    arena_finish(&a);
    rules_scratch_destroy(s);
    ruleset_unref(rs);
}

/* The path outlives the caller's reference to the rules, and the scratch serves several rulesets.
 */
static void lifetimes(void **state)
{
    (void)state;
    struct ruleset *rs = compile_yaml(yaml, NULL), *other = compile_yaml("", NULL);
    struct rules_scratch *s = rules_scratch_create();
    struct arena a;
    struct verdict v;
    struct rules_path *path, *none;
    arena_init(&a, 0);
    struct alert al =
        make_alert(&a, SOURCE_SYSLOG, PAIRS("host=h", "skeleton=s", "app=a", "message=link up"));
    struct alert b =
        make_alert(&a, SOURCE_SYSLOG, PAIRS("host=h", "skeleton=s", "app=a", "message=link down"));
    struct alert c =
        make_alert(&a, SOURCE_SYSLOG, PAIRS("host=h", "skeleton=s", "app=a", "message=foo"));
    rules_decide(rs, s, &al, NOW_MS, &a, &v, NULL, &path);
    ruleset_unref(rs);
    rules_decide(other, s, &al, NOW_MS, &a, &v, NULL, &none);
    assert_true(rules_recheck(path, s, &b));
    assert_false(rules_recheck(path, s, &c));
    assert_true(rules_recheck(none, s, &c));
    rules_path_destroy(path);
    rules_path_destroy(none);
    ruleset_unref(other);
    rules_scratch_destroy(s);
    arena_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_verdicts_hold),
        cmocka_unit_test(what_is_finer),
        cmocka_unit_test(lifetimes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
