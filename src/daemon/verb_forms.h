/*
 * verb_forms.h - which fields each verb takes (DESIGN section 8), and the item that the script
 * `verb` is given. Pure.
 */
#ifndef TRIAGED_DAEMON_VERB_FORMS_H
#define TRIAGED_DAEMON_VERB_FORMS_H

#include "form.h"
#include "triaged/conf/conf.h"

/* The fields of one verb on an incident, with those that all verbs take; NULL when there is no such
 * verb. */
const struct form *verb_form(struct str verb);
/* Of all verbs together, for bulk. */
extern const struct form form_common; /* actor, request_id */
extern const struct form form_open, form_next, form_review, form_new_action, form_action,
    form_problem, form_known_error, form_where;

/* What a verb needs beyond its fields' own rules: one of two, and so on. */
bool verb_check(struct str verb, const jx *doc, struct form_error *why);

enum { ITEM_MAX = 1024 * 1024, REQUEST_ID_SIZE = FORM_REQUEST_ID_MAX + 1 };

struct item_head { /* who, what, when */
    struct str verb, id, uid;
    const struct conf_token *token;
    int64_t at_ms;
    int64_t if_version; /* -1 = any; from If-Match */
};

/* Starts the item {"verb":…,"role":…,"at":… in out. */
void item_begin(struct buf *out, const struct item_head *head);
/* The actor from the body, else the token's name: written to out. The request id from the body,
 * else a random one. False with *why when nobody is named. */
bool item_who(struct buf *out, const jx *doc, const struct conf_token *token,
              char request_id[REQUEST_ID_SIZE], struct form_error *why);

#endif
