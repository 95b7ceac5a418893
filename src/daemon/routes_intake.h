/*
 * routes_intake.h - the payload of a webhook, decoded as if it had just come.
 */
#ifndef TRIAGED_DAEMON_ROUTES_INTAKE_H
#define TRIAGED_DAEMON_ROUTES_INTAKE_H

#include <stdbool.h>

#include "triaged/base/str.h"
#include "triaged/decode/decode.h"

struct worker;

/* Into w->batch. False when there is no such webhook. */
bool intake_decode(struct worker *w, struct str webhook, struct str peer, struct str body,
                   struct decode_result *res);

#endif
