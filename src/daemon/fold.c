/*
 * fold.c - gathers equal observations and writes them as records.
 * Owns: the entries that wait (arena), references to their verdicts, one record buffer per team.
 * Never: touches the spool itself; the caller's function does.
 * Called by: pipeline.c.
 *
 * Order: an alert's state is what was received last. Entries leave in order of arrival, and an
 * observation joins an entry only if that is the last one of its fingerprint and says the same
 * state.
 */
#include "fold.h"

#include <stdlib.h>
#include <string.h>

#include "teams.h"
#include "triaged/alert/observation.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"
#include "triaged/base/metrics.h"

static struct metric_family too_large_total = {
    .name = "triaged_observations_too_large_total",
    .help = "Observations left out because they alone are larger than a record may be.",
    .type = METRIC_COUNTER,
};

enum {
    BY_FP_CAP = 4096,    /* power of two; a cache: what does not fit is not folded */
    ITEM_OVERHEAD = 256, /* times, counts and lengths of one observation */
    MESSAGE_FIRST = 128, /* bytes; doubled up to FOLD_MESSAGE_MAX */
    ESCAPED = 2,         /* what a byte of a message comes to in JSON, generously on average */
};

void fold_init(struct fold *f, unsigned index, size_t max_entries, size_t max_bytes)
{
    memset(f, 0, sizeof(*f));
    f->index = index;
    arena_init(&f->arena, 64 * 1024);
    f->last = &f->first;
    f->max = max_entries;
    f->max_bytes = max_bytes;
    f->by_fp_cap = BY_FP_CAP;
    f->by_fp = NEW_ARRAY(struct fold_entry *, BY_FP_CAP);
}

void fold_empty(struct fold *f, int64_t now_ms)
{
    for (struct fold_entry *e = f->first; e; e = e->next) {
        struct fold_entry **pending = &e->prepared->pending[f->index];

        if (*pending == e)
            *pending = NULL;
        if (now_ms)
            e->prepared->written_ms = now_ms;
        f->by_fp[e->prepared->fp & (f->by_fp_cap - 1)] = NULL;
        prepared_unref(e->prepared);
    }
    f->first = NULL;
    f->last = &f->first;
    f->n = f->bytes = 0;
    arena_reset(&f->arena);
}

void fold_finish(struct fold *f)
{
    fold_empty(f, 0);
    for (size_t i = 0; i < f->n_teams; i++) {
        buf_finish(&f->teams[i].record);
        free((char *)f->teams[i].team.p);
    }
    free(f->teams);
    free(f->by_fp);
    arena_finish(&f->arena);
}

static struct fold_entry *append(struct fold *f, struct prepared *p)
{
    struct fold_entry *e = ARENA_NEW(&f->arena, struct fold_entry);

    e->prepared = prepared_ref(p);
    *f->last = e;
    f->last = &e->next;
    f->n++;
    f->bytes += p->bytes + ITEM_OVERHEAD;
    return e;
}

/* Twice what it needs, since the next one is often a little longer. */
static void grow_message(struct fold *f, struct fold_entry *e)
{
    uint32_t cap = MESSAGE_FIRST;

    while (cap < e->message_n)
        cap *= 2;
    e->message = arena_alloc(&f->arena, cap);
    f->bytes += ESCAPED * (cap - e->message_cap);
    e->message_cap = cap;
}

static void keep_message(struct fold *f, struct fold_entry *e, struct str message)
{
    e->message_n = (uint32_t)(message.n < FOLD_MESSAGE_MAX ? message.n : FOLD_MESSAGE_MAX);
    if (e->message_n > e->message_cap || !e->message)
        grow_message(f, e);
    if (e->message_n)
        memcpy(e->message, message.p, e->message_n);
}

void fold_add_log(struct fold *f, struct prepared *p, struct str message, uint32_t repeat,
                  int64_t received_ms, int64_t starts_ms, struct str sender)
{
    struct fold_entry *e = p->pending[f->index];

    if (!e) {
        e = append(f, p);
        e->first_ms = received_ms;
        e->starts_ms = starts_ms;
        e->sender = arena_str(&f->arena, sender);
        if (p->summary_is_message) {
            e->first_message = arena_str(&f->arena, str_sub(message, 0, FOLD_MESSAGE_MAX));
            f->bytes += ESCAPED * e->first_message.n;
        }
        p->pending[f->index] = e;
    }
    e->count += repeat;
    e->last_ms = received_ms;
    keep_message(f, e, message);
}

/* The last entry of this alert if it says the same and one count can stand for both. */
static struct fold_entry *same(struct fold_entry *e, const struct prepared *p,
                               const struct alert *a)
{
    if (!e || e->prepared->fp != p->fp || e->resolved != a->resolved ||
        !str_eq(e->prepared->team, p->team) || !str_eq(e->prepared->group_key, p->group_key) ||
        !str_eq(e->prepared->threshold, p->threshold) || e->prepared->impact != p->impact ||
        e->prepared->urgency != p->urgency || !str_eq(e->prepared->rule, p->rule) ||
        (p->pairs && !str_eq(e->sender, a->sender)))
        return NULL;
    return e;
}

void fold_add(struct fold *f, struct prepared *p, const struct alert *a)
{
    struct fold_entry **slot, *e;

    if (p->is_log) {
        fold_add_log(f, p, labels_get(&a->labels, S("message")), a->repeat, a->received_ms,
                     a->starts_ms, a->sender);
        return;
    }
    slot = &f->by_fp[p->fp & (f->by_fp_cap - 1)];
    e = same(*slot, p, a);
    if (!e) {
        e = append(f, p);
        e->first_ms = a->received_ms;
        e->resolved = a->resolved;
        e->sender = arena_str(&f->arena, a->sender);
        *slot = e;
    } else if (e->prepared != p) { /* the newer annotations win */
        prepared_unref(e->prepared);
        e->prepared = prepared_ref(p);
    }
    e->count += a->repeat;
    e->last_ms = a->received_ms;
    e->starts_ms = a->starts_ms;
    e->ends_ms = a->ends_ms;
    e->lease_ms = a->lease_ms;
}

static struct fold_team *team_of(struct fold *f, struct str team)
{
    struct fold_team *t;

    for (size_t i = 0; i < f->n_teams; i++)
        if (str_eq(f->teams[i].team, team))
            return &f->teams[i];
    f->teams = xrealloc_array(f->teams, f->n_teams + 1, sizeof(*f->teams));
    t = &f->teams[f->n_teams++];
    *t = (struct fold_team){.team = {xstrndup(team.p, team.n), team.n}};
    buf_init(&t->record, RECORD_BYTES_MAX + 64 * 1024);
    return t;
}

/* Fields that are put together in place: their length is known only afterwards. */
static size_t begin_field(struct buf *b)
{
    buf_put_u32le(b, 0);
    return b->n;
}

static void end_field(struct buf *b, size_t from)
{
    if (b->overflow)
        return;
    for (size_t i = 0, n = b->n - from; i < 4; i++, n >>= 8)
        b->p[from - 4 + i] = (char)(n & 0xff);
}

/* Times before 1970 are no times to anybody downstream: unset. */
static void put_time(struct buf *b, int64_t ms)
{
    record_put_i64(b, ms > 0 ? ms : 0);
}

static bool same_meta(const struct prepared *a, const struct prepared *b)
{
    return b && !a->summary_is_message && !b->summary_is_message &&
           (a == b || str_eq(a->meta, b->meta));
}

/* Half of an observation may be its meta, and neighbours often have the same: the alerts of a rule
 * that a sender posts together. */
static void put_meta(struct fold_team *t, const struct fold_entry *e)
{
    size_t from;

    if (same_meta(e->prepared, t->before)) {
        record_put(&t->record, S(OBSERVE_META_AS_BEFORE));
    } else {
        from = begin_field(&t->record);
        prepared_put_meta(e->prepared, e->first_message, &t->record);
        end_field(&t->record, from);
    }
    t->before = e->prepared;
}

/* What an incident is opened with and what it shows of its alert. A resolve that acts only where
 * the alert fires needs neither; and as there is one for each other team, a large request of them
 * would fit no group of the spool. */
static void put_texts(struct fold_team *t, const struct fold_entry *e, bool elsewhere)
{
    struct buf *b = &t->record;
    size_t from;

    if (elsewhere) {
        record_put(b, S("{}"));
        record_put(b, S(""));
        t->before = NULL;
        return;
    }
    put_meta(t, e);
    from = begin_field(b);
    prepared_put_alert(e->prepared, (struct str){e->message, e->message_n}, b);
    end_field(b, from);
}

static void put_item(struct fold_team *t, const struct fold_entry *e, struct str state)
{
    const struct prepared *p = e->prepared;
    struct buf *b = &t->record;

    record_put(b, p->fingerprint);
    record_put(b, p->group_key);
    record_put(b, state);
    record_put(b, p->is_log ? S("log") : S("alert"));
    put_time(b, e->first_ms);
    put_time(b, e->last_ms);
    record_put_i64(b, (int64_t)e->count);
    put_time(b, e->starts_ms);
    put_time(b, e->ends_ms);
    put_time(b, e->lease_ms);
    record_put(b, e->sender);
    record_put(b, p->pairs ? S("1") : S("0"));
    record_put(b, p->system);
    record_put(b, str_c(p->impact));
    record_put(b, str_c(p->urgency));
    record_put(b, p->rule);
    record_put(b, p->threshold);
    record_put(b, p->suppress);
    put_texts(t, e, str_eq(state, S("elsewhere")));
}

static void empty_record(struct fold_team *t)
{
    t->items = 0;
    t->before = NULL;
    buf_reset(&t->record);
}

static bool close_record(struct fold_team *t, fold_record_fn *record, void *arg)
{
    bool kept;

    if (t->items == 0)
        return true;
    kept = record_end(&t->record, t->items) && record(arg, t->team, buf_str(&t->record));
    empty_record(t);
    return kept;
}

/* One observation that fits no record at all. The intake's limits keep alerts far below that. */
static void leave_out(struct fold_team *t)
{
    metric_add(metric_cell(&too_large_total), 1);
    log_error("fold", "an observation of team=%.*s is larger than %d bytes and was left out",
              STR_ARG(t->team), (int)RECORD_BYTES_MAX);
    empty_record(t);
}

static bool write_item(struct fold_team *t, const struct fold_entry *e, struct str state,
                       fold_record_fn *record, void *arg)
{
    size_t before = t->record.n;

    for (int attempt = 0; attempt < 2; attempt++) {
        if (t->items == 0)
            record_begin(&t->record, RECORD_OBSERVE, OBSERVE_N, e->first_ms);
        put_item(t, e, state);
        t->items++;
        if (!t->record.overflow && t->record.n <= RECORD_BYTES_MAX)
            break;
        /* too big with its neighbours: send those, then begin anew with it alone */
        if (t->items == 1) {
            leave_out(t);
            break;
        }
        t->items--;
        t->record.n = before;
        t->record.overflow = false;
        if (!close_record(t, record, arg))
            return false;
        before = 0;
    }
    return t->items < RECORD_ITEMS_MAX || close_record(t, record, arg);
}

static struct str state_of(const struct fold_entry *e)
{
    return e->prepared->is_beat ? S("beat") : e->resolved ? S("resolved") : S("firing");
}

static bool write_all(struct fold *f, const struct team *teams, size_t n_teams,
                      int64_t rules_loaded_ms, fold_record_fn *record, void *arg)
{
    for (struct fold_entry *e = f->first; e; e = e->next) {
        struct str team = e->prepared->team;

        if (!write_item(team_of(f, team), e, state_of(e), record, arg))
            return false;
        if (!e->resolved || e->starts_ms >= rules_loaded_ms)
            continue;
        for (size_t i = 0; i < n_teams; i++)
            if (!str_eq(teams[i].name, team) &&
                !write_item(team_of(f, teams[i].name), e, S("elsewhere"), record, arg))
                return false;
    }
    for (size_t i = 0; i < f->n_teams; i++)
        if (!close_record(&f->teams[i], record, arg))
            return false;
    return true;
}

bool fold_write(struct fold *f, const struct team *teams, size_t n_teams, int64_t rules_loaded_ms,
                fold_record_fn *record, void *arg)
{
    bool ok = write_all(f, teams, n_teams, rules_loaded_ms, record, arg);

    for (size_t i = 0; i < f->n_teams; i++)
        empty_record(&f->teams[i]);
    return ok;
}
