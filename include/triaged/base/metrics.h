/*
 * metrics.h - counters, gauges and histograms in Prometheus' text format 0.0.4.
 * A family is declared once (name, help, type, label names); a cell is one series of it. Cells are
 * found once and kept by pointer: adding to one is a relaxed atomic add. The registry is global
 * to the process and thread-safe for look-up; families live until exit.
 * Names follow https://prometheus.io/docs/practices/naming/ and pass `promtool check metrics`.
 */
#ifndef TRIAGED_BASE_METRICS_H
#define TRIAGED_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS_MAX = 4, METRIC_BUCKETS_MAX = 24, METRIC_CELLS_MAX = 10000 };

struct metric_cell {
    _Atomic int64_t value; /* counter or gauge; histogram: count */
    _Atomic int64_t sum;   /* histogram: sum in the family's unit before scaling */
    _Atomic int64_t *buckets;
    const struct metric_family *family;
};

struct metric_family {
    const char *name; /* triaged_..., counters end in _total */
    const char *help;
    enum metric_type type;
    const char *labels[METRIC_LABELS_MAX]; /* names, NULL-ended if fewer */
    double scale;            /* values are multiplied by it when shown: 1e-3 for ms -> s; 0 = 1 */
    const int64_t *bounds;   /* histogram: ascending upper bounds before scaling */
    unsigned n_bounds;
    /* private */
    struct metric_series *first;
    struct metric_family *next;
    int registered;
};

/* The cell for these label values (as many as the family names; none for an unlabelled family).
 * Registers the family at its first use. Beyond METRIC_CELLS_MAX cells of a family, all new label
 * values share one cell labelled "other". Never NULL, lives until exit. */
struct metric_cell *metric_cell(struct metric_family *f, ...);   /* const char * values */
struct metric_cell *metric_cell_v(struct metric_family *f, const char *const *values, unsigned n);

static inline void metric_add(struct metric_cell *c, int64_t n)
{
    atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}
static inline void metric_set(struct metric_cell *c, int64_t v)
{
    atomic_store_explicit(&c->value, v, memory_order_relaxed);
}
static inline int64_t metric_get(const struct metric_cell *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}
void metric_observe(struct metric_cell *c, int64_t v); /* histogram */

/* Appends all families in text exposition format, sorted by name. */
bool metrics_render(struct buf *out);

#endif
