/*
 * metrics.c - the registry of metric families and its text rendering (format 0.0.4).
 * Owns: families' series and cells, until exit. Never: frees a cell; asks what a metric means.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#include "triaged/base/metrics.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/map.h"
#include "triaged/base/mem.h"

struct metric_series {
    struct metric_cell cell;
    struct metric_series *next;
    struct map index;                /* of the first series only: joined values -> series */
    char *values[METRIC_LABELS_MAX]; /* well-formed UTF-8 */
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric_family *families; /* sorted by name */

static unsigned label_count(const struct metric_family *f)
{
    unsigned n = 0;
    while (n < METRIC_LABELS_MAX && f->labels[n])
        n++;
    return n;
}

static void register_family(struct metric_family *f)
{
    struct metric_family **at = &families;
    while (*at && strcmp((*at)->name, f->name) < 0)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    f->registered = 1;
}

/* Values joined with their lengths: "1:a3:bcd", a key that no choice of values can forge. */
static struct str join(struct buf *b, const char *const *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "%zu:%s", strlen(values[i]), values[i]);
    return buf_str(b);
}

static char *well_formed(const char *value)
{
    struct str s = str_c(value);
    struct buf b;
    buf_init(&b, s.n * 3 + 1);
    for (size_t i = 0, n; i < s.n; i += n ? n : 1) {
        n = str_utf8_seq(s, i);
        if (n)
            buf_put(&b, s.p + i, n);
        else
            buf_put(&b, "\xEF\xBF\xBD", 3);
    }
    buf_put_char(&b, 0);
    return b.p;
}

static struct metric_series *series_new(struct metric_family *f, const char *const *values,
                                        unsigned n, struct str key)
{
    struct metric_series *s = NEW(struct metric_series);
    s->cell.family = f;
    if (f->type == METRIC_HISTOGRAM)
        s->cell.buckets = NEW_ARRAY(_Atomic int64_t, f->n_bounds + 1u);
    for (unsigned i = 0; i < n; i++)
        s->values[i] = well_formed(values[i]);
    if (!f->first)
        f->first = s;
    else {
        s->next = f->first->next;
        f->first->next = s;
    }
    struct str kept = {xstrndup(key.n ? key.p : "", key.n), key.n};
    map_put(&f->first->index, kept, s);
    return s;
}

struct metric_cell *metric_cell_v(struct metric_family *f, const char *const *values, unsigned n)
{
    static const char *const other[METRIC_LABELS_MAX] = {"other", "other", "other", "other"};
    const char *given[METRIC_LABELS_MAX];
    unsigned want = label_count(f);
    for (unsigned i = 0; i < want; i++)
        given[i] = i < n && values[i] ? values[i] : "";

    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    pthread_mutex_lock(&registry_lock);
    if (!f->registered)
        register_family(f);
    struct str key = join(&b, given, want);
    struct metric_series *s = f->first ? map_get(&f->first->index, key) : NULL;
    if (!s && f->first && f->first->index.n >= METRIC_CELLS_MAX) {
        buf_reset(&b);
        key = join(&b, other, want);
        s = map_get(&f->first->index, key);
        if (!s)
            s = series_new(f, other, want, key);
    } else if (!s) {
        s = series_new(f, given, want, key);
    }
    pthread_mutex_unlock(&registry_lock);
    buf_finish(&b);
    return &s->cell;
}

struct metric_cell *metric_cell(struct metric_family *f, ...)
{
    const char *values[METRIC_LABELS_MAX];
    unsigned n = label_count(f);
    va_list ap;
    va_start(ap, f);
    for (unsigned i = 0; i < n; i++)
        values[i] = va_arg(ap, const char *);
    va_end(ap);
    return metric_cell_v(f, values, n);
}

void metric_observe(struct metric_cell *c, int64_t v)
{
    const struct metric_family *f = c->family;
    unsigned i = 0;
    if (v < 0) /* by a clock that was set back; a sum that falls would be taken for a restart */
        v = 0;
    while (i < f->n_bounds && v > f->bounds[i])
        i++;
    atomic_fetch_add_explicit(&c->value, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->sum, v, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->buckets[i], 1, memory_order_relaxed);
}

/* ---- rendering ------------------------------------------------------------------------------- */

static void put_escaped(struct buf *out, const char *s, bool quotes)
{
    for (; *s; s++) {
        if (*s == '\\')
            buf_put_c(out, "\\\\");
        else if (*s == '\n')
            buf_put_c(out, "\\n");
        else if (*s == '"' && quotes)
            buf_put_c(out, "\\\"");
        else
            buf_put_char(out, *s);
    }
}

static void put_number(struct buf *out, const struct metric_family *f, int64_t v)
{
    if (f->scale == 0 || f->scale == 1)
        buf_put_i64(out, v);
    else
        buf_printf(out, "%.15g", (double)v * f->scale);
}

/* name_suffix{labels,le="..."} and a blank; le NULL = none. */
static void put_name(struct buf *out, const struct metric_series *s, const char *suffix,
                     const char *le)
{
    const struct metric_family *f = s->cell.family;
    unsigned n = label_count(f);
    buf_put_c(out, f->name);
    buf_put_c(out, suffix);
    if (n || le)
        buf_put_char(out, '{');
    for (unsigned i = 0; i < n; i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "", f->labels[i]);
        put_escaped(out, s->values[i], true);
        buf_put_char(out, '"');
    }
    if (le)
        buf_printf(out, "%sle=\"%s\"", n ? "," : "", le);
    if (n || le)
        buf_put_char(out, '}');
    buf_put_char(out, ' ');
}

static void put_histogram(struct buf *out, struct metric_series *s)
{
    const struct metric_family *f = s->cell.family;
    int64_t below = 0;
    char le[32];
    for (unsigned i = 0; i < f->n_bounds; i++) {
        below += atomic_load_explicit(&s->cell.buckets[i], memory_order_relaxed);
        snprintf(le, sizeof(le), "%.15g", (double)f->bounds[i] * (f->scale == 0 ? 1 : f->scale));
        put_name(out, s, "_bucket", le);
        buf_printf(out, "%lld\n", (long long)below);
    }
    /* +Inf and _count are the buckets' sum: what is observed meanwhile must not tear them apart */
    below += atomic_load_explicit(&s->cell.buckets[f->n_bounds], memory_order_relaxed);
    put_name(out, s, "_bucket", "+Inf");
    buf_printf(out, "%lld\n", (long long)below);
    put_name(out, s, "_sum", NULL);
    put_number(out, f, atomic_load_explicit(&s->cell.sum, memory_order_relaxed));
    buf_put_char(out, '\n');
    put_name(out, s, "_count", NULL);
    buf_printf(out, "%lld\n", (long long)below);
}

static void put_family(struct buf *out, const struct metric_family *f)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buf_printf(out, "# HELP %s ", f->name);
    put_escaped(out, f->help, false);
    buf_printf(out, "\n# TYPE %s %s\n", f->name, types[f->type]);
    for (struct metric_series *s = f->first; s; s = s->next) {
        if (f->type == METRIC_HISTOGRAM) {
            put_histogram(out, s);
            continue;
        }
        put_name(out, s, "", NULL);
        put_number(out, f, metric_get(&s->cell));
        buf_put_char(out, '\n');
    }
}

bool metrics_render(struct buf *out)
{
    pthread_mutex_lock(&registry_lock);
    for (const struct metric_family *f = families; f; f = f->next)
        put_family(out, f);
    pthread_mutex_unlock(&registry_lock);
    return !out->overflow;
}
