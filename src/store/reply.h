/*
 * reply.h - bytes of RESP to replies. Private to store; what users of the store may do with a reply
 * stands in triaged/store/store.h.
 */
#ifndef TRIAGED_STORE_REPLY_H
#define TRIAGED_STORE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/store/store.h"

struct reply_reader;

struct reply_reader *reply_reader_create(void);
void reply_reader_destroy(struct reply_reader *r); /* accepts NULL */
/* Copies the bytes. False when they are no RESP (a later reply_reader_next says so too). */
bool reply_reader_feed(struct reply_reader *r, const void *p, size_t n);
/* The next whole reply, to be freed; NULL with why[0] == 0 when there is none yet, else the bytes
 * are no RESP and the reader is of no use any more. */
struct store_reply *reply_reader_next(struct reply_reader *r, char *why, size_t why_size);
void reply_free(struct store_reply *reply);

#endif
