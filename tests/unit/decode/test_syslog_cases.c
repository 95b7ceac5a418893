/*
 * The collection of real-world messages beside the project, when it is there. Each line is one
 * case: raw, expect, and alternatives of which any may hold. Flags are advisory there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/alert/jx.h"
#include "triaged/base/clock.h"
#include "triaged/base/zone.h"
#include "triaged/decode/syslog.h"

static const char cases_file[] = "../shared/cases/syslog_cases_open.jsonl";

/* With "enc":"bytes" each code point up to U+00FF is one byte. */
static struct str to_bytes(struct str s, struct arena *a)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0xC0 && i + 1 < s.n)
            out[n++] = (char)((c & 3) << 6 | (s.p[++i] & 0x3F));
        else
            out[n++] = (char)c;
    }
    return (struct str){out, n};
}

static bool same_text(const jx *want, struct str got)
{
    if (jx_type(want) == JX_NULL)
        return got.p == NULL;
    return jx_type(want) == JX_STRING && got.p && str_eq(jx_str(want), got);
}

/* Nothing but what is wanted: every wanted value is found, and the numbers agree. */
static bool same_sd(const jx *want, const struct syslog_msg *m)
{
    size_t wanted = 0;
    void *it = NULL, *it2;
    struct str id, name;
    const jx *params, *value;

    while (jx_next(want, &it, &id, &params)) {
        size_t of_element = 0;
        it2 = NULL;
        while (jx_next(params, &it2, &name, &value)) {
            size_t n = jx_type(value) == JX_ARRAY ? jx_len(value) : 1, found = 0;
            for (size_t i = 0; i < m->n_sd; i++) {
                if (!str_eq(m->sd[i].id, id) || !str_eq(m->sd[i].name, name))
                    continue;
                const jx *one = jx_type(value) == JX_ARRAY ? jx_at(value, found) : value;
                if (found >= n || !str_eq(jx_str(one), m->sd[i].value))
                    return false;
                found++;
            }
            if (found != n)
                return false;
            of_element += n;
        }
        wanted += of_element ? of_element : 1;
    }
    return wanted == m->n_sd;
}

static bool same_time(const jx *want, const struct syslog_msg *m)
{
    int64_t us;

    if (jx_type(want) == JX_NULL)
        return !m->has_timestamp;
    return m->has_timestamp && clock_parse_rfc3339_us(jx_str(want), &us) && us == m->timestamp_us;
}

static bool same_number(const jx *want, uint64_t got)
{
    int64_t v;

    return jx_int(want, &v) && v >= 0 && (uint64_t)v == got;
}

static const char *const format_names[] = {"raw", "rfc3164", "rfc5424"};

static bool matches(const jx *expect, const jx *alt, const struct syslog_msg *m)
{
#define WANT(key) (jx_get(alt, key) ? jx_get(alt, key) : jx_get(expect, key))
    uint64_t seq = 0;

    if (m->seq.p)
        assert_true(str_to_u64(m->seq, &seq));
    return str_eq(jx_str(WANT("format")), str_c(format_names[m->format])) &&
           same_number(WANT("facility"), m->facility) &&
           same_number(WANT("severity"), m->severity) && same_time(WANT("timestamp"), m) &&
           same_text(WANT("host"), m->host) && same_text(WANT("app"), m->app) &&
           same_text(WANT("procid"), m->procid) && same_text(WANT("msgid"), m->msgid) &&
           same_sd(WANT("sd"), m) && same_text(WANT("msg"), m->msg) &&
           (!WANT("repeat") || same_number(WANT("repeat"), m->repeat)) &&
           (WANT("seq") ? same_number(WANT("seq"), seq) : !m->seq.p);
#undef WANT
}

static struct syslog_options options_of(const jx *ctx, struct zone **zone)
{
    struct syslog_options o = {.now_ms = 1732472070000};
    int64_t us, max;

    if (clock_parse_rfc3339_us(jx_str(jx_get(ctx, "now")), &us))
        o.now_ms = us / 1000;
    if (jx_int(jx_get(ctx, "max_message"), &max))
        o.max_message = (uint64_t)max;
    o.is_unix = str_eq(jx_str(jx_get(ctx, "transport")), S("unix"));
    o.is_datagram = str_eq(jx_str(jx_get(ctx, "transport")), S("udp"));
    if (jx_str(jx_get(ctx, "tz")).p) {
        *zone = zone_load(jx_str(jx_get(ctx, "tz")).p, NULL);
        assert_non_null(*zone);
    }
    o.zone = *zone;
    return o;
}

static void show(struct str id, const struct syslog_msg *m)
{
    char time[CLOCK_RFC3339_SIZE] = "";

    if (m->has_timestamp)
        clock_format_us(m->timestamp_us, time);
    print_error("%.*s: %s %u.%u time=%s host=%.*s app=%.*s procid=%.*s msgid=%.*s seq=%.*s "
                "sd=%zu repeat=%u\n  msg=%.*s\n",
                STR_ARG(id), format_names[m->format], m->facility, m->severity, time,
                STR_ARG(m->host), STR_ARG(m->app), STR_ARG(m->procid), STR_ARG(m->msgid),
                STR_ARG(m->seq), m->n_sd, m->repeat, STR_ARG(m->msg));
}

static bool run_case(const jx *c)
{
    struct arena a;
    struct zone *zone = NULL;
    struct syslog_msg m;
    const jx *expect = jx_get(c, "expect"), *alts = jx_get(c, "alt");
    struct str raw = jx_str(jx_get(c, "raw"));

    arena_init(&a, 0);
    if (str_eq(jx_str(jx_get(c, "enc")), S("bytes")))
        raw = to_bytes(raw, &a);
    struct syslog_options o = options_of(jx_get(c, "ctx"), &zone);
    syslog_parse(raw, &o, &a, &m);
    bool ok = matches(expect, NULL, &m);
    for (size_t i = 0; i < jx_len(alts) && !ok; i++)
        ok = matches(expect, jx_at(alts, i), &m);
    if (!ok)
        show(jx_str(jx_get(c, "id")), &m);
    zone_free(zone);
    arena_finish(&a);
    return ok;
}

static void test_cases(void **state)
{
    (void)state;
    FILE *f = fopen(cases_file, "r");
    char *line = NULL;
    size_t size = 0, n = 0, failed = 0;
    ssize_t len;

    if (!f) {
        print_message("no %s: skipped\n", cases_file);
        skip();
    }
    while ((len = getline(&line, &size, f)) > 0) {
        struct jx_error why;
        jx *c = jx_parse((struct str){line, (size_t)len}, &why);
        assert_non_null(c);
        if (!jx_get(c, "kind")) { /* frame cases are for the framer */
            n++;
            failed += !run_case(c);
        }
        jx_free(c);
    }
    free(line);
    fclose(f);
    print_message("%zu cases, %zu failed\n", n, failed);
    assert_true(n > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
