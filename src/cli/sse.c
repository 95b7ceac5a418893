/*
 * sse.c - lines, fields, events.
 * Owns: the event that is being read. Called by: cmd_watch.c.
 */
#include "sse.h"

void sse_init(struct sse *s, sse_event_fn *on_event, void *arg)
{
    memset(s, 0, sizeof(*s));
    buf_init(&s->line, SSE_MAX);
    buf_init(&s->type, SSE_MAX);
    buf_init(&s->data, SSE_MAX);
    buf_init(&s->id, SSE_MAX);
    s->on_event = on_event;
    s->arg = arg;
}

void sse_finish(struct sse *s)
{
    buf_finish(&s->line);
    buf_finish(&s->type);
    buf_finish(&s->data);
    buf_finish(&s->id);
}

void sse_reset(struct sse *s)
{
    buf_reset(&s->line);
    buf_reset(&s->type);
    buf_reset(&s->data);
    s->had_cr = s->has_data = false;
}

static bool dispatch(struct sse *s)
{
    bool go_on = true;

    if (s->has_data)
        go_on = s->on_event(s->arg, s->type.n ? buf_str(&s->type) : S("message"), buf_str(&s->id),
                            buf_str(&s->data));
    buf_reset(&s->type);
    buf_reset(&s->data);
    s->has_data = false;
    return go_on;
}

static bool set(struct buf *b, struct str value)
{
    buf_reset(b);
    return buf_put_str(b, value);
}

static bool take_line(struct sse *s)
{
    struct str value, line = buf_str(&s->line);
    struct str field = str_cut(line, ':', &value);

    if (line.n == 0)
        return dispatch(s);
    if (str_starts(value, S(" ")))
        value = str_sub(value, 1, value.n);
    if (str_eq(field, S("data"))) {
        bool ok = (!s->has_data || buf_put_char(&s->data, '\n')) && buf_put_str(&s->data, value);

        s->has_data = true;
        return ok;
    }
    if (str_eq(field, S("event")))
        return set(&s->type, value);
    if (str_eq(field, S("id")) && str_find_char(value, '\0') == value.n)
        return set(&s->id, value);
    return true; /* comments, retry, and what later versions add */
}

bool sse_feed(struct sse *s, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        char c = bytes.p[i];
        bool after_cr = s->had_cr;

        s->had_cr = c == '\r';
        if (c == '\n' && after_cr)
            continue;
        if (c == '\n' || c == '\r') {
            if (!take_line(s))
                return false;
            buf_reset(&s->line);
        } else if (!buf_put_char(&s->line, c)) {
            return false;
        }
    }
    return true;
}
