/*
 * cmd_records.c - problems, action items and known errors: listed, written, declared.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "records.h"

/* ---- writing a record ------------------------------------------------------------------------ */

bool record_put_fields(struct client *c, const struct record_field *fields)
{
    for (const struct record_field *f = fields; f->option; f++) {
        const char *value = args_get(&c->args, f->option);

        if (!value)
            continue;
        if (f->kind == RECORD_TIME && !client_put_time(c, f->field, value))
            return false;
        if (f->kind == RECORD_TEXT)
            client_put(c, f->field, value);
    }
    return true;
}

int record_post(struct client *c, const char *what, const char *done)
{
    const jx *answer = NULL;
    int status = client_post(c, what, &answer);
    struct str id = jx_str(jx_get(jx_get(answer, "record"), "id"));

    if (status == CLI_OK && c->json)
        client_print_json(c);
    else if (status == CLI_OK && !jx_bool(jx_get(answer, "changed"), true))
        fprintf(c->term.f, "Nothing to change.\n");
    else if (status == CLI_OK)
        fprintf(c->term.f, "%.*s%s%s\n", STR_ARG(id), id.n ? ": " : "", done);
    return status;
}

char *record_words(const struct client *c, size_t from)
{
    struct buf b;
    char *text;

    buf_init(&b, 1024 * 1024);
    for (size_t i = from; i < c->args.n_words; i++) {
        buf_put_c(&b, i > from ? " " : "");
        buf_put_c(&b, c->args.words[i]);
    }
    text = xstrndup(b.n ? b.p : "", b.n);
    buf_finish(&b);
    return text;
}

/* A command with one word (an ID) that writes the fields of its data to path/ID. */
struct writer {
    const char *path, *done;
    const struct record_field *fields;
    const char *fixed_name, *fixed_value; /* a field that it always sends, or NULL */
};

static int run_writer(const struct command *self, int argc, char **argv)
{
    const struct writer *w = self->data;
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "the ID");
    if (status < 0) {
        client_path(&c, w->path, c.args.words[0], NULL);
        client_body(&c);
        if (args_has(&c.args, "team"))
            client_put_option(&c, "team", "team");
        if (w->fixed_name)
            client_put(&c, w->fixed_name, w->fixed_value);
        status = record_put_fields(&c, w->fields) ? record_post(&c, c.args.words[0], w->done) : CLI_USAGE;
    }
    return client_end(&c, status);
}

/* ---- problems -------------------------------------------------------------------------------- */

static void add_problem(struct client *c, struct table *t, const jx *p)
{
    struct str title = jx_str(jx_get(p, "title")), state = jx_str(jx_get(p, "state"));

    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(p, "id")));
    table_put_styled(t, str_eq(state, S("candidate")) ? YELLOW : PLAIN, state);
    table_put(t, jx_str(jx_get(p, "why")));
    table_put(t, arena_printf(&c->arena, "%zu", jx_len(jx_get(p, "incidents"))));
    table_put(t, jx_str(jx_get(p, "owner")));
    table_put(t, jx_str(jx_get(p, "team")));
    table_put(t, field_ago(c, p, "updated_at"));
    table_put(t, title.n ? title : jx_str(jx_get(p, "cause")));
    table_put(t, field_text(&c->arena, p, "incidents"));
}

static const struct table_column problem_columns[] = {
    {"ID", 0, 0, false},   {"STATE", 0, 0, false},  {"WHY", 1, 0, false},
    {"TIMES", 0, 0, true}, {"OWNER", 2, 0, false},  {"TEAM", 4, 0, false},
    {"LAST", 3, 0, false}, {"CAUSE", 0, 16, false}, {"INCIDENTS", 5, 12, false},
};

static const struct cli_option problems_options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {"state", 's', "candidate|open|known|closed", "in this state (repeatable)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_problems = {
    .name = "problems",
    .args = "[--state STATE] [--team TEAM]",
    .summary = "List problems: causes that recur, flap, or hit many systems.",
    .help = "",
    .run = listing_run,
    .options = problems_options,
    .is_client = true,
    .data = &(const struct listing){.path = "problems",
                                    .member = "problems",
                                    .queries = (const char *const[]){"team", "state", NULL},
                                    LISTING_COLUMNS(problem_columns),
                                    .add = add_problem,
                                    .nothing = "No problems."},
};

static const struct record_field problem_fields[] = {
    {"state", "state", RECORD_TEXT},
    {"title", "title", RECORD_TEXT},
    {"owner", "owner", RECORD_TEXT},
    {"root-cause", "root_cause", RECORD_TEXT},
    {"workaround", "workaround", RECORD_TEXT},
    {"known-error", "known_error", RECORD_TEXT},
    {"text", "text", RECORD_TEXT},
    {NULL, NULL, RECORD_TEXT},
};

static const struct cli_option problem_options[] = {
    {"state", 's', "candidate|open|known|closed", "its state from now on"},
    {"title", 0, "TEXT", "its title"},
    {"owner", 'o', "NAME", "who looks into it"},
    {"root-cause", 0, "TEXT", "what it was"},
    {"workaround", 0, "TEXT", "what helps until it is mended"},
    {"known-error", 0, "ID", "the known error that was declared for it"},
    {"text", 'm', "TEXT", "anything else"},
    {"team", 't', "TEAM", "where several teams have a record of this ID"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_problem_write = {
    .name = "problem write",
    .args = "ID [OPTION...]",
    .summary = "Write to a problem: owner, state, root cause (a manager).",
    .help = "",
    .run = run_writer,
    .options = problem_options,
    .is_client = true,
    .data = &(const struct writer){"problems", "written", problem_fields, NULL, NULL},
};

/* ---- actions --------------------------------------------------------------------------------- */

static void add_action(struct client *c, struct table *t, const jx *a)
{
    struct str state = jx_str(jx_get(a, "state"));
    bool done = str_eq(state, S("done"));
    enum style style;
    struct str due = field_due(c, a, "due_at", &style);

    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(a, "id")));
    table_put_styled(t, done ? GREEN : PLAIN, state);
    table_put(t, jx_str(jx_get(a, "owner")));
    table_put_styled(t, done ? DIM : style, done ? STR_NONE : due);
    table_put(t, jx_str(jx_get(a, "incident")));
    table_put(t, jx_str(jx_get(a, "team")));
    table_put(t, jx_str(jx_get(a, "text")));
}

static const struct table_column action_columns[] = {
    {"ID", 0, 0, false},       {"STATE", 0, 0, false}, {"OWNER", 0, 8, false}, {"DUE", 0, 0, false},
    {"INCIDENT", 1, 0, false}, {"TEAM", 2, 0, false},  {"WHAT", 0, 20, false},
};

static const struct cli_option actions_options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {"state", 's', "open|overdue|done", "in this state (repeatable)"},
    {"owner", 'o', "NAME", "of this owner (repeatable)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_actions = {
    .name = "actions",
    .args = "[--state STATE] [--owner NAME] [--team TEAM]",
    .summary = "List action items.",
    .help = "",
    .run = listing_run,
    .options = actions_options,
    .is_client = true,
    .data =
        &(const struct listing){.path = "actions",
                                .member = "actions",
                                .queries = (const char *const[]){"team", "state", "owner", NULL},
                                LISTING_COLUMNS(action_columns),
                                .add = add_action,
                                .nothing = "No action items."},
};

static const struct record_field action_fields[] = {
    {"incident", "incident", RECORD_TEXT},
    {"owner", "owner", RECORD_TEXT},
    {"due", "due_at", RECORD_TIME},
    {"team", "team", RECORD_TEXT},
    {NULL, NULL, RECORD_TEXT},
};

static int run_action_add(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, SIZE_MAX, "the text");
    if (status < 0) {
        char *text = record_words(&c, 0);

        client_path(&c, "actions", NULL);
        client_body(&c);
        client_put(&c, "text", text);
        status = record_put_fields(&c, action_fields) ? record_post(&c, "action", "added") : CLI_USAGE;
        free(text);
    }
    return client_end(&c, status);
}

static const struct cli_option action_add_options[] = {
    {"incident", 0, "ID", "the incident that it comes from"},
    {"owner", 'o', "NAME", "who does it"},
    {"due", 0, "TIME", "until when: a span (14d) or a time"},
    {"team", 't', "TEAM", "for this team (default: the incident's)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_action_add = {
    .name = "action add",
    .args = "TEXT... [OPTION...]",
    .summary = "Add an action item.",
    .help = "",
    .run = run_action_add,
    .options = action_add_options,
    .is_client = true,
};

static const struct record_field no_fields[] = {{NULL, NULL, RECORD_TEXT}};

static const struct cli_option team_options[] = {
    {"team", 't', "TEAM", "where several teams have a record of this ID"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_action_done = {
    .name = "action done",
    .args = "ID",
    .summary = "Say that an action item is done.",
    .help = "",
    .run = run_writer,
    .options = team_options,
    .is_client = true,
    .data = &(const struct writer){"actions", "done", no_fields, "state", "done"},
};

/* ---- known errors ---------------------------------------------------------------------------- */

static void add_known_error(struct client *c, struct table *t, const jx *k)
{
    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(k, "id")));
    table_put(t, jx_str(jx_get(k, "team")));
    table_put(t, jx_str(jx_get(k, "declared_by")));
    table_put(t, jx_str(jx_get(k, "title")));
    table_put(t, jx_str(jx_get(k, "workaround")));
    table_put(t, jx_str(jx_get(k, "kb")));
    table_put(t, field_text(&c->arena, k, "match"));
}

static const struct table_column known_columns[] = {
    {"ID", 0, 0, false},       {"TEAM", 2, 0, false},        {"DECLARED BY", 4, 0, false},
    {"TITLE", 1, 16, false},   {"WORKAROUND", 0, 16, false}, {"ARTICLE", 5, 16, false},
    {"MATCHES", 3, 16, false},
};

static const struct cli_option known_options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_known_errors = {
    .name = "known-errors",
    .args = "[--team TEAM]",
    .summary = "List known errors: of the configuration, and declared by reviews.",
    .help = "",
    .run = listing_run,
    .options = known_options,
    .is_client = true,
    .data = &(const struct listing){.path = "known-errors",
                                    .member = "known_errors",
                                    .queries = (const char *const[]){"team", NULL},
                                    LISTING_COLUMNS(known_columns),
                                    .add = add_known_error,
                                    .nothing = "No known errors."},
};

static int write_known_error(const struct command *self, int argc, char **argv)
{
    static const struct record_field fields[] = {
        {"title", "title", RECORD_TEXT}, {"workaround", "workaround", RECORD_TEXT},
        {"kb", "kb", RECORD_TEXT},       {"team", "team", RECORD_TEXT},
        {NULL, NULL, RECORD_TEXT},
    };
    struct client c;
    bool is_delete = self == &cmd_known_error_delete;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "the ID");
    if (status < 0 && !is_delete && !args_has(&c.args, "match"))
        status = cli_usage_error(self, "--match is missing: which alerts does it explain?");
    if (status < 0) {
        client_path(&c, "known-errors", NULL);
        client_body(&c);
        client_put(&c, "id", c.args.words[0]);
        if (is_delete)
            client_put_bool(&c, "delete", true);
        client_put_list(&c, "match", "match");
        status = record_put_fields(&c, fields)
                     ? record_post(&c, c.args.words[0], is_delete ? "deleted" : "declared")
                     : CLI_USAGE;
    }
    return client_end(&c, status);
}

static const struct cli_option known_add_options[] = {
    {"match", 'f', "MATCHER",
     "alerts that it explains: 'alertname=\"NFSStale\"' (repeatable: all hold)"},
    {"title", 0, "TEXT", "what it is"},
    {"workaround", 'w', "TEXT", "what helps"},
    {"kb", 0, "URL", "the article in the knowledge base"},
    {"team", 't', "TEAM", "for this team (default: yours, or the default team)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_known_error_add = {
    .name = "known-error add",
    .args = "ID --match MATCHER... [OPTION...]",
    .summary = "Declare a known error, or change it (a manager).",
    .help = "",
    .run = write_known_error,
    .options = known_add_options,
    .is_client = true,
};

const struct command cmd_known_error_delete = {
    .name = "known-error delete",
    .args = "ID",
    .summary = "Take a known error back (a manager).",
    .help = "Those of the configuration are taken out there.\n",
    .run = write_known_error,
    .options = team_options,
    .is_client = true,
};
