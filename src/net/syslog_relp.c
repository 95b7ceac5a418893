/*
 * syslog_relp.c - RELP sessions: what a client opened, sent and was told.
 * Owns: struct relp_session; the order of answers; which messages a client may send again.
 * Never: answers a message before the owner said that it is durable. A message that cannot be kept
 * now is not refused, since clients throw away what is refused: its answer is withheld.
 *
 * A session's window, oldest first:
 *
 *   tail ... answered ... noted ... head
 *     |         |           |         '- taken, may be in the owner's hands only
 *     |         |           '- taken and written, not yet durable
 *     |         '- first that waits for its answer
 *     '- answered, but for all we know the client has not read it
 *
 * When the connection breaks, everything from tail on may come again: it goes into relp_memory, and
 * what a new session of that peer sends first is looked up there, as far as it is found without a
 * gap. Found ones are answered and not delivered.
 */
#include "syslog_internal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "relp_memory.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"
#include "triaged/net/relp.h"

enum {
    WINDOW_MAX = 1024,      /* messages without an answer: then the session is read no further */
    UNPROVEN = 256,         /* answers that a client may not have read: twice librelp's window */
    OUTPUT_MAX = 64 * 1024, /* bytes of answers that a client leaves unread */
    FIRST_CAP = 256,        /* a power of two */
    GOODBYE_MS = 5000,      /* for the last answers to leave */
    ANSWER_MAX = 192,       /* bytes of one */
};

#define SOFTWARE "triaged," TRIAGED_VERSION
#define OPENED   "200 OK\nrelp_version=0\nrelp_software=" SOFTWARE "\ncommands=syslog"

struct entry {
    uint64_t receipt; /* what must be durable before the answer */
    uint64_t mark;    /* hash of the message; 0: there is none to remember */
    uint32_t txnr, slot;
    bool again; /* it repeats what stands in the slot, which another worker may be writing */
    const char *answer;
};

struct relp_session {
    struct list node; /* server->relp while answers are due */
    struct syslog_conn *conn;
    struct relp_scanner scanner;
    struct entry *v; /* a ring */
    size_t cap;
    uint64_t tail, answered, noted, head;
    uint64_t peer;
    uint32_t txnr; /* of the last frame */
    bool open, resending;
    bool held;     /* not read further until answers have left */
    bool stopping; /* no more frames are taken; closed once all is answered */
    bool clean;    /* the client has closed by the book: it sends nothing again */
    int64_t bye_ms;
};

static struct metric_family resends_total = {
    .name = "triaged_relp_resends_total",
    .help = "RELP messages sent again after a lost answer: answered, and not counted twice.",
    .type = METRIC_COUNTER,
    .labels = {"listener"},
};

/* ---- window ---------------------------------------------------------------------------------- */

static struct entry *at(const struct relp_session *r, uint64_t i)
{
    return &r->v[i & (r->cap - 1)];
}

static void grow(struct relp_session *r)
{
    struct entry *v = NEW_ARRAY(struct entry, r->cap * 2);

    for (uint64_t i = r->tail; i < r->head; i++)
        v[i & (r->cap * 2 - 1)] = *at(r, i);
    free(r->v);
    r->v = v;
    r->cap *= 2;
}

static struct entry *push(struct relp_session *r, const char *answer)
{
    struct syslog_server *s = r->conn->listener->server;
    struct entry *e;

    if (r->head - r->tail == r->cap)
        grow(r);
    e = at(r, r->head++);
    *e = (struct entry){.txnr = r->txnr, .slot = RELP_NO_SLOT, .answer = answer};
    list_remove(&r->node);
    list_append(&s->relp, &r->node);
    return e;
}

static void note(struct relp_session *r, uint64_t receipt)
{
    struct syslog_server *s = r->conn->listener->server;

    if (r->noted < r->answered)
        r->noted = r->answered;
    for (; r->noted < r->head && at(r, r->noted)->receipt <= receipt; r->noted++) {
        struct entry *e = at(r, r->noted);

        if (e->mark && e->slot == RELP_NO_SLOT)
            e->slot = relp_memory_note(s->relp_memory, s->relp_writer,
                                       (struct relp_mark){r->peer, e->mark}, e->receipt);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

static void put_answer(struct evbuffer *out, const struct entry *e)
{
    char text[ANSWER_MAX];
    size_t n = strlen(e->answer);
    int len = n ? snprintf(text, sizeof(text), "%u rsp %zu %s\n", e->txnr, n, e->answer)
                : snprintf(text, sizeof(text), "%u rsp 0\n", e->txnr);

    evbuffer_add(out, text, (size_t)len);
}

/* Has the connection closed once what is written has left. */
static void say_bye(struct relp_session *r)
{
    static const char hint[] = "0 serverclose 0\n";

    if (r->bye_ms)
        return;
    r->bye_ms = clock_mono_ms();
    r->stopping = true;
    bufferevent_disable(r->conn->bev, EV_READ);
    evbuffer_add(bufferevent_get_output(r->conn->bev), hint, sizeof(hint) - 1);
}

static bool may_be_answered(struct syslog_server *s, const struct entry *e)
{
    return e->receipt <= s->relp_durable &&
           (!e->again || relp_memory_is_durable(s->relp_memory, e->slot));
}

/* Everything whose turn it is. */
static void answer(struct relp_session *r)
{
    struct syslog_server *s = r->conn->listener->server;
    struct evbuffer *out = bufferevent_get_output(r->conn->bev);

    for (; r->answered < r->head && may_be_answered(s, at(r, r->answered)); r->answered++)
        put_answer(out, at(r, r->answered));
    for (; r->answered - r->tail > UNPROVEN; r->tail++)
        relp_memory_forget(s->relp_memory, at(r, r->tail)->slot);
    if (r->answered < r->head)
        return;
    list_remove(&r->node);
    if (r->stopping)
        say_bye(r);
}

bool relp_must_wait(struct syslog_conn *c)
{
    struct relp_session *r = c->relp;

    r->held = r->head - r->answered >= WINDOW_MAX ||
              evbuffer_get_length(bufferevent_get_output(c->bev)) > OUTPUT_MAX;
    return r->held;
}

/* Goes on with what is in the buffer. */
static void unhold(struct relp_session *r)
{
    if (!r->held || relp_must_wait(r->conn) || r->conn->listener->server->paused)
        return;
    bufferevent_trigger(r->conn->bev, EV_READ,
                        BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void relp_written(struct syslog_conn *c)
{
    if (c->relp->bye_ms && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0) {
        stream_close(c);
        return;
    }
    unhold(c->relp);
}

static void note_all(struct syslog_server *s, uint64_t receipt)
{
    LIST_FOR_EACH (r, &s->relp, struct relp_session, node)
        note(r, receipt);
}

void syslog_server_writing(struct syslog_server *s, uint64_t receipt,
                           const struct syslog_place *place)
{
    note_all(s, receipt);
    relp_memory_begin(s->relp_memory, s->relp_writer, place);
}

void syslog_server_not_written(struct syslog_server *s)
{
    relp_memory_give_up(s->relp_memory, s->relp_writer);
}

void syslog_server_written(struct syslog_server *s)
{
    relp_memory_commit(s->relp_memory, s->relp_writer);
}

void syslog_server_durable(struct syslog_server *s, uint64_t receipt)
{
    if (receipt <= s->relp_durable)
        return;
    s->relp_durable = receipt;
    relp_memory_durable(s->relp_memory, s->relp_writer, receipt);
    note_all(s, receipt); /* those that went nowhere, since a rule dropped them */
    LIST_FOR_EACH_SAFE (r, next, &s->relp, struct relp_session, node) {
        answer(r);
        unhold(r);
    }
}

size_t syslog_server_pending(const struct syslog_server *s)
{
    size_t n = 0;

    LIST_FOR_EACH (c, &s->conns, struct syslog_conn, node)
        n += c->relp != NULL;
    return n;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static const char *objection_to_open(const struct relp_session *r, const struct relp_frame *f)
{
    if (r->open)
        return "500 the session is open already";
    if (!relp_offer(f->data, "relp_version").p)
        return "500 relp_version is missing";
    if (!relp_offers(relp_offer(f->data, "commands"), S("syslog")))
        return "500 only the command syslog is offered here";
    return NULL;
}

static void take_open(struct relp_session *r, const struct relp_frame *f)
{
    const char *no = objection_to_open(r, f);

    push(r, no ? no : OPENED);
    r->open = true;
    r->stopping = no;
}

static void take_message(struct relp_session *r, const struct relp_frame *f)
{
    struct syslog_conn *c = r->conn;
    struct syslog_listener *l = c->listener;
    struct syslog_server *s = l->server;
    struct entry *e = push(r, "200 OK");

    if (f->data.n == 0 || !syslog_wanted(l, c->peer, f->data))
        return;
    e->mark = relp_hash(f->data);
    if (r->resending) {
        e->slot = relp_memory_claim(s->relp_memory, (struct relp_mark){r->peer, e->mark},
                                    clock_mono_ms());
        r->resending = e->again = e->slot != RELP_NO_SLOT;
    }
    if (r->resending) {
        e->receipt = s->relp_receipt; /* no later than the one that it repeats */
        metric_add(l->resends, 1);
    } else {
        e->receipt = ++s->relp_receipt;
        syslog_hand_over(l, c->peer, c->sa.sa.sa_family == AF_UNIX, f->data,
                         f->cut ? FRAME_TRUNCATED : 0, e->receipt);
    }
}

static bool take_frame(void *arg, const struct relp_frame *f)
{
    struct relp_session *r = arg;

    if (r->stopping)
        return false;
    if (f->txnr != r->txnr % RELP_TXNR_MAX + 1) {
        r->scanner.error = "a transaction number out of order";
        return false;
    }
    r->txnr = f->txnr;
    if (str_eq_c(f->command, "open")) {
        take_open(r, f);
    } else if (!r->open) {
        push(r, "500 the session is not open");
        r->stopping = true;
    } else if (str_eq_c(f->command, "syslog")) {
        take_message(r, f);
    } else if (str_eq_c(f->command, "close")) {
        push(r, "");
        r->clean = r->stopping = true;
    } else {
        push(r, "500 command not supported");
    }
    return !r->stopping;
}

bool relp_feed(struct syslog_conn *c, struct str bytes)
{
    struct relp_session *r = c->relp;
    char text[128];

    if (r->stopping) /* what comes after `close` */
        return true;
    if (!relp_scanner_feed(&r->scanner, bytes, take_frame, r) && r->scanner.error) {
        snprintf(text, sizeof(text), "not RELP (%s), connection closed", r->scanner.error);
        syslog_batch_end(c->listener->server);
        stream_refuse(c, "framing", text);
        return false;
    }
    answer(r);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

void relp_begin(struct syslog_conn *c)
{
    struct relp_session *r = NEW(struct relp_session);
    uint64_t max = syslog_max_message(c->listener->cl);

    r->conn = c;
    list_init(&r->node);
    relp_scanner_init(&r->scanner, max);
    r->cap = FIRST_CAP;
    r->v = NEW_ARRAY(struct entry, r->cap);
    r->peer = relp_hash(str_c(c->peer));
    r->resending = true;
    c->relp = r;
}

void relp_stop(struct syslog_conn *c)
{
    struct relp_session *r = c->relp;

    r->stopping = true;
    bufferevent_disable(c->bev, EV_READ);
    answer(r);
}

bool relp_check(struct syslog_conn *c, int64_t now)
{
    struct relp_session *r = c->relp;

    /* What another worker wrote has become durable without a word to this one. */
    if (r->answered < r->head && at(r, r->answered)->again) {
        answer(r);
        unhold(r);
    }
    return !r->bye_ms || now - r->bye_ms < GOODBYE_MS;
}

/* Whatever the client may not know of may come again. */
static void remember(struct relp_session *r, struct entry *e, int64_t now)
{
    struct relp_memory *m = r->conn->listener->server->relp_memory;

    if (!e->mark)
        return;
    if (r->clean && r->bye_ms) {
        relp_memory_forget(m, e->slot);
        return;
    }
    if (e->slot == RELP_NO_SLOT)
        e->slot = relp_memory_note(m, r->conn->listener->server->relp_writer,
                                   (struct relp_mark){r->peer, e->mark}, e->receipt);
    relp_memory_orphan(m, e->slot, now);
}

void relp_end(struct syslog_conn *c)
{
    struct relp_session *r = c->relp;
    int64_t now = clock_mono_ms();

    if (!r)
        return;
    for (; r->tail < r->head; r->tail++)
        remember(r, at(r, r->tail), now);
    list_remove(&r->node);
    relp_scanner_finish(&r->scanner);
    free(r->v);
    free(r);
    c->relp = NULL;
}

void relp_set_metrics(struct syslog_listener *l, const char *label)
{
    l->resends = metric_cell(&resends_total, label);
}
