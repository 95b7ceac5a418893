/*
 * cmd_watch.c - watch: what happens, as it happens. A lost connection is taken up where it broke.
 */
#include "commands.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "incident.h"
#include "sse.h"
#include "triaged/base/clock.h"
#include "when.h"

enum { RETRY_MIN_MS = 500, RETRY_MAX_MS = 15000 };

struct watch {
    struct client *c;
    struct arena arena; /* of one event */
    bool connected;     /* since the last try */
    uint64_t left;      /* events until the end; UINT64_MAX: none */
};

static void print_event(struct watch *w, const jx *e)
{
    const struct term *term = &w->c->term;
    struct str priority = jx_str(jx_get(e, "priority")), id = jx_str(jx_get(e, "incident"));
    struct str actor = jx_str(jx_get(e, "actor"));
    struct str detail = entry_detail(&w->arena, clock_wall_ms(), jx_get(e, "detail"));
    int64_t at = 0;
    struct str when;

    when_parse(jx_str(jx_get(e, "at")), &at);
    when = when_local(&w->arena, at, clock_wall_ms());
    fprintf(term->f, "%s%.*s%s  ", style_on(term, DIM), STR_ARG(when), style_off(term, DIM));
    term_put(term, BOLD, id.n ? id : jx_str(jx_get(e, "team")));
    fputs("  ", term->f);
    term_put(term, priority_style(priority), priority);
    fputs(priority.n ? "  " : "", term->f);
    term_put(term, state_style(jx_str(jx_get(e, "state"))), jx_str(jx_get(e, "event")));
    if (actor.n && !str_eq(actor, S("triaged"))) {
        fputs(" by ", term->f);
        term_put(term, PLAIN, actor);
    }
    fputs("  ", term->f);
    term_put(term, PLAIN, jx_str(jx_get(e, "title")));
    if (detail.n) {
        fputs("  ", term->f);
        term_put(term, DIM, detail);
    }
    fputc('\n', term->f);
}

static bool on_event(void *arg, struct str type, struct str id, struct str data)
{
    struct watch *w = arg;
    struct jx_error why;
    jx *e;

    (void)type, (void)id;
    if (w->c->json) {
        fwrite(data.p, 1, data.n, stdout);
        putchar('\n');
    } else if ((e = jx_parse(data, &why))) {
        arena_reset(&w->arena);
        print_event(w, e);
        jx_free(e);
    }
    if (fflush(stdout) != 0)
        return false; /* whoever read it has gone */
    return w->left == UINT64_MAX || --w->left > 0;
}

static bool on_bytes(void *arg, struct str bytes)
{
    struct sse *s = arg;
    struct watch *w = s->arg;

    w->connected = true;
    return sse_feed(s, bytes);
}

/* One connection. -1: try again. */
static int listen_once(struct watch *w, struct sse *s, bool first)
{
    struct client *c = w->c;
    char why[API_WHY];
    char *last = xstrndup(s->id.n ? s->id.p : "", s->id.n);
    bool answered;

    w->connected = false;
    client_path(c, "events", NULL);
    client_query_option(c, "team");
    for (size_t i = 0; i < c->args.n_words; i++)
        client_query(c, "incident", c->args.words[i]);
    buf_put_char(&c->path, '\0');
    answered = api_stream(c->api, c->path.p, last, on_bytes, s, &c->answer, why);
    free(last);
    if (answered && c->answer.status != 200 && c->answer.status != 503)
        return client_refusal(c, "watch");
    if (ferror(stdout) || w->left == 0)
        return CLI_OK;
    if (first && !w->connected)
        return answered ? client_refusal(c, "watch") : client_unreachable(c, why);
    if (w->connected)
        cli_complain("the connection ended%s%s; trying again", answered ? "" : ": ",
                     answered ? "" : why);
    return -1;
}

static int watch(struct watch *w)
{
    struct sse s;
    int status = -1, pause = RETRY_MIN_MS;

    sse_init(&s, on_event, w);
    for (bool first = true; status < 0; first = false) {
        if (!first)
            poll(NULL, 0, pause);
        sse_reset(&s);
        status = listen_once(w, &s, first);
        pause = w->connected ? RETRY_MIN_MS : 2 * pause < RETRY_MAX_MS ? 2 * pause : RETRY_MAX_MS;
    }
    sse_finish(&s);
    return status;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct client c;
    struct watch w = {.c = &c, .left = UINT64_MAX};
    int status = client_begin(&c, self, argc, argv);
    const char *count = status < 0 ? args_get(&c.args, "count") : NULL;

    arena_init(&w.arena, 0);
    if (count && (!str_to_u64(str_c(count), &w.left) || w.left == 0))
        status = cli_usage_error(self, "--count is a number from 1");
    if (status < 0)
        status = watch(&w);
    arena_finish(&w.arena);
    return client_end(&c, status);
}

static const struct cli_option options[] = {
    {"team", 't', "TEAM", "of this team (repeatable; default: all)"},
    {"count", 'n', "N", "end after so many events"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_watch = {
    .name = "watch",
    .args = "[--team TEAM] [ID...]",
    .summary = "Print what happens, as it happens (of these incidents, or of all).",
    .help = "",
    .run = run,
    .options = options,
    .is_client = true,
};
