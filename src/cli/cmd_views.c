/*
 * cmd_views.c - queues, automation, whoami: how things stand.
 */
#include "commands.h"
#include "listing.h"

static const struct cli_option no_options[] = {{NULL, 0, NULL, NULL}};

/* ---- queues ---------------------------------------------------------------------------------- */

static void add_queue(struct client *c, struct table *t, const jx *q)
{
    const jx *first = jx_get(q, "first");
    struct str priority = jx_str(jx_get(q, "priority"));
    struct str whom = jx_str(jx_get(first, "for"));
    enum style style;
    struct str due = field_due(c, first, "acknowledge_by", &style);

    table_row(t);
    table_put(t, jx_str(jx_get(q, "team")));
    table_put(t, jx_str(jx_get(q, "tier")));
    table_put_styled(t, priority_style(priority), priority);
    table_put(t, field_text(&c->arena, q, "length"));
    table_put_styled(t, BOLD, jx_str(jx_get(first, "incident")));
    table_put(t, jx_str(jx_get(first, "reason")));
    table_put_styled(t, style, due);
    table_put(t, whom);
    table_put(t, jx_str(jx_get(first, "title")));
}

static const struct table_column queue_columns[] = {
    {"TEAM", 0, 8, false},   {"TIER", 0, 7, false},  {"P", 0, 0, false},
    {"WAITING", 0, 0, true}, {"FIRST", 0, 0, false}, {"REASON", 2, 0, false},
    {"DUE", 1, 0, false},    {"FOR", 3, 0, false},   {"TITLE", 0, 16, false},
};

static const struct cli_option queue_options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_queues = {
    .name = "queues",
    .args = "[--team TEAM]",
    .summary = "Show what waits in the queues, and the first of each.",
    .help = "",
    .run = listing_run,
    .options = queue_options,
    .is_client = true,
    .data = &(const struct listing){.path = "queues",
                                    .member = "queues",
                                    .queries = (const char *const[]){"team", NULL},
                                    LISTING_COLUMNS(queue_columns),
                                    .add = add_queue,
                                    .nothing = "Nothing waits."},
};

/* ---- automation ------------------------------------------------------------------------------ */

static void add_fix(struct client *c, struct table *t, const jx *f)
{
    struct str state = jx_str(jx_get(f, "state"));

    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(f, "fix")));
    table_put(t, jx_str(jx_get(f, "cause")));
    table_put(t, field_text(&c->arena, f, "uses"));
    table_put_styled(t, str_eq(state, S("candidate")) ? YELLOW : PLAIN,
                     str_eq(state, S("candidate")) ? S("automate it") : state);
    table_put(t, jx_str(jx_get(f, "team")));
    table_put(t, field_ago(c, f, "updated_at"));
    table_put(t, field_text(&c->arena, f, "incidents"));
}

static const struct table_column fix_columns[] = {
    {"FIX", 0, 12, false},       {"FOR", 0, 12, false}, {"USED", 0, 0, true},
    {"STATE", 0, 0, false},      {"TEAM", 2, 0, false}, {"LAST", 1, 0, false},
    {"INCIDENTS", 3, 12, false},
};

static const struct cli_option fix_options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {"state", 's', "seen|candidate", "in this state"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_automation = {
    .name = "automation",
    .args = "[--state STATE] [--team TEAM]",
    .summary = "List fixes (resolve --fix) and how often each was used for which error.",
    .help = "The third use for the same error makes a fix a candidate for automation.\n",
    .run = listing_run,
    .options = fix_options,
    .is_client = true,
    .data = &(const struct listing){.path = "automation",
                                    .member = "automation",
                                    .queries = (const char *const[]){"team", "state", NULL},
                                    LISTING_COLUMNS(fix_columns),
                                    .add = add_fix,
                                    .nothing = "No fix was named yet: resolve ID TEXT --fix NAME"},
};

/* ---- whoami ---------------------------------------------------------------------------------- */

static void print_whoami(struct client *c, const jx *answer)
{
    struct str name = jx_str(jx_get(answer, "name")), team = jx_str(jx_get(answer, "team"));
    const jx *teams = jx_get(answer, "teams");
    const char *actor = NULL, *mine = c->settings.values[SET_TEAM];
    struct str all = STR_NONE;

    if (!name.n && client_actor(c, &actor) != CLI_OK)
        actor = "";
    for (size_t i = 0; i < jx_len(teams); i++)
        all = arena_printf(&c->arena, "%.*s%s%.*s (%.*s)", STR_ARG(all), i ? ", " : "",
                           STR_ARG(jx_str(jx_get(jx_at(teams, i), "name"))),
                           STR_ARG(jx_str(jx_get(jx_at(teams, i), "id"))));
    card_row(c, "You are", BOLD, name.n ? name : str_c(actor));
    card_row(c, "Role", PLAIN, jx_str(jx_get(answer, "role")));
    card_row(c, "Your team", PLAIN, mine ? str_c(mine) : team);
    card_row(c, "Teams", PLAIN, all);
    card_row(c, "Daemon", PLAIN,
             arena_printf(&c->arena, "triaged %.*s at %s (from %s)",
                          STR_ARG(jx_str(jx_get(answer, "version"))), c->settings.values[SET_URL],
                          c->settings.url_from));
    if (!name.n)
        card_row(c, "Note", DIM,
                 S("the daemon has no tokens: your name is your login's, or that of --actor"));
}

static int run_whoami(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 0, 0, "");
    if (status < 0) {
        client_path(&c, "whoami", NULL);
        status = client_show(&c, print_whoami);
    }
    return client_end(&c, status);
}

const struct command cmd_whoami = {
    .name = "whoami",
    .args = "",
    .summary = "Say who the daemon takes you for, and which teams there are.",
    .help = "",
    .run = run_whoami,
    .options = no_options,
    .is_client = true,
};
