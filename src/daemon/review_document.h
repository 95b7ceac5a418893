/*
 * review_document.h - the post-incident review as a Markdown document: what the timeline tells,
 * with what people wrote.
 */
#ifndef TRIAGED_DAEMON_REVIEW_DOCUMENT_H
#define TRIAGED_DAEMON_REVIEW_DOCUMENT_H

#include "incident_json.h"

/* timeline: the list of stored entries. review: the record, or NULL. actions: n parsed records. */
void review_document_put(struct buf *b, const struct incident *inc, const struct value *timeline,
                         const jx *review, jx *const *actions, size_t n_actions);

#endif
