/*
 * conf.h - the configuration as an immutable, reference-counted snapshot (DESIGN section 5).
 * Built by conf_load from the YAML files, checked whole, then only read. Texts live in its arena.
 * Rules, services, known errors, heartbeats and maintenance windows are kept as written, with their
 * place, and compiled by rules/ruleset.h.
 */
#ifndef TRIAGED_CONF_CONF_H
#define TRIAGED_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "triaged/base/arena.h"
#include "triaged/base/diag.h"
#include "triaged/base/str.h"

/* Where a value stands, for errors found after parsing. */
struct conf_place {
    const char *file;
    unsigned line, column;
    const char *path; /* "rules[3].match[0]" */
};

struct conf_text { /* a scalar that is compiled later */
    struct str s;
    struct conf_place place;
};

struct conf_texts {
    struct conf_text *v;
    size_t n;
};

struct conf_pair { /* a member of a free mapping */
    struct str name, value;
    struct conf_place place;
};

struct conf_pairs {
    struct conf_pair *v;
    size_t n;
};

enum transport {
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,
    TRANSPORT_UNIX,
    TRANSPORT_UNIX_DGRAM,
    TRANSPORT_RELP /* over TLS where tls.certificate is set */
};

struct conf_tls {
    struct str certificate, key, client_ca; /* file names; certificate.n == 0: no TLS */
};

/* Towards Redis. Empty: the system's CAs; no certificate of ours; the name that is connected to. */
struct conf_tls_client {
    struct str ca, certificate, key, server_name;
    struct conf_place place;
};

struct conf_listener {
    struct str address;        /* "127.0.0.1:9193", "[::]:514", or a path for unix sockets */
    enum transport transport;  /* http listeners: TRANSPORT_TCP */
    struct conf_tls tls;
    struct conf_texts allow;   /* networks in CIDR form; empty = whoever reaches it */
    struct conf_pairs labels;  /* added to every alert that comes in here */
    uint64_t max_message;      /* syslog: bytes of a message kept (default 64 KiB) */
    struct str zone;           /* syslog: default time zone of timestamps without one; "" = `zone` */
    bool proxy;                /* syslog: connections begin with a PROXY protocol header */
    uint64_t rate;             /* syslog: messages/s that one peer may send; 0 = any number */
    bool mnemonic_severity;    /* syslog: see syslog_options */
    bool inner_header;         /* syslog: see syslog_options */
    int floor;                 /* syslog: mildest severity that is taken, plus 1; 0 = all */
    struct conf_place place;
};

enum role { ROLE_INGEST, ROLE_VIEWER, ROLE_RESPONDER, ROLE_MANAGER, ROLE_ADMIN };

struct conf_token {
    struct str name;
    enum role role;
    struct str sha256; /* 64 lower-case hex digits of the token's SHA-256 */
    struct str team;   /* or "" */
};

/* Every size that a peer controls (DESIGN section 9). */
struct conf_limits {
    uint64_t http_header;        /* bytes of a request's head; 64 KiB */
    uint64_t http_body;          /* bytes of a body; 8 MiB */
    uint64_t http_bodies;        /* bytes of all bodies in flight of a worker; 64 MiB */
    uint64_t http_connections;   /* per worker; 4096 */
    int64_t http_idle_ms;        /* a connection without a byte; 60 s */
    int64_t http_answer_ms;      /* until an answer that waits becomes 503; 30 s */
    uint64_t syslog_connections; /* per worker; 4096 */
    int64_t syslog_idle_ms;      /* a stream connection without a byte; 0 = for ever */
    uint64_t alerts_per_request; /* 10000 */
    uint64_t labels_per_alert;   /* 128 */
    uint64_t label_name;         /* bytes; 1024 */
    uint64_t label_value;        /* bytes; 16 KiB */
    uint64_t annotation_value;   /* bytes; 64 KiB: cut, not refused */
    uint64_t alert;              /* bytes of an alert's labels and annotations together; 256 KiB */
    uint64_t fold_entries;       /* distinct observations held while folding; 65536 */
    uint64_t verdicts_cached;    /* verdict cache entries of a worker; 65536 */
};

enum spool_sync { SPOOL_ALWAYS, SPOOL_INTERVAL, SPOOL_NEVER };

struct conf_spool {
    struct str directory;
    enum spool_sync sync;
    int64_t interval_ms;     /* between syncs under `interval`; 1 s */
    uint64_t max_size;       /* bytes; 1 GiB */
    uint64_t segment_size;   /* bytes; 16 MiB */
    uint64_t min_free;       /* bytes left free on the file system; 64 MiB */
    int64_t retain_ms;       /* acknowledged records are kept this long; 60 s */
};

enum level { LEVEL_HIGH, LEVEL_MEDIUM, LEVEL_LOW, LEVEL_N, LEVEL_UNSET = LEVEL_N };
enum priority { P1, P2, P3, P4, PRIORITY_N };
const char *level_name(enum level l);       /* "high" ... */
bool level_from_name(struct str s, enum level *out);
const char *priority_name(enum priority p); /* "P1" ... */

struct conf_blast {
    uint64_t systems;
    enum level impact;
};

struct conf_sla {
    int64_t acknowledge_ms, reacknowledge_ms, tier2_ms, tier3_ms, update_every_ms; /* 0 = none */
    int64_t grace_ms, reopen_within_ms, confirm_within_ms;
    bool confirm_required;
};

enum { URGENCY_CLASSES = 4 }; /* critical, error, warning, info */
struct conf_priority {
    enum priority matrix[LEVEL_N][LEVEL_N]; /* [impact][urgency] */
    enum level urgency[URGENCY_CLASSES];    /* by severity class, in the order above */
    struct conf_blast *blast;
    size_t n_blast;
};

struct conf_team {
    struct str name, id, lead, manager;
    struct conf_place place;
};

struct conf_service {
    struct str name;
    enum level impact;
    uint64_t users;
    struct str team, value, logs; /* value: business value, free text */
    struct conf_texts match;
    struct conf_place place;
};

/* The `set` of a rule (and of a heartbeat). Empty = not set. */
struct conf_set {
    struct str category, subcategory, team, service;
    enum level impact, urgency;
    struct conf_text title, summary; /* templates with {{label}} */
    struct conf_place place;
};

struct conf_threshold {
    uint64_t count; /* 0 = no threshold */
    int64_t within_ms;
    struct conf_texts per;
};

struct conf_rule {
    struct str name;
    struct conf_texts match;
    struct conf_set set;
    bool has_group_by;
    struct conf_texts group_by;
    struct conf_threshold threshold;
    bool drop, goes_on;              /* goes_on: `continue: true` */
    struct conf_text runbook, logs;  /* templates */
    struct str known_error;          /* id of a known error */
    int64_t resolve_after_ms, settle_ms, join_within_ms; /* -1 = the default */
    struct conf_place place;
};

struct conf_known_error {
    struct str id, workaround, kb, title;
    struct conf_texts match;
    struct conf_place place;
};

struct conf_heartbeat {
    struct str name;
    struct conf_texts match;
    int64_t every_ms;
    struct conf_set set;
    struct conf_place place;
};

struct conf_maintenance {
    struct str name;
    struct conf_texts match;
    int64_t from_ms, to_ms;            /* one-off; 0 when weekly */
    unsigned days;                     /* weekly: bit 0 = Monday */
    unsigned from_minute, to_minute;   /* weekly: minutes of the day; to <= from ends next day */
    struct str zone;
    struct conf_place place;
};

/* A generic JSON webhook: where in the document the parts of an alert stand. */
struct conf_mapping {
    struct str name;     /* /webhook/NAME */
    struct str alerts;   /* path to the array of alerts; "" = the document is one alert */
    struct conf_pairs labels, annotations; /* label name -> path, e.g. "check.name" */
    struct str state, starts_at, ends_at, severity; /* paths */
    struct conf_texts resolved_values; /* values of `state` that mean resolved */
    struct conf_texts identity;        /* label names that make the fingerprint; empty = all labels */
    struct conf_place place;
};

struct conf_defaults {
    struct conf_texts group_by_labels, group_by_syslog;
    int64_t resolve_after_ms, settle_ms, join_within_ms, webhook_lease_ms, api_lease_ms;
};

struct conf {
    _Atomic int refs;
    struct arena arena;
    struct str file;
    char hash[17]; /* of the parsed content: same text, same hash, whatever the comments */
    char shared_hash[17]; /* the same without what belongs to one host (listen, redis, spool,
                             workers, auth, limits): what daemons that share a Redis agree on */

    struct conf_listener *http, *syslog;
    size_t n_http, n_syslog;
    struct str redis_url;
    struct conf_tls_client redis_tls; /* used where the url begins with rediss */
    struct str prefix;
    struct conf_spool spool;
    uint64_t workers;
    struct conf_token *tokens;
    size_t n_tokens;
    struct conf_limits limits;
    int64_t retention_closed_ms;
    uint64_t alerts_per_incident;
    int64_t claim_after_ms;  /* queue.claim_after */
    int64_t give_up_ms;      /* horizon.give_up */
    struct str external_url, watchdog_url, watchdog_ca, zone;
    int64_t watchdog_every_ms, watchdog_timeout_ms;
    struct { uint64_t recurs, systems; int64_t within_ms; } problems;
    uint64_t automation_uses;
    struct { uint64_t reopens; int64_t within_ms, settle_ms; } flap;

    struct str *categories;
    size_t n_categories;
    struct conf_priority priority;
    struct conf_sla sla[PRIORITY_N];
    struct conf_team *teams;
    size_t n_teams;
    struct str default_team;
    struct conf_defaults defaults;
    struct conf_service *services;
    size_t n_services;
    struct conf_rule *rules;
    size_t n_rules;
    struct conf_known_error *known_errors;
    size_t n_known_errors;
    struct conf_heartbeat *heartbeats;
    size_t n_heartbeats;
    struct conf_maintenance *maintenance;
    size_t n_maintenance;
    struct conf_mapping *mappings;
    size_t n_mappings;
};

/* Reads the file and its includes. NULL when *why holds errors; the caller owns one reference.
 * Checks all that needs no regex: types, names, references, the matrix, listeners that need tokens
 * or networks, time zones. */
struct conf *conf_load(const char *file, struct diag *why);
/* The same; `also` is called with a configuration that has errors, to say what else is wrong with
 * it: what was read well so far stands in it. */
typedef void conf_also_fn(const struct conf *faulty, struct diag *why);
struct conf *conf_load_also(const char *file, conf_also_fn *also, struct diag *why);
/* The same for a text that stands in no file; `name` is shown in errors. Includes are not read. */
struct conf *conf_load_text(const char *name, struct str text, conf_also_fn *also,
                            struct diag *why);
struct conf *conf_ref(const struct conf *c);
void conf_unref(const struct conf *c); /* accepts NULL */

const struct conf_team *conf_team(const struct conf *c, struct str name); /* or NULL */
/* What a running daemon cannot take over by a reload (rows flagged RESTART: prefix, workers, redis.url,
 * spool.* …): loaded gets the running value, with one warning for each that differs. To be called
 * before loaded is compiled or shared. */
void conf_keep_restart_only(const struct conf *running, struct conf *loaded, struct diag *why);

/* Writes every key with its default and help, as in triaged.yaml(5); from the schema tables. */
void conf_print_reference(FILE *f);

#endif
