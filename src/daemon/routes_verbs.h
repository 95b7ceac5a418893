/*
 * routes_verbs.h - what the routes that write have in common: a body checked, an item sent, an
 * answer shown.
 */
#ifndef TRIAGED_DAEMON_ROUTES_VERBS_H
#define TRIAGED_DAEMON_ROUTES_VERBS_H

#include "api.h"
#include "incident_json.h"
#include "verb_forms.h"
#include "verbs.h"

struct write { /* a verb on its way; in the call's arena */
    struct api *api;
    struct str verb, id, team;
    struct str target; /* which record, if not `id` says it */
    jx *body;          /* owns */
    struct buf item;
    char request_id[REQUEST_ID_SIZE]; /* the client's, or a random one */
    struct str kept_as; /* the script's: VERB/TARGET/REQUEST_ID, so that one id used for two
                           different things is two requests; made by write_send if empty */
    int64_t if_match;   /* version, or -1 */
    bool is_record;     /* answered with the record, not the incident */
    bool declares;      /* a known error: the main thread is told to read them */
    /* Instead of the usual answer, or NULL. */
    void (*answered)(struct write *wr, enum verb_outcome outcome, const jx *answer);
    void *more;
};

/* Reads the body (empty counts as {}). NULL: answered. */
struct write *write_begin(const struct route_call *call, struct str verb);
/* Checks it against a form; the item is begun and holds the body's fields. False: answered. */
bool write_check(struct write *wr, const struct form *form);
/* ,"name":"value" behind the fields; the item is open till write_send */
void write_add(struct write *wr, const char *name, struct str value);
void write_send(struct write *wr);
void write_error(struct write *wr, int status, const char *code, const char *message,
                 const char *path);
void write_end(struct write *wr, int status); /* with api->out */
/* What the call's cleanup does; for a handler that has a cleanup of its own. */
void write_cleanup(void *write);
/* The usual answer of the script. */
void write_answer(struct write *wr, enum verb_outcome outcome, const jx *answer);

#endif
