/*
 * decode_grafana.c - Grafana's webhook: unified alerting (since 8), which is Alertmanager's
 * envelope with more links, and the legacy one (one rule's state, no alerts list).
 * Owns: which of Grafana's own fields are kept, as annotations under their own names.
 * Never: lets them replace an annotation that the rule's author wrote.
 */
#include "webhook.h"

static void add_annotation(struct reading *r, struct alert *a, const char *name, struct str value)
{
    if (value.n)
        labels_add(&a->annotations, &r->out->arena, str_c(name),
                   labelled_cut(value, r->in->limits->annotation_value));
}

static void add_links(struct reading *r, const jx *alert, struct alert *a)
{
    static const char *const kept[] = {"dashboardURL", "panelURL", "silenceURL", "valueString",
                                       "imageURL"};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        add_annotation(r, a, kept[i], jx_str(jx_get(alert, kept[i])));
}

/*
 * Legacy alerting: {"ruleName","ruleId","ruleUrl","state","title","message","tags"}. Two rules may
 * have one name, so the rule's id is part of the identity.
 */
static bool read_legacy(struct reading *r, const jx *doc, struct alert *a)
{
    struct str rule = jx_str(jx_get(doc, "ruleName"));
    a->labels = webhook_lenient_labels(r, jx_get(doc, "tags"));
    if (rule.n > r->in->limits->label_value)
        return reading_bad(r, 400, 0, NULL, "ruleName is too long");
    labels_add(&a->labels, &r->out->arena, S("alertname"), rule);
    int64_t id;
    if (jx_int(jx_get(doc, "ruleId"), &id))
        labels_add(&a->labels, &r->out->arena, S("rule_id"),
                   arena_printf(&r->out->arena, "%lld", (long long)id));
    labels_normalise(&a->labels);
    add_annotation(r, a, "summary", jx_str(jx_get(doc, "title")));
    add_annotation(r, a, "description", jx_str(jx_get(doc, "message")));
    add_annotation(r, a, "imageURL", jx_str(jx_get(doc, "imageUrl")));
    a->generator_url =
        labelled_cut(jx_str(jx_get(doc, "ruleUrl")), r->in->limits->annotation_value);
    struct str state = jx_str(jx_get(doc, "state"));
    a->resolved = str_eq(state, S("ok")) || str_eq(state, S("paused"));
    webhook_finish(r, a, SOURCE_GRAFANA, 0, 0);
    return true;
}

void decode_grafana(const struct decode_input *in, struct alert_batch *out,
                    struct decode_result *res)
{
    struct reading r = {.in = in, .out = out, .res = res, .list = ""};
    *res = (struct decode_result){.useless = ""};
    const jx *doc = webhook_parse(&r);
    if (!doc)
        return;
    if (jx_get(doc, "alerts") || !jx_str(jx_get(doc, "ruleName")).n) {
        webhook_read(&r, doc, SOURCE_GRAFANA, add_links);
        return;
    }
    if (str_eq(jx_str(jx_get(doc, "state")), S("pending"))) {
        res->useless = "a pending rule";
        return;
    }
    if (!read_legacy(&r, doc, alert_batch_add(out))) {
        out->n--;
        res->useless = "no alert in it can be used";
    }
}
