/*
 * routes_dead_letters.c - POST /api/v1/dead-letters: a line of dead-letter.jsonl comes back. Its
 * record is checked, appended to the spool as a new one, and answered when it is durable.
 * Never: reads the file (triagectl spool retry does).
 * Called by: routes.c.
 */
#include <stdio.h>

#include "pipeline.h"
#include "reply.h"
#include "routes.h"
#include "worker.h"
#include "triaged/alert/jx.h"
#include "triaged/alert/observation.h"
#include "triaged/base/base64.h"

/* NULL, or why it cannot be what a fold once wrote. */
static const char *objection(struct str payload)
{
    struct record_header h;
    struct record_reader r;
    struct str field;

    if (!record_read(payload, &h, &r))
        return "the payload is no record";
    if (h.script != RECORD_OBSERVE)
        return "a responder's verb is not done again; give it anew";
    if (h.n_fields != OBSERVE_N)
        return "the record was written by another version of triaged";
    if (h.n_items > RECORD_ITEMS_MAX)
        return "the record has too many observations";
    for (uint64_t i = 0; i < (uint64_t)h.n_fields * h.n_items; i++)
        if (!record_next(&r, &field))
            return "the record ends too early";
    return r.rest.n ? "the record goes on behind its end" : NULL;
}

static bool is_team(struct str team)
{
    for (size_t i = 0; i < team.n; i++) {
        char c = team.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return team.n > 0 && team.n <= SPOOL_TEAM_MAX;
}

static void take(const struct route_call *call, const jx *doc, struct buf *payload)
{
    struct str team = jx_str(jx_get(doc, "team"));
    const char *no;

    if (!is_team(team)) {
        reply_error(call->req, 400, "bad_request", "the name of a team is missing or wrong",
                    "team");
        return;
    }
    if (!base64_take(payload, jx_str(jx_get(doc, "payload")))) {
        reply_error(call->req, 400, "bad_request", "must be base64", "payload");
        return;
    }
    no = objection(buf_str(payload));
    if (no)
        reply_error(call->req, 422, "unusable_record", no, "payload");
    else
        pipeline_take_record(call->w, call->req, team, buf_str(payload));
}

void route_dead_letter(const struct route_call *call)
{
    struct jx_error why;
    struct buf payload;
    jx *doc;

    if (spool_is_full(call->w->spool) || call->w->stopping) {
        reply_unavailable(call->req, "spool_full", "nothing was kept, send again later");
        return;
    }
    doc = jx_parse(http_request_body(call->req), &why);
    buf_init(&payload, SPOOL_PAYLOAD_MAX);
    if (jx_type(doc) == JX_OBJECT)
        take(call, doc, &payload);
    else
        reply_error(call->req, 400, "bad_request", "must be a line of dead-letter.jsonl", NULL);
    buf_finish(&payload);
    jx_free(doc);
}
