/*
 * shipper_internal.h - what the three files of the shipper share: its state, and what is in flight.
 */
#ifndef TRIAGED_DAEMON_SHIPPER_INTERNAL_H
#define TRIAGED_DAEMON_SHIPPER_INTERNAL_H

#include "shipper.h"
#include "worker.h"
#include "triaged/base/arena.h"
#include "triaged/base/log.h"
#include "triaged/base/metrics.h"

enum {
    DEAD_PATIENCE_MS = 60000, /* how long a dead-letter file that cannot be written is waited for */
    SETTINGS_PATIENCE_MS = 2000, /* then records are sent without settings */
};

struct flight { /* one record on its way; lives until its answer */
    struct shipper *s;
    struct flight *next_free;
    char stream[33];
    uint64_t seq, prev, position;
    int64_t appended_ms;
    uint32_t items;
    size_t bytes;
    size_t team; /* index in s->teams */
    bool is_verb, again;
    bool first; /* of our stream, and never sent before */
};

struct team { /* names seen, never forgotten: a handful */
    struct str name;
    struct metric_cell *highest;
};

struct shipper {
    struct worker *w;
    struct spool *spool;
    shipper_verb_fn *on_verb; /* or NULL */
    void *arg;
    bool ready, draining; /* draining: send nothing until nothing is in flight */
    bool rewind_needed;
    uint64_t rewind_to; /* position; valid if rewind_needed */
    bool gap;           /* a GAP was answered: go back after `gap_applied` */
    char gap_stream[33];
    size_t gap_team;
    uint64_t gap_applied;
    bool gap_forgotten;      /* Redis knows nothing of a stream of which it acknowledged records */
    int64_t wait_until_ms;   /* monotonic */
    int64_t patience_ms;     /* monotonic: until when settings are waited for */
    struct event *later;     /* looks again after a pause */
    unsigned records, items; /* in flight */
    unsigned resent;         /* those of them that were acknowledged before */
    size_t bytes;            /* of their payloads */
    bool exhausted;          /* the last look found nothing to send */
    struct flight *free;
    struct str *args, *fields; /* of the record that is being sent, as sent and as kept */
    size_t args_cap;
    struct arena texts; /* of args */
    struct team *teams;
    size_t n_teams;
    uint64_t sent_upto; /* highest position that was ever sent */
    struct log_rate stuck;
    int64_t dead_failing_ms; /* monotonic: since when the file cannot be written; 0 = it can */
};

/* shipper.c */
extern struct metric_family shipped_total;
size_t shipper_team(struct shipper *s, struct str team);
int64_t shipper_now(const struct shipper *s); /* as Redis' clock shows it */
void shipper_pause(struct shipper *s);        /* after an error that passes by itself */
struct flight *shipper_flight(struct shipper *s);
/* Its answer is dealt with: goes on. The last thing that a callback does. */
void shipper_landed(struct flight *f);
/* It was not answered. */
void shipper_lost(struct shipper *s, const struct flight *f);
/* What a script says to a record. Nonsense: an answer to something else; then the connection is
 * ended, and the record is sent again. */
enum said { SAID_OK, SAID_SKIP, SAID_GAP, SAID_NONSENSE };
enum said shipper_read(struct shipper *s, const struct flight *f, const struct store_reply *reply);

/* shipper_back.c */
void shipper_back_init(void);
/* Sends nothing until nothing is in flight, then from this position on (or an earlier one). */
void shipper_drain_to(struct shipper *s, uint64_t position);
/* Nothing is in flight any more: goes back as far as the answers asked for, and on. */
void shipper_drained(struct shipper *s);
/* GAP applied unknown. The first of them is the place to go back to. */
void shipper_on_gap(struct shipper *s, const struct flight *f, const struct store_reply *reply);

/* shipper_refused.c */
void shipper_refused_init(void);
/* A record that is refused for its own sake: kept aside, then moved past. */
void shipper_refuse(struct shipper *s, const struct spool_record *r, struct str error);
/* The same for one in flight. */
void shipper_refuse_flight(struct shipper *s, const struct flight *f, struct str error);
/* One that was put aside before. */
void shipper_move_past(struct shipper *s, const struct spool_record *r);
/* SKIP was answered to a record that nobody can have sent yet. True when it is to be acknowledged.
 */
bool shipper_on_foreign(struct shipper *s, const struct flight *f);

#endif
