/*
 * shipper_refused.c - records that Redis refuses for their own sake: kept in the dead-letter file,
 * then script `skip` moves past them, so that they hold up nothing.
 * Owns: what is put aside, and when that is given up. Called by: shipper.c.
 *
 * What was put aside is never sent again, not even after Redis has lost that it moved past it: a
 * person may bring it back (`triagectl spool retry`), and then it would count twice.
 */
#include "shipper_internal.h"

#include <stdio.h>
#include <string.h>

#include "store_keys.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"

static struct metric_family dead_letters_total = {
    .name = "triaged_dead_letters_total",
    .help = "Records that Redis refused for their own sake, kept in the dead-letter file.",
    .type = METRIC_COUNTER,
};

static struct metric_family foreign_total = {
    .name = "triaged_stream_foreign_records_total",
    .help =
        "Records that Redis took for those of a copy of this daemon (a virtual machine that was "
        "cloned or set back), kept in the dead-letter file.",
    .type = METRIC_COUNTER,
};

void shipper_refused_init(void)
{
    metric_cell(&dead_letters_total);
    metric_cell(&spool_dead_letters_lost_total);
    metric_cell(&foreign_total);
}

static void say_stuck(struct shipper *s, const struct flight *f, struct str error)
{
    uint64_t held;

    if (log_rate_pass(&s->stuck, clock_mono_ms(), &held))
        log_error("ship",
                  "Redis can apply nothing of a team: what comes in for it becomes dead letters "
                  "team=%.*s error=\"%.*s\" suppressed=%llu",
                  STR_ARG(s->teams[f->team].name), STR_ARG(error), (unsigned long long)held);
}

static void on_skipped(void *arg, enum store_status status, const struct store_reply *reply,
                       struct str error)
{
    struct flight *f = arg;
    struct shipper *s = f->s;

    if (status == STORE_OK) {
        enum said said = shipper_read(s, f, reply);

        if (said == SAID_GAP)
            shipper_on_gap(s, f, reply);
        else if (said != SAID_NONSENSE)
            spool_ack(s->spool, f->position, clock_wall_ms());
    } else if (status == STORE_LOST || status == STORE_DOWN) {
        shipper_lost(s, f);
    } else if (status == STORE_REFUSED) {
        /* The team's keys are broken, which is no reason to hold up the others. The record is kept;
         * when they are mended, the next one is answered GAP, and this one is moved past. */
        say_stuck(s, f, error);
        spool_ack(s->spool, f->position, clock_wall_ms());
    } else {
        shipper_pause(s);
        shipper_drain_to(s, f->position);
    }
    shipper_landed(f);
}

/* A record that Redis refuses for its own sake: kept aside, then moved past. */
static void skip(struct shipper *s, const struct flight *of)
{
    char key_text[STORE_KEY_SIZE], now[24], seq[24], prev[24];
    struct str key = store_key(s->w->conf->prefix, s->teams[of->team].name, "applied", key_text);
    struct flight *f = shipper_flight(s);
    struct str args[4];

    memcpy(f->stream, of->stream, sizeof(f->stream));
    f->seq = of->seq;
    f->prev = of->prev;
    f->position = of->position;
    f->team = of->team;
    f->items = 0;
    f->bytes = 0;
    f->is_verb = f->first = false;
    f->again = of->again;
    s->records++;
    s->resent += f->again;
    snprintf(now, sizeof(now), "%lld", (long long)shipper_now(s));
    snprintf(seq, sizeof(seq), "%llu", (unsigned long long)f->seq);
    snprintf(prev, sizeof(prev), "%llu", (unsigned long long)f->prev);
    args[0] = str_c(now);
    args[1] = str_c(f->stream);
    args[2] = str_c(seq);
    args[3] = str_c(prev);
    store_call(s->w->store, SCRIPT_SKIP, &key, 1, args, ARRAY_LEN(args), on_skipped, f);
}

/* A disk that is full gets room again; but one record must not hold up all others for ever. */
static bool give_up(struct shipper *s)
{
    int64_t now = clock_mono_ms();

    if (!s->dead_failing_ms)
        s->dead_failing_ms = now;
    if (now - s->dead_failing_ms < DEAD_PATIENCE_MS)
        return false;
    metric_add(metric_cell(&spool_dead_letters_lost_total), 1);
    log_error("ship", "the dead-letter file cannot be written for a minute: a record is lost");
    return true;
}

/* Keeps it aside once, however often it is sent again. False: it is to be tried again. */
static bool keep_dead(struct shipper *s, const struct spool_record *r, struct str error)
{
    bool kept;

    if (r->aside)
        return true;
    kept = spool_dead_letter(s->spool, r, error, clock_wall_ms());
    if (!kept && !give_up(s))
        return false;
    s->dead_failing_ms = 0;
    log_error("ship", "a record is not applied; %s team=%.*s stream=%s seq=%llu error=\"%.*s\"",
              kept ? "kept in the dead-letter file" : "it could not be kept", STR_ARG(r->team),
              r->stream, (unsigned long long)r->seq, STR_ARG(error));
    metric_add(metric_cell(&dead_letters_total), 1);
    spool_put_aside(s->spool, r->position);
    return true;
}

static void again(struct shipper *s, uint64_t position)
{
    shipper_pause(s);
    shipper_drain_to(s, position);
}

void shipper_refuse(struct shipper *s, const struct spool_record *r, struct str error)
{
    if (keep_dead(s, r, error))
        shipper_move_past(s, r);
    else
        again(s, r->position);
}

void shipper_move_past(struct shipper *s, const struct spool_record *r)
{
    struct flight of = {.seq = r->seq, .prev = r->prev, .position = r->position, .again = r->acked};

    memcpy(of.stream, r->stream, sizeof(of.stream));
    of.team = shipper_team(s, r->team);
    skip(s, &of);
}

/* The payload of a refused record is read again from the spool: flights carry none. */
void shipper_refuse_flight(struct shipper *s, const struct flight *f, struct str error)
{
    struct spool_record r;

    /* One that cannot be read now is read again; what stays unreadable spool_next gives up. */
    if (!spool_read(s->spool, f->position, &r) || !keep_dead(s, &r, error)) {
        again(s, f->position);
        return;
    }
    skip(s, f);
    shipper_drain_to(s, f->position + 1); /* those behind it were answered GAP */
}

bool shipper_on_foreign(struct shipper *s, const struct flight *f)
{
    struct spool_record r;

    if (spool_read(s->spool, f->position, &r) &&
        keep_dead(s, &r,
                  S("Redis has another record of this number: a copy of this triaged is or was at "
                    "work (a cloned or restored virtual machine); restart this one"))) {
        metric_add(metric_cell(&foreign_total), 1);
        return true;
    }
    again(s, f->position);
    return false;
}
