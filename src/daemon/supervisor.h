/*
 * supervisor.h - the main thread: workers, signals, reload, the tick of deadlines, systemd's
 * watchdog.
 */
#ifndef TRIAGED_DAEMON_SUPERVISOR_H
#define TRIAGED_DAEMON_SUPERVISOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox.h"
#include "triaged/rules/ruleset.h"

struct audit;
struct event;
struct event_base;
struct incident_metrics;
struct known_errors;
struct redis_access;
struct store;
struct ticker;
struct watchdog;
struct worker;

enum supervisor_message {
    SUPERVISOR_RELOAD,       /* data: worker, more: its request; from POST /-/reload */
    SUPERVISOR_CONFIGURED,   /* data: worker, more: malloc'ed error text or NULL */
    SUPERVISOR_STOPPED,      /* data: worker; its loop has ended */
    SUPERVISOR_SETTINGS,     /* Redis has forgotten the settings: store them again */
    SUPERVISOR_KNOWN_ERRORS, /* one was declared or taken back here: read them */
};

struct reload { /* one at a time; a request that comes meanwhile is told so */
    bool running, undoing;
    bool again;                 /* SIGHUP came meanwhile: the file may have changed since */
    const struct ruleset *next; /* owns a reference */
    unsigned waiting;           /* workers that have not said yet */
    char *error;                /* first failure */
    struct worker *asked_by;    /* who answers, or NULL (SIGHUP) */
    struct http_request *request;
};

struct supervisor {
    const char *file; /* the configuration */
    struct event_base *base;
    struct mailbox *mailbox;
    const struct ruleset *rules;
    struct redis_access *redis; /* of the first configuration: it changes at a restart */
    struct worker **workers;
    unsigned n_workers;
    struct ticker *ticker;
    struct audit *audit;
    struct watchdog *watchdog;
    struct known_errors *known_errors; /* declared in Redis */
    bool known_errors_wait;            /* they changed during a reload */
    struct incident_metrics *metrics;  /* workers may ask it for the public status */
    struct reload reload;
    struct event *hup, *term, *intr, *second;
    bool stopping;
    int64_t started_ms;
    _Atomic uint64_t settings_in;   /* ticker_run_hash of the Redis that has all settings; shared */
    _Atomic unsigned redis_emptied; /* times that the ticker saw it; the workers look; shared */
};

/* Loads the file, builds workers, runs until told to stop. Exit status. */
int supervisor_run(const char *file);
/* conf_load + ruleset_create + what only the daemon checks (redis url). NULL with *why. With a
 * running supervisor (or NULL) keys that change only at a restart keep their values, with a
 * warning, and the known errors that were declared are in the rules. */
const struct ruleset *supervisor_load(const char *file, const struct supervisor *running,
                                      struct diag *why);

/* reload.c */
/* The first load counts as a successful one in the metrics. */
void reload_say_loaded(int64_t at_ms);
void reload_begin(struct supervisor *sup, struct worker *asked_by, struct http_request *req);
void reload_configured(struct supervisor *sup, struct worker *w, char *error);
/* The same configuration with other declared known errors; after a reload that is under way. */
void reload_known_errors(struct supervisor *sup);

#endif
