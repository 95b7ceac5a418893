/*
 * form.h - what a request's JSON body may hold, field by field: checked, and written as the scripts
 * take it (times and spans as milliseconds). Pure.
 */
#ifndef TRIAGED_DAEMON_FORM_H
#define TRIAGED_DAEMON_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/alert/jx.h"
#include "triaged/base/buf.h"

enum { FORM_TEXT_MAX = 64 * 1024, FORM_NAME_MAX = 256, FORM_REQUEST_ID_MAX = 128 };

enum field_type {
    FIELD_TEXT, /* up to `max` bytes; 0 = FORM_TEXT_MAX */
    FIELD_NAME, /* the same, FORM_NAME_MAX, not empty, no control characters */
    FIELD_WORD, /* one of `words` */
    FIELD_BOOL,
    FIELD_COUNT, /* a whole number >= 0 */
    FIELD_TIME,  /* RFC 3339 */
    FIELD_SPAN,  /* "30m", or milliseconds */
    FIELD_NAMES, /* a list of up to `max` names */
    FIELD_FORM,  /* an object of `of` */
    FIELD_FORMS, /* a list of up to `max` of them */
};

enum { /* flags */
       FORM_REQUIRED = 1,
       FORM_UNWRITTEN = 2, /* checked only: the handler reads it itself */
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t max;               /* bytes of a text, members of a list */
    size_t item_max;          /* bytes of a name of a list; 0 = FORM_NAME_MAX */
    const char *const *words; /* ended by NULL */
    const struct form *of;
};

struct form {
    const struct field *fields; /* ended by a field without a name */
    const struct form *also;    /* more fields, or NULL */
};

struct form_error {
    char path[160];
    char text[400];
};

/* Checks doc and appends its members ("name":value,…, with commas where needed) to out. False with
 * *why at the first fault. null counts as absent. */
bool form_read(const struct form *form, const jx *doc, struct buf *out, struct form_error *why);

extern const char *const form_levels[],
    *const form_tiers[], *const form_queue_tiers[], *const form_states[], *const form_priorities[];

#endif
