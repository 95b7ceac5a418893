/*
 * cmd_reviews.c - reviews, review show, review write: what an incident taught.
 */
#include "commands.h"

#include "listing.h"
#include "records.h"

/* ---- reviews --------------------------------------------------------------------------------- */

static void add_review(struct client *c, struct table *t, const jx *r)
{
    struct str priority = jx_str(jx_get(r, "priority")), state = jx_str(jx_get(r, "state"));
    bool done = str_eq(state, S("done"));
    enum style style;
    struct str due = field_due(c, r, "due_at", &style);

    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(r, "id")));
    table_put_styled(t, priority_style(priority), priority);
    table_put_styled(t, done ? GREEN : YELLOW, state);
    table_put_styled(t, style, done ? STR_NONE : due);
    table_put(t, field_ago(c, r, "closed_at"));
    table_put(t, jx_str(jx_get(r, "team")));
    table_put(t, jx_str(jx_get(r, "service")));
    table_put(t, jx_str(jx_get(r, "title")));
}

static const struct table_column columns[] = {
    {"INCIDENT", 0, 0, false}, {"P", 0, 0, false},      {"REVIEW", 0, 0, false},
    {"DUE", 0, 0, false},      {"CLOSED", 1, 0, false}, {"TEAM", 2, 0, false},
    {"SERVICE", 3, 0, false},  {"TITLE", 0, 20, false},
};

static const struct cli_option options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {"state", 's', "due|overdue|done", "in this state (repeatable)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_reviews = {
    .name = "reviews",
    .args = "[--state STATE] [--team TEAM]",
    .summary = "List post-incident reviews, owed and done.",
    .help = "",
    .run = listing_run,
    .options = options,
    .is_client = true,
    .data = &(const struct listing){.path = "reviews",
                                    .member = "reviews",
                                    .queries = (const char *const[]){"team", "state", NULL},
                                    LISTING_COLUMNS(columns),
                                    .add = add_review,
                                    .nothing = "No reviews."},
};

/* ---- review show ----------------------------------------------------------------------------- */

/* Markdown as it is, headings in bold, line by line so that control characters are taken out. */
static void print_document(struct client *c)
{
    struct str rest = buf_str(&c->answer.body);

    while (rest.n) {
        struct str line = str_cut(rest, '\n', &rest);

        term_put(&c->term, str_starts(line, S("#")) ? BOLD : PLAIN, line);
        fputc('\n', c->term.f);
    }
}

static int run_show(const struct command *self, int argc, char **argv)
{
    struct client c;
    const jx *answer = NULL;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "the ID of an incident");
    if (status < 0) {
        client_path(&c, "reviews", c.args.words[0], NULL);
        status = c.json ? client_get(&c, &answer) : client_get_text(&c, "text/markdown");
        if (status == CLI_OK && c.json)
            client_print_json(&c);
        else if (status == CLI_OK)
            print_document(&c);
    }
    return client_end(&c, status);
}

static const struct cli_option no_options[] = {{NULL, 0, NULL, NULL}};

const struct command cmd_review_show = {
    .name = "review show",
    .args = "ID",
    .summary = "Print the review of an incident as a Markdown document.",
    .help = "",
    .run = run_show,
    .options = no_options,
    .is_client = true,
};

/* ---- review write ---------------------------------------------------------------------------- */

static const struct record_field fields[] = {
    {"summary", "summary", RECORD_TEXT},       {"impact", "impact_text", RECORD_TEXT},
    {"root-cause", "root_cause", RECORD_TEXT}, {"contributing", "contributing", RECORD_TEXT},
    {"detection", "detection", RECORD_TEXT},   {"lessons", "lessons", RECORD_TEXT},
    {"document", "document", RECORD_TEXT},     {NULL, NULL, RECORD_TEXT},
};

static void put_actions(struct client *c)
{
    const char *text;

    for (size_t i = 0; (text = args_nth(&c->args, "action", i)); i++) {
        buf_put_c(&c->body, i ? ",{\"text\":" : ",\"actions\":[{\"text\":");
        buf_put_json(&c->body, str_c(text));
        buf_put_char(&c->body, '}');
    }
    if (args_has(&c->args, "action"))
        buf_put_char(&c->body, ']');
}

static int run_write(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "the ID of an incident");
    if (status < 0) {
        bool done = args_has(&c.args, "done");

        client_path(&c, "reviews", c.args.words[0], NULL);
        client_body(&c);
        put_actions(&c);
        if (done)
            client_put_bool(&c, "done", true);
        status = record_put_fields(&c, fields)
                     ? record_post(&c, c.args.words[0],
                                   done ? "the review is done" : "written to its review")
                     : CLI_USAGE;
    }
    return client_end(&c, status);
}

static const struct cli_option write_options[] = {
    {"root-cause", 'r', "TEXT", "what it was; needed to complete the review"},
    {"summary", 0, "TEXT", "what happened, in short"},
    {"impact", 0, "TEXT", "on whom, and how"},
    {"contributing", 0, "TEXT", "what made it worse or longer"},
    {"detection", 0, "TEXT", "how it was noticed, and how it could be sooner"},
    {"lessons", 0, "TEXT", "what went well, and what did not"},
    {"document", 0, "URL", "where a longer document is"},
    {"action", 'a', "TEXT", "a new action item (repeatable; owner and date: action add)"},
    {"done", 0, NULL, "the review is complete"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_review_write = {
    .name = "review write",
    .args = "ID [OPTION...] [--done]",
    .summary = "Write to the review of an incident, and complete it (a manager).",
    .help = "",
    .run = run_write,
    .options = write_options,
    .is_client = true,
};
