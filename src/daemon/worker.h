/*
 * worker.h - one worker: an event loop with its own listeners, spool, Redis connection and rules
 * snapshot. Workers share nothing but the mailbox and a few counters (marked shared below).
 */
#ifndef TRIAGED_DAEMON_WORKER_H
#define TRIAGED_DAEMON_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "answers.h"
#include "fold.h"
#include "mailbox.h"
#include "quarantine.h"
#include "relp_acks.h"
#include "repeats.h"
#include "vcache.h"
#include "triaged/alert/alert.h"
#include "triaged/net/http.h"
#include "triaged/net/syslog_server.h"
#include "triaged/decode/syslog.h"
#include "triaged/rules/ruleset.h"
#include "triaged/spool/spool.h"
#include "triaged/store/store.h"

struct event;
struct event_base;
struct zone;
struct shipper;
struct supervisor;
struct leftovers;
struct listeners;
struct teams;
struct verbs;

/* What the main thread and the operations routes read of a worker. All shared. */
struct worker_status {
    _Atomic int64_t beat_ms;           /* monotonic time of its last second's turn */
    _Atomic int64_t oldest_waiting_ms; /* receipt of its oldest record not yet in Redis; 0 = none */
    _Atomic int64_t records_waiting;
    _Atomic int store_state; /* enum store_state */
    _Atomic bool spool_full;
    _Atomic bool eviction_unsafe; /* Redis' maxmemory-policy is not noeviction */
    _Atomic bool rewound;         /* Redis had lost more than we kept (adopted) */
    _Atomic bool stopped;
    pthread_mutex_t why_lock;
    char redis_why[320]; /* why Redis is away, under why_lock; "" when it is there */
};

struct worker {
    unsigned index;
    struct supervisor *supervisor; /* only its mailbox and its workers' status may be used */
    struct worker_status status;
    pthread_t thread;
    bool thread_running;

    struct event_base *base;
    struct mailbox *mailbox;
    struct event *second, *flush_http, *flush_syslog, *durable;
    int durable_fd; /* eventfd, written by the spool's sync thread */

    const struct ruleset *rules; /* owns a reference */
    const struct conf *conf;     /* of rules */
    int64_t rules_loaded_ms;

    struct http_server *http;
    struct syslog_server *syslog;
    struct spool *spool;
    struct store *store;
    struct shipper *shipper;
    struct verbs *verbs;         /* what people do */
    struct leftovers *leftovers; /* the first worker's: of workers that are no more */
    struct teams *teams;         /* which there are */
    struct listeners *listeners; /* who follows the events */
    unsigned redis_emptied;      /* of the supervisor's counter, what was dealt with */
    unsigned next_waiting;       /* requests that wait for an incident */

    struct fold fold_http, fold_syslog, fold_known; /* pipeline_syslog.c tells the latter apart */
    int64_t known_since_ms;                         /* monotonic: when fold_known got its first */
    int64_t http_taken[SOURCE_N][2]; /* in fold_http and not yet counted; [1]: heartbeats */
    struct answers answers;
    struct relp_acks relp_acks;
    struct vcache vcache;
    struct repeats repeats;
    struct quarantine quarantine;
    struct rules_scratch *scratch;
    struct alert_batch batch; /* of the request in hand */
    struct arena arena;       /* of the alert in hand */
    struct buf encode, key;
    int64_t now_ms; /* wall time of this loop turn */
    bool syslog_flush_set, stopping;
    int64_t stop_by_ms;               /* monotonic: when a stop no longer waits */
    struct zone **zones;              /* one per syslog listener of conf, NULL = UTC */
    struct syslog_times syslog_times; /* knows zones by their address: cleared when they go */
    size_t n_zones;
};

/* Builds everything and binds the listeners; the loop does not run yet. NULL with *why. */
struct worker *worker_create(struct supervisor *sup, unsigned index, const struct ruleset *rules,
                             struct diag *why);
/* Takes over what RELP senders may send again, when all workers have opened their spools. */
void worker_remember_relp(struct worker **all, unsigned n);
bool worker_start(struct worker *w);
/* After its thread has ended. Accepts NULL. */
void worker_destroy(struct worker *w);
void worker_join(struct worker *w);
/* From any thread: a spool moved on. */
void worker_wake(struct worker *w);

/* Takes over a snapshot: listeners first, all or nothing. Called in the worker's thread (or before
 * it runs). */
bool worker_configure(struct worker *w, const struct ruleset *rules, struct diag *why);

/* Reads the clock into now_ms: the time of receipt of what is taken in now (clock_receipt_ms). */
int64_t worker_receipt(struct worker *w);

/* The default time zone of a listener's timestamps; NULL = UTC. */
const struct zone *worker_zone(const struct worker *w, const struct conf_listener *l);
/* Those of w->conf, in place of the ones before. */
void worker_load_zones(struct worker *w);
void worker_free_zones(struct worker *w);

/* worker_metrics.c: how it stands, for /metrics, /-/ready and the main thread; once a second. */
void worker_publish(struct worker *w);

/* Messages to a worker; run in its thread. */
enum worker_message {
    WORKER_CONFIGURE,
    WORKER_RULES,
    WORKER_STOP,
    WORKER_ANSWER,
    WORKER_LOADED_AT
};
void worker_post_configure(struct worker *w, const struct ruleset *rules);
/* Other rules of the same configuration. */
void worker_post_rules(struct worker *w, const struct ruleset *rules);
void worker_post_stop(struct worker *w);
/* Answers a request that waits for the supervisor (reload). text is copied. */
void worker_post_answer(struct worker *w, struct http_request *req, int status, const char *text);
/* Since when these rules are in force, as the store remembers it. */
void worker_post_loaded_at(struct worker *w, int64_t loaded_ms);

#endif
