/*
 * fetch.c - gathers the answers to several commands.
 * Owns: nothing but its table; the copies lie in the caller's arena.
 * Never: interprets an answer. Called by: the routes of the responder API.
 */
#include "fetch.h"

#include <stdlib.h>

#include "triaged/base/mem.h"

struct slot { /* what a callback needs to know */
    struct fetch *f;
    size_t index;
};

static const struct value nil = {.type = REPLY_NIL};

void fetch_init(struct fetch *f, struct store *store, struct arena *arena)
{
    free(f->answers);
    *f = (struct fetch){.store = store, .arena = arena};
}

void fetch_finish(struct fetch *f)
{
    free(f->answers);
    f->answers = NULL;
    f->n = f->cap = 0;
}

static void copy(struct arena *a, const struct store_reply *r, struct value *out)
{
    *out = nil;
    out->type = store_reply_type(r);
    switch (out->type) {
    case REPLY_STRING:
    case REPLY_STATUS:
    case REPLY_ERROR:
        out->s = arena_str(a, store_reply_str(r));
        out->i = store_reply_int(r);
        break;
    case REPLY_INTEGER:
        out->i = store_reply_int(r);
        break;
    case REPLY_ARRAY:
        out->n = store_reply_len(r);
        out->v = ARENA_ARRAY(a, struct value, out->n + 1);
        for (size_t i = 0; i < out->n; i++)
            copy(a, store_reply_at(r, i), &out->v[i]);
        break;
    case REPLY_NIL:
        break;
    }
}

static void on_answer(void *arg, enum store_status status, const struct store_reply *reply,
                      struct str error)
{
    struct slot *slot = arg;
    struct fetch *f = slot->f;

    (void)error;
    if (status == STORE_OK)
        copy(f->arena, reply, f->answers[slot->index]);
    else if (status != STORE_REFUSED)
        f->lost = true;
    if (--f->waiting == 0 && f->done)
        f->done(f->arg, f);
}

size_t fetch_send(struct fetch *f, const struct str *args, size_t n_args)
{
    struct slot *slot = ARENA_NEW(f->arena, struct slot);

    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 16;
        f->answers = xrealloc_array(f->answers, f->cap, sizeof(struct value *));
    }
    f->answers[f->n] = ARENA_NEW(f->arena, struct value);
    *slot = (struct slot){f, f->n};
    f->waiting++;
    store_command(f->store, args, n_args, on_answer, slot);
    return f->n++;
}

void fetch_then(struct fetch *f, fetch_done_fn *done, void *arg)
{
    f->done = done;
    f->arg = arg;
    if (f->waiting == 0)
        done(arg, f);
}

const struct value *fetch_at(const struct fetch *f, size_t i)
{
    return i < f->n ? f->answers[i] : &nil;
}

const struct value *value_at(const struct value *v, size_t i)
{
    return v->type == REPLY_ARRAY && i < v->n ? &v->v[i] : &nil;
}

struct str value_member(const struct value *v, const char *name)
{
    for (size_t i = 0; i + 1 < v->n; i += 2)
        if (str_eq_c(v->v[i].s, name))
            return v->v[i + 1].s;
    return STR_NONE;
}
