/*
 * records.h - writing to a record (problem, action, known error, review): options to fields.
 */
#ifndef TRIAGED_CLI_RECORDS_H
#define TRIAGED_CLI_RECORDS_H

#include "client.h"

enum record_kind { RECORD_TEXT, RECORD_TIME };

struct record_field {
    const char *option, *field;
    enum record_kind kind;
};

/* Puts what was given; fields up to a row without an option. False after having complained. */
bool record_put_fields(struct client *c, const struct record_field *fields);
/* Sends it and says "ID: done". */
int record_post(struct client *c, const char *what, const char *done);
/* The words from a number on, with blanks between; the caller frees it. */
char *record_words(const struct client *c, size_t from);

#endif
