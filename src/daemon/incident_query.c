/*
 * incident_query.c - reads and applies the filters of the API.
 * Owns: the compiled matchers of one request.
 * Never: asks Redis. Called by: incident_page.c, the routes that list incidents.
 */
#include "incident_query.h"

#include <stdio.h>
#include <stdlib.h>

#include "worker.h"
#include "triaged/base/mem.h"
#include "triaged/rules/matcher.h"
#include "triaged/rules/regex.h"

/* ---- where the values come from ----------------------------------------------------------------
 */

struct source {
    struct http_request *req;
    const jx *where; /* or NULL */
};

static struct str value_of(const struct source *from, const char *name, size_t i)
{
    const jx *list = from->where ? jx_get(from->where, name) : NULL;

    return from->where ? jx_str(jx_at(list, i)) : http_request_query_at(from->req, name, i);
}

static bool fault(struct form_error *why, const char *path, const char *sentence, struct str value)
{
    snprintf(why->path, sizeof(why->path), "%s", path);
    snprintf(why->text, sizeof(why->text), "%s: %s %.*s", path, sentence,
             value.n < 100 ? (int)value.n : 100, value.p ? value.p : "");
    return false;
}

static bool read_list(const struct source *from, const char *name, struct arena *a,
                      struct query_list *out, struct form_error *why)
{
    struct str value;

    while ((value = value_of(from, name, out->n)).p) {
        if (out->n == QUERY_VALUES_MAX)
            return fault(why, name, "has more than 100 values", STR_NONE);
        if (!out->v)
            out->v = ARENA_ARRAY(a, struct str, QUERY_VALUES_MAX);
        out->v[out->n++] = arena_str(a, value);
    }
    return true;
}

/* A bit for each word that is named; 0 when none is. */
static bool read_words(const struct source *from, const char *name, const char *const *words,
                       unsigned *out, struct form_error *why)
{
    struct str value;

    *out = 0;
    for (size_t i = 0; (value = value_of(from, name, i)).p; i++) {
        unsigned bit = 0;

        while (words[bit] && !str_eq_c(value, words[bit]))
            bit++;
        if (!words[bit])
            return fault(why, name, "does not know", value);
        *out |= 1u << bit;
    }
    return true;
}

/* ---- teams -------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    const struct team *x = a, *y = b;

    return str_cmp(x->name, y->name);
}

void query_sort_teams(struct query *q)
{
    if (q->n_teams)
        qsort(q->teams, q->n_teams, sizeof(*q->teams), by_name);
}

static bool read_teams(struct query *q, const struct source *from, struct api *api,
                       struct form_error *why)
{
    struct team *all, found;
    size_t n_all = teams_all(api->w->teams, api->conf, &api->arena, &all);
    struct str name;

    if (!value_of(from, "team", 0).p) {
        q->teams = all;
        q->n_teams = n_all;
    } else {
        q->teams = ARENA_ARRAY(&api->arena, struct team, n_all + 1);
        for (size_t i = 0; (name = value_of(from, "team", i)).p; i++) {
            bool twice = false;

            if (!teams_find(api->w->teams, api->conf, name, &api->arena, &found))
                return fault(why, "team", "there is no team", name);
            for (size_t k = 0; k < q->n_teams; k++)
                twice = twice || str_eq(q->teams[k].name, found.name);
            if (!twice)
                q->teams[q->n_teams++] = found;
            if (i >= QUERY_VALUES_MAX)
                return fault(why, "team", "has more than 100 values", STR_NONE);
        }
    }
    query_sort_teams(q);
    return true;
}

/* ---- matchers ----------------------------------------------------------------------------------
 */

/* A matcher on one of these is on the incident; any other name is a label of its alerts. */
static const char *const field_names[] = {
    "assignee",     "category",    "fix",     "flapping",      "for",         "group_key",
    "id",           "impact",      "kind",    "known_error",   "merged_into", "noise",
    "overdue",      "priority",    "problem", "queue",         "reason",      "recurrence_of",
    "reported_by",  "resolution",  "review",  "rule",          "service",     "source",
    "state",        "subcategory", "summary", "suppressed_by", "systems",     "team",
    "tier",         "title",       "triage",  "uid",           "unattended",  "urgency",
    "with_manager",
};

static bool is_field(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(field_names); i++)
        if (str_eq_c(name, field_names[i]))
            return true;
    return false;
}

static bool compile(struct filter **out, struct matcher_text *v, size_t n, struct arena *a,
                    struct form_error *why)
{
    struct str sentence;

    if (n == 0)
        return true;
    *out = filter_create(v, n, a, &sentence);
    return *out || fault(why, "filter", "", sentence);
}

static bool read_filters(struct query *q, const struct source *from, struct arena *a,
                         struct form_error *why)
{
    struct matcher_text *fields = ARENA_ARRAY(a, struct matcher_text, MATCHERS_MAX),
                        *labels = ARENA_ARRAY(a, struct matcher_text, MATCHERS_MAX), *list;
    size_t n_fields = 0, n_labels = 0, n;
    struct str text, sentence;

    for (size_t i = 0; (text = value_of(from, "filter", i)).p; i++) {
        if (!matcher_parse_list(text, a, &list, &n, &sentence))
            return fault(why, "filter", "", sentence);
        for (size_t k = 0; k < n; k++) {
            bool by_label = str_starts(list[k].name, S("label."));

            if (n_fields + n_labels == MATCHERS_MAX)
                return fault(why, "filter", "has more than 100 matchers", STR_NONE);
            if (by_label)
                list[k].name = str_sub(list[k].name, 6, list[k].name.n);
            if (!by_label && is_field(list[k].name))
                fields[n_fields++] = list[k];
            else
                labels[n_labels++] = list[k];
        }
    }
    q->scratch = regex_scratch_create();
    return compile(&q->fields, fields, n_fields, a, why) &&
           compile(&q->labels, labels, n_labels, a, why);
}

/* ---- read --------------------------------------------------------------------------------------
 */

static bool read_overdue(struct query *q, const struct source *from, struct form_error *why)
{
    struct str value = value_of(from, "overdue", 0);

    if (from->where)
        q->overdue = jx_bool(jx_get(from->where, "overdue"), false);
    else if (value.p && !str_eq(value, S("true")) && !str_eq(value, S("false")))
        return fault(why, "overdue", "must be true or false, not", value);
    else
        q->overdue = str_eq(value, S("true"));
    return true;
}

bool query_read(struct query *q, struct api *api, const jx *where, struct form_error *why)
{
    struct source from = {api->req, where};
    struct arena *a = &api->arena;

    *q = (struct query){0};
    if (!read_teams(q, &from, api, why) ||
        !read_words(&from, "state", form_states, &q->states, why) ||
        !read_words(&from, "priority", form_priorities, &q->priorities, why) ||
        !read_list(&from, "category", a, &q->category, why) ||
        !read_list(&from, "service", a, &q->service, why) ||
        !read_list(&from, "assignee", a, &q->assignee, why) ||
        !read_list(&from, "rule", a, &q->rule, why) ||
        !read_list(&from, "system", a, &q->system, why) || !read_overdue(q, &from, why) ||
        !read_filters(q, &from, a, why))
        return false;
    if (!q->states)
        q->states = QUERY_OPEN | QUERY_ACKNOWLEDGED | QUERY_RESOLVED;
    if (!q->priorities)
        q->priorities = 15;
    return true;
}

void query_finish(struct query *q)
{
    filter_destroy(q->fields);
    filter_destroy(q->labels);
    regex_scratch_destroy(q->scratch);
    *q = (struct query){0};
}

/* ---- match -------------------------------------------------------------------------------------
 */

static bool has(const struct query_list *list, struct str value)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->v[i], value))
            return true;
    return list->n == 0;
}

static bool bit_set(unsigned bits, const char *const *words, struct str word)
{
    for (unsigned i = 0; words[i]; i++)
        if (str_eq_c(word, words[i]))
            return bits & 1u << i;
    return false;
}

static bool has_system(const struct query *q, struct str systems)
{
    struct jx_error why;
    bool found = false;
    jx *list;

    if (q->system.n == 0)
        return true;
    list = jx_parse(systems.n ? systems : S("[]"), &why);
    for (size_t i = 0; i < jx_len(list) && !found; i++)
        found = has(&q->system, jx_str(jx_at(list, i)));
    jx_free(list);
    return found;
}

static bool fields_match(const struct query *q, const struct incident *inc, struct arena *a)
{
    struct labels l = {0};

    if (!q->fields)
        return true;
    for (size_t i = 0; i < inc->n; i++)
        labels_add(&l, a, inc->names[i], inc->values[i]);
    labels_normalise(&l);
    return filter_match_labels(q->fields, q->scratch, &l);
}

bool query_matches(const struct query *q, const struct incident *inc, struct arena *a)
{
    struct str assignee = incident_get(inc, "assignee");

    return bit_set(q->states, form_states, incident_get(inc, "state")) &&
           bit_set(q->priorities, form_priorities, incident_get(inc, "priority")) &&
           has(&q->category, incident_get(inc, "category")) &&
           has(&q->service, incident_get(inc, "service")) &&
           has(&q->rule, incident_get(inc, "rule")) &&
           has(&q->assignee, assignee.n ? assignee : incident_get(inc, "for")) &&
           (!q->overdue || incident_get(inc, "overdue").n > 0) &&
           has_system(q, incident_get(inc, "systems")) && fields_match(q, inc, a);
}

bool query_matches_alert(const struct query *q, struct str stored, struct arena *a)
{
    struct labels l = {0};
    struct jx_error why;
    const jx *value;
    void *it = NULL;
    struct str name;
    bool matches;
    jx *doc;

    if (!q->labels)
        return true;
    doc = jx_parse(stored, &why);
    while (jx_next(jx_get(doc, "labels"), &it, &name, &value))
        labels_add(&l, a, name, jx_str(value));
    labels_normalise(&l);
    matches = doc && filter_match_labels(q->labels, q->scratch, &l);
    jx_free(doc);
    return matches;
}
