/*
 * shipper_back.c - going back: to what Redis has not got, and to what is left when it has lost more
 * than we kept.
 * Owns: where a shipper goes back to. Called by: shipper.c, shipper_refused.c.
 */
#include "shipper_internal.h"

#include <stdio.h>
#include <string.h>

#include "store_keys.h"
#include "supervisor.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"

struct metric_family store_rewound_total = {
    .name = "triaged_store_rewound_total",
    .help = "Times that Redis had lost more than the spool still kept.",
    .type = METRIC_COUNTER,
};

void shipper_back_init(void)
{
    metric_cell(&store_rewound_total);
}

/* Redis has forgotten what it had: the settings too. */
static void ask_for_settings(struct shipper *s)
{
    atomic_store(&s->w->supervisor->settings_in, 0);
    mailbox_post(s->w->supervisor->mailbox, SUPERVISOR_SETTINGS, NULL, NULL, 0);
    s->patience_ms = clock_mono_ms() + SETTINGS_PATIENCE_MS;
}

void shipper_drain_to(struct shipper *s, uint64_t position)
{
    if (!s->rewind_needed || position < s->rewind_to)
        s->rewind_to = position;
    s->rewind_needed = true;
    s->draining = true;
}

static void on_adopted(void *arg, enum store_status status, const struct store_reply *reply,
                       struct str error)
{
    struct shipper *s = arg;

    (void)reply;
    s->draining = false;
    if (status != STORE_OK) {
        log_warn("ship", "adopt was not done, trying again: %.*s", STR_ARG(error));
        shipper_pause(s);
    } else {
        metric_add(metric_cell(&store_rewound_total), 1);
        atomic_store(&s->w->status.rewound, true);
    }
    spool_rewind_all(s->spool);
    shipper_kick(s);
}

/* Redis lost more than we kept, or all it had: take what is left as the new beginning, and say so.
 */
static void adopt(struct shipper *s, uint64_t applied_before_oldest)
{
    const struct team *team = &s->teams[s->gap_team];
    char key_text[STORE_KEY_SIZE], now[24], seq[24], highest[24];
    struct str key = store_key(s->w->conf->prefix, team->name, "applied", key_text);
    struct str args[] = {STR_NONE, str_c(s->gap_stream), STR_NONE, STR_NONE};

    snprintf(now, sizeof(now), "%lld", (long long)shipper_now(s));
    snprintf(seq, sizeof(seq), "%llu", (unsigned long long)applied_before_oldest);
    snprintf(highest, sizeof(highest), "%lld", (long long)metric_get(team->highest));
    args[0] = str_c(now);
    args[2] = str_c(seq);
    args[3] = str_c(highest);
    log_error("ship",
              "Redis has lost records that it had acknowledged; going on from what is kept here "
              "team=%.*s stream=%s applied=%llu kept_after=%s",
              STR_ARG(team->name), s->gap_stream, (unsigned long long)s->gap_applied, seq);
    ask_for_settings(s);
    s->draining = true;
    store_call(s->w->store, SCRIPT_ADOPT, &key, 1, args, ARRAY_LEN(args), on_adopted, s);
}

void shipper_drained(struct shipper *s)
{
    bool gap = s->gap;

    s->draining = s->gap = false;
    if (!s->ready) /* shipper_on_store begins anew */
        return;
    if (gap) {
        uint64_t oldest_prev;
        bool kept = spool_rewind_after(s->spool, s->gap_stream, s->teams[s->gap_team].name,
                                       s->gap_applied, &oldest_prev);

        if (!kept || s->gap_forgotten) {
            s->rewind_needed = false;
            adopt(s, oldest_prev);
            return;
        }
    }
    if (s->rewind_needed)
        spool_rewind(s->spool, s->rewind_to);
    s->rewind_needed = false;
    shipper_kick(s);
}

/* Whether the first record after `applied` was acknowledged by now. To be asked when the GAP comes:
 * a `skip` that is under way acknowledges records that Redis never had. */
static bool acked_after(struct shipper *s, const struct flight *f, uint64_t applied)
{
    struct spool_record r;
    uint64_t oldest_prev;

    return spool_rewind_after(s->spool, f->stream, s->teams[f->team].name, applied, &oldest_prev) &&
           spool_next(s->spool, &r) && r.acked;
}

void shipper_on_gap(struct shipper *s, const struct flight *f, const struct store_reply *reply)
{
    metric_add(metric_cell(&shipped_total, "gap"), 1);
    if (!s->gap) {
        s->gap = true;
        memcpy(s->gap_stream, f->stream, sizeof(s->gap_stream));
        s->gap_team = f->team;
        s->gap_applied = (uint64_t)store_reply_int(store_reply_at(reply, 1));
        s->gap_forgotten =
            store_reply_int(store_reply_at(reply, 2)) != 0 && acked_after(s, f, s->gap_applied);
    }
    shipper_drain_to(s, f->position);
}
