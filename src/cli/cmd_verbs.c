/*
 * cmd_verbs.c - what a person does to an incident: ack to merge, a row each.
 *
 * Words are IDs. Of the verbs with a `field` (note, update, reopen, resolve, assign, snooze) only
 * the first is, and the others make that field, unless an option gives it.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "incident.h"

struct verb {
    const char *verb;    /* the API's name */
    const char *field;   /* what the words after the ID are, or NULL */
    const char *instead; /* the option that gives the field, so that all words are IDs */
    const char *missing; /* what to say when the field is not given; NULL: it need not be */
};

/* ---- options to fields ----------------------------------------------------------------------- */

enum kind { TEXT, FLAG, TIME, NUMBER };

static const struct {
    const char *option, *field;
    enum kind kind;
} fields[] = {
    {"text", "text", TEXT},
    {"take", "take", FLAG},
    {"to", "assignee", TEXT},
    {"from-tier", "from_tier", TEXT},
    {"tier", "tier", TEXT},
    {"reason", "reason", TEXT},
    {"impact", "impact", TEXT},
    {"urgency", "urgency", TEXT},
    {"next", "next_update_at", TIME},
    {"for", "for", TEXT},
    {"until", "until", TIME},
    {"fix", "fix", TEXT},
    {"noise", "noise", TEXT},
    {"by", "by", TEXT},
    {"force", "force", FLAG},
    {"into", "into", TEXT},
    {"if-version", "if_version", NUMBER},
};

static bool put_number(struct client *c, const char *option, const char *field, const char *value)
{
    uint64_t n;

    if (!str_to_u64(str_c(value), &n) || n > INT64_MAX) {
        cli_complain("--%s is a whole number", option);
        return false;
    }
    buf_printf(&c->body, ",\"%s\":%llu", field, (unsigned long long)n);
    return true;
}

static bool put_options(struct client *c)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const char *value = args_get(&c->args, fields[i].option);

        if (!value)
            continue;
        switch (fields[i].kind) {
        case TEXT:
            client_put(c, fields[i].field, value);
            break;
        case FLAG:
            client_put_bool(c, fields[i].field, true);
            break;
        case TIME:
            if (!client_put_time(c, fields[i].field, value))
                return false;
            break;
        case NUMBER:
            if (!put_number(c, fields[i].option, fields[i].field, value))
                return false;
            break;
        }
    }
    if (args_has(&c->args, "workaround"))
        client_put(c, "kind", "workaround");
    return true;
}

/* The words from the second on, with blanks between them; NULL when they are IDs or none is there.
 */
static char *words_as_field(const struct client *c, const struct verb *v)
{
    struct buf b;
    char *text = NULL;

    if (!v->field || args_has(&c->args, v->instead) || c->args.n_words < 2)
        return NULL;
    buf_init(&b, 1024 * 1024);
    for (size_t i = 1; i < c->args.n_words; i++) {
        buf_put_c(&b, i > 1 ? " " : "");
        buf_put_c(&b, c->args.words[i]);
    }
    text = xstrndup(b.n ? b.p : "", b.n);
    buf_finish(&b);
    return text;
}

/* ---- one incident ---------------------------------------------------------------------------- */

static void report(struct client *c, const char *verb, const char *id, const jx *answer)
{
    const jx *incident = jx_get(answer, "incident");

    if (c->json) {
        client_print_json(c);
        return;
    }
    if (!jx_bool(jx_get(answer, "changed"), true))
        fprintf(c->term.f, "Nothing to change: ");
    else if (!str_eq_c(jx_str(jx_get(incident, "id")), id))
        fprintf(c->term.f, "A new incident, as %s is closed for long: ", id);
    incident_line(c, incident);
    if (strcmp(verb, "resolve") == 0 || strcmp(verb, "verify") == 0 || strcmp(verb, "confirm") == 0)
        incident_to_close(c, incident);
}

static int do_one(struct client *c, const struct verb *v, const char *id, const char *field)
{
    char *what = xasprintf("%s %s", c->self->name, id);
    const jx *answer = NULL;
    int status = CLI_USAGE;

    client_path(c, "incidents", id, v->verb, NULL);
    client_body(c);
    if (put_options(c)) {
        if (field)
            client_put(c, v->field, field);
        status = client_post(c, what, &answer);
    }
    if (status == CLI_OK && answer)
        report(c, v->verb, id, answer);
    free(what);
    return status;
}

static int do_each(struct client *c, const struct verb *v)
{
    char *field = words_as_field(c, v);
    size_t n = field ? 1 : c->args.n_words;
    int worst = CLI_OK;

    for (size_t i = 0; i < n; i++) {
        int status = do_one(c, v, c->args.words[i], field);

        worst = status > worst ? status : worst;
        if (status == CLI_UNREACHABLE || status == CLI_USAGE)
            break; /* the others fare no better */
    }
    free(field);
    return worst;
}

/* ---- many ------------------------------------------------------------------------------------ */

static void print_bulk(struct client *c, const jx *answer)
{
    const jx *list = jx_get(answer, "results");

    for (size_t i = 0; i < jx_len(list); i++) {
        const jx *r = jx_at(list, i);
        struct str error = jx_str(jx_get(jx_get(r, "error"), "message"));
        bool changed = jx_bool(jx_get(r, "changed"), false);

        term_put(&c->term, BOLD, jx_str(jx_get(r, "id")));
        fputs("  ", c->term.f);
        term_put(&c->term, error.n ? RED : PLAIN,
                 error.n   ? error
                 : changed ? S("done")
                           : S("nothing to change"));
        fputc('\n', c->term.f);
    }
    fprintf(c->term.f, "%lld done, %lld refused\n", (long long)field_number(answer, "done"),
            (long long)field_number(answer, "failed"));
}

static void put_where(struct client *c)
{
    const char *matcher;

    buf_put_c(&c->body, ",\"where\":{\"filter\":[");
    for (size_t i = 0; (matcher = args_nth(&c->args, "where", i)); i++) {
        buf_put_c(&c->body, i ? "," : "");
        buf_put_json(&c->body, str_c(matcher));
    }
    buf_put_c(&c->body, "]}");
}

static int do_matching(struct client *c, const struct verb *v)
{
    const char *expect = args_get(&c->args, "expect");
    const jx *answer = NULL;
    int status = CLI_USAGE;

    if (c->args.n_words)
        return cli_usage_error(c->self, "either IDs or --where");
    client_path(c, "incidents", "bulk", NULL);
    client_body(c);
    client_put(c, "verb", v->verb);
    put_where(c);
    if (!put_number(c, "expect", "expect_count", expect ? expect : "0") || !put_options(c))
        return CLI_USAGE;
    status = client_post(c, c->self->name, &answer);
    if (status == CLI_OK && c->json)
        client_print_json(c);
    else if (status == CLI_OK)
        print_bulk(c, answer);
    if (status == CLI_OK && field_number(answer, "failed") > 0)
        status = CLI_FAILED;
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    const struct verb *v = self->data;
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0 && args_has(&c.args, "where")) {
        status = do_matching(&c, v);
    } else if (status < 0) {
        status = client_words(&c, 1, SIZE_MAX, "the ID of an incident");
        if (status < 0 && v->missing && c.args.n_words < 2 && !args_has(&c.args, v->instead) &&
            !(strcmp(v->instead, "for") == 0 && args_has(&c.args, "until")))
            status = cli_usage_error(self, "%s", v->missing);
        if (status < 0 && args_has(&c.args, "force") && !args_has(&c.args, "text"))
            status = cli_usage_error(self, "--force wants a reason: -m TEXT");
        if (status < 0)
            status = do_each(&c, v);
    }
    return client_end(&c, status);
}

#define NOTE                                                                                       \
    {                                                                                              \
        "text", 'm', "TEXT", "noted in the timeline"                                               \
    }
#define LAST                                                                                       \
    {"if-version", 0, "N", "only if it is at this version"},                                       \
        {"where", 0, "MATCHER", "all incidents that match, as in list; with --expect"},            \
        {"expect", 0, "N", "how many must match --where, else nothing is done"},                   \
    {                                                                                              \
        NULL, 0, NULL, NULL                                                                        \
    }

/* name of the variable, command, arguments, summary, help; then the struct verb, then options */
#define VERB(var, name_, args_, summary_, help_, how, ...)                                         \
    static const struct cli_option options_##var[] = {__VA_ARGS__, LAST};                          \
    static const struct verb how_##var = how;                                                      \
    const struct command cmd_##var = {.name = name_,                                               \
                                      .args = args_,                                               \
                                      .summary = summary_,                                         \
                                      .help = help_,                                               \
                                      .run = run,                                                  \
                                      .options = options_##var,                                    \
                                      .is_client = true,                                           \
                                      .data = &how_##var}
#define IDS(name)                                                                                  \
    {                                                                                              \
        .verb = name                                                                               \
    }
#define FIELD(name, field_, instead_, missing_)                                                    \
    {                                                                                              \
        .verb = name, .field = field_, .instead = instead_, .missing = missing_                    \
    }
#define MANY "With -m all words are IDs.\n"

VERB(ack, "ack", "ID... [--take]", "Acknowledge: it is yours now.", "", IDS("acknowledge"),
     {"take", 0, NULL, "take it over from who holds it"}, NOTE);

VERB(assign, "assign", "ID NAME | ID... --to NAME",
     "Give it to somebody, who is to acknowledge it.", "",
     FIELD("assign", "assignee", "to", "to whom?"), {"to", 0, "NAME", "to whom"}, NOTE);

VERB(release, "release", "ID...", "Give it back to the queue.", "", IDS("release"), NOTE);

VERB(note, "note", "ID TEXT... | ID... -m TEXT", "Write down what was found or tried.", MANY,
     FIELD("note", "text", "text", "the text is missing"), NOTE);

VERB(update, "update", "ID TEXT... | ID... -m TEXT",
     "Tell the users how it stands (the communication log).", MANY,
     FIELD("update", "text", "text", "the text is missing"),
     {"next", 0, "TIME", "when the next update is promised: a span (30m) or a time"}, NOTE);

VERB(escalate, "escalate", "ID... [--tier TIER] [--reason TEXT]", "Pass it to the next tier.", "",
     IDS("escalate"), {"tier", 0, "tier2|tier3|manager", "to this one (default: the next)"},
     {"from-tier", 0, "tier1|tier2|tier3|manager", "only if it is still there"},
     {"reason", 'r', "TEXT", "why"}, NOTE);

VERB(raise, "raise", "ID... --impact LEVEL --urgency LEVEL", "Make it more urgent.", "",
     IDS("raise"), {"impact", 'i', "high|medium|low", "on users and business"},
     {"urgency", 'u', "high|medium|low", "how soon it hurts"}, NOTE);

VERB(lower, "lower", "ID... --impact LEVEL --urgency LEVEL", "Make it less urgent.", "",
     IDS("lower"), {"impact", 'i', "high|medium|low", "on users and business"},
     {"urgency", 'u', "high|medium|low", "how soon it hurts"}, NOTE);

VERB(snooze, "snooze", "ID SPAN | ID... --for SPAN | ID... --until TIME",
     "Put it aside for a while (P1 and P2 for 1h at most, others 1w).", "",
     FIELD("snooze", "for", "for", "for how long?"), {"for", 0, "SPAN", "so long: 30m, 2h, 3d"},
     {"until", 0, "TIME", "until a time (RFC 3339)"}, NOTE);

VERB(resolve, "resolve", "ID TEXT... [OPTION...] | ID... -m TEXT [OPTION...]",
     "Say that it is over, and what was done.",
     "On a resolved incident: mends what is written.\n" MANY,
     FIELD("resolve", "resolution", "text", NULL),
     {"workaround", 'w', NULL, "a workaround, no permanent fix; alerts may still fire"},
     {"fix", 0, "NAME", "the script or runbook step that did it (counted for automation)"},
     {"noise", 0, "false_positive|not_actionable|poor_details",
      "it should not have been raised so"},
     NOTE);

VERB(verify, "verify", "ID...", "Say that the service is seen to work again.", "", IDS("verify"),
     NOTE);

VERB(confirm, "confirm", "ID... --by NAME", "Record that the user or business lead confirms.", "",
     IDS("confirm"), {"by", 'b', "NAME", "who confirms: the user or business lead"}, NOTE);

VERB(close, "close", "ID... [--force -m TEXT]", "Close it, when all that is needed is there.", "",
     IDS("close"), {"force", 0, NULL, "before its time: a manager, with -m"}, NOTE);

VERB(reopen, "reopen", "ID TEXT... | ID... -m TEXT", "It is not over: back to the queue.", MANY,
     FIELD("reopen", "text", "text", "why? The text is missing"), NOTE);

VERB(merge, "merge", "ID... --into ID", "It is the same as another incident of the team.", "",
     IDS("merge"), {"into", 0, "ID", "the incident that goes on"}, NOTE);
