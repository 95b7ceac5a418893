/*
 * rules_input.c - what `rules test` is given becomes an alert, by the ways that the daemon's take:
 * the decoders for payloads, syslog_to_alert for log messages.
 */
#include "rules_test.h"

#include <string.h>

#include "triaged/decode/decode.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"

static bool is_any(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_c(name, names[i]))
            return true;
    return false;
}

static uint8_t facility_of(struct str name)
{
    unsigned facility;
    uint64_t number;
    if (syslog_facility_from_name(name, &facility))
        return (uint8_t)facility;
    return str_to_u64(name, &number) && number < 24 ? (uint8_t)number : 1; /* user */
}

static uint8_t severity_of(struct str name)
{
    uint64_t number;
    enum severity s = severity_from_name(name);
    if (str_to_u64(name, &number) && number < SEVERITY_NONE)
        return (uint8_t)number;
    return (uint8_t)(s == SEVERITY_NONE ? SEVERITY_NOTICE : s);
}

/* A log message from its labels, as if it had been parsed. */
static void syslog_of_labels(struct rules_test *t, const struct labels *l, struct alert *out)
{
    static const char *const parts[] = {"app",    "facility", "host",     "message", "msgid",
                                        "procid", "severity", "skeleton", "source"};
    struct syslog_msg m = {
        .format = SYSLOG_RFC5424,
        .facility = facility_of(labels_get(l, S("facility"))),
        .severity = severity_of(labels_get(l, S("severity"))),
        .host = labels_get(l, S("host")),
        .app = labels_get(l, S("app")),
        .procid = labels_get(l, S("procid")),
        .msgid = labels_get(l, S("msgid")),
        .msg = labels_get(l, S("message")),
        .repeat = 1,
    };
    struct str skeleton = labels_get(l, S("skeleton"));
    if (!skeleton.n) {
        char text[SKELETON_MAX];
        skeleton = arena_str(&t->arena, (struct str){text, skeleton_of(m.msg, text)});
    }
    *out = (struct alert){0};
    syslog_to_alert(&m, skeleton, STR_NONE, t->now_ms, &t->arena, out);
    syslog_body_labels(&m, &t->arena, &out->labels);
    skeleton_part_labels(m.msg, &t->arena, &out->labels);
    for (uint32_t i = 0; i < l->n; i++)
        if (!is_any(l->v[i].name, parts, ARRAY_LEN(parts)))
            labels_add(&out->labels, &t->arena, l->v[i].name, l->v[i].value);
    labels_normalise(&out->labels);
}

static bool source_from_text(struct rules_test *t, const char *text, enum alert_source *out)
{
    const struct conf *conf = ruleset_conf(t->rules);
    if (alert_source_from_name(str_c(text), out))
        return true;
    *out = SOURCE_JSON;
    for (size_t i = 0; i < conf->n_mappings; i++)
        if (str_eq_c(conf->mappings[i].name, text))
            return true;
    return false;
}

bool alert_of_labels(struct rules_test *t, struct labels labels, struct labels annotations,
                     struct alert *out, struct str *why)
{
    enum alert_source source = SOURCE_PROMETHEUS;
    labels_normalise(&labels);
    labels_normalise(&annotations);
    if (t->source && !source_from_text(t, t->source, &source)) {
        *why = arena_printf(&t->arena, "unknown source \"%s\"", t->source);
        return false;
    }
    if (!t->source && !alert_source_from_name(labels_get(&labels, S("source")), &source))
        source = SOURCE_PROMETHEUS; /* the alert's own label of that name */
    if (source == SOURCE_SYSLOG) {
        syslog_of_labels(t, &labels, out);
        return true;
    }
    *out = (struct alert){.source = source,
                          .severity = severity_from_name(labels_get(&labels, S("severity"))),
                          .labels = labels,
                          .annotations = annotations,
                          .received_ms = t->now_ms,
                          .repeat = 1};
    out->fingerprint = labels_fingerprint(&out->labels);
    return true;
}

bool alert_of_words(struct rules_test *t, int n, char **words, struct alert *out, struct str *why)
{
    struct labels labels = {0}, annotations = {0};
    for (int i = 0; i < n; i++) {
        struct str word = str_c(words[i]), value;
        size_t equals = str_find_char(word, '=');
        struct str name = str_cut(word, '=', &value);
        bool note = str_starts(name, S("@"));
        if (note)
            name = str_sub(name, 1, name.n);
        if (equals == word.n || name.n == 0 || !str_is_utf8(word)) {
            *why = arena_printf(&t->arena, "\"%s\" is not LABEL=VALUE", words[i]);
            return false;
        }
        labels_add(note ? &annotations : &labels, &t->arena, name, value);
    }
    return alert_of_labels(t, labels, annotations, out, why);
}

static bool take_members(struct rules_test *t, const jx *doc, const char *key, struct labels *out,
                         struct str *why)
{
    const jx *object = jx_get(doc, key), *value;
    void *it = NULL;
    struct str name;
    if (!object || jx_type(object) == JX_NULL)
        return true;
    if (jx_type(object) != JX_OBJECT) {
        *why = arena_printf(&t->arena, "%s: must be an object", key);
        return false;
    }
    while (jx_next(object, &it, &name, &value)) {
        if (jx_type(value) != JX_STRING) {
            *why = arena_printf(&t->arena, "%s.%.*s: must be a string", key, STR_ARG(name));
            return false;
        }
        labels_add(out, &t->arena, name, jx_str(value));
    }
    return true;
}

bool alert_of_json(struct rules_test *t, const jx *doc, struct alert *out, struct str *id,
                   struct str *why)
{
    struct labels labels = {0}, annotations = {0};
    if (jx_type(doc) != JX_OBJECT) {
        *why = S("must be an object with labels");
        return false;
    }
    *id = jx_str(jx_get(doc, "id"));
    return take_members(t, doc, "labels", &labels, why) &&
           take_members(t, doc, "annotations", &annotations, why) &&
           alert_of_labels(t, labels, annotations, out, why);
}

/* ---- payloads -------------------------------------------------------------------------------- */

static const char *guess_format(struct str body)
{
    struct jx_error why;
    const char *name = NULL;
    jx *doc = jx_parse(body, &why);
    if (jx_type(doc) == JX_ARRAY)
        name = "prometheus";
    else if (jx_get(doc, "orgId"))
        name = "grafana";
    else if (jx_type(jx_get(doc, "alerts")) == JX_ARRAY)
        name = "alertmanager";
    jx_free(doc);
    return name;
}

static const struct conf_mapping *mapping_of(const struct conf *conf, const char *name)
{
    for (size_t i = 0; name && i < conf->n_mappings; i++)
        if (str_eq_c(conf->mappings[i].name, name))
            return &conf->mappings[i];
    return NULL;
}

bool alerts_of_payload(struct rules_test *t, struct str body, struct alert_batch *out,
                       struct str *why)
{
    const struct conf *conf = ruleset_conf(t->rules);
    struct decode_input in = {.body = body,
                              .now_ms = t->now_ms,
                              .peer = S("127.0.0.1"),
                              .limits = &conf->limits,
                              .defaults = &conf->defaults,
                              .mapping = mapping_of(conf, t->source)};
    struct decode_result res = {0};
    const char *name = in.mapping ? "json" : t->source ? t->source : guess_format(body);
    const struct decoder *d = name ? decoder_find(name) : NULL;
    if (!d || (d->source == SOURCE_JSON && !in.mapping)) {
        *why = name ? arena_printf(&t->arena, "no format or mapping is called \"%s\"", name)
                    : S("the payload looks like no known format; say which with --source");
        return false;
    }
    decode_run(d, &in, out, &res);
    for (size_t i = 0; i < res.n_problems; i++)
        fprintf(stderr, "triagectl: %s%s%s\n", res.problems[i].path,
                *res.problems[i].path ? ": " : "", res.problems[i].text);
    if (res.refused) {
        *why = S("the payload is refused");
        return false;
    }
    if (out->n == 0) {
        *why =
            arena_printf(&t->arena, "the payload holds no alert%s%s",
                         res.useless && *res.useless ? ": " : "", res.useless ? res.useless : "");
        return false;
    }
    return true;
}
