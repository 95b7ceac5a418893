/*
 * cmd_stats.c - stats, noise: times to acknowledge and resolve, and what should not have rung.
 */
#include "commands.h"
#include "incident.h"
#include "when.h"

/* ---- stats ----------------------------------------------------------------------------------- */

static const struct table_column columns[] = {
    {"TEAM", 0, 0, false},    {"P", 0, 0, false},         {"ACTIVE", 0, 0, true},
    {"RESOLVED", 4, 0, true}, {"CLOSED", 0, 0, true},     {"TO ACKNOWLEDGE", 0, 0, true},
    {"90%", 2, 0, true},      {"TO RESOLVE", 0, 0, true}, {"90%", 1, 0, true},
    {"TO CLOSE", 3, 0, true},
};

static void put_spread(struct client *c, struct table *t, const jx *spread, bool with_p90)
{
    bool any = field_number(spread, "n") > 0;

    table_put(t, any ? when_span(&c->arena, field_number(spread, "median")) : S("-"));
    if (with_p90)
        table_put(t, any ? when_span(&c->arena, field_number(spread, "p90")) : S("-"));
}

static void add_priorities(struct client *c, struct table *t, const jx *team)
{
    const jx *list = jx_get(team, "priorities");

    for (size_t i = 0; i < jx_len(list); i++) {
        const jx *p = jx_at(list, i);
        struct str priority = jx_str(jx_get(p, "priority"));

        if (field_number(p, "active") + field_number(p, "resolved") + field_number(p, "closed") ==
            0)
            continue;
        table_row(t);
        table_put(t, jx_str(jx_get(team, "team")));
        table_put_styled(t, priority_style(priority), priority);
        table_put(t, field_text(&c->arena, p, "active"));
        table_put(t, field_text(&c->arena, p, "resolved"));
        table_put(t, field_text(&c->arena, p, "closed"));
        put_spread(c, t, jx_get(p, "time_to_acknowledge_ms"), true);
        put_spread(c, t, jx_get(p, "time_to_resolve_ms"), true);
        put_spread(c, t, jx_get(p, "time_to_close_ms"), false);
    }
}

static void print_reduction(struct client *c, const jx *team)
{
    int64_t messages = field_number(team, "messages"), incidents = field_number(team, "incidents");
    int64_t unattended = field_number(team, "unattended");

    if (incidents == 0)
        return;
    fprintf(c->term.f, "%.*s: %lld message%s became %lld incident%s (%.1f to 1)",
            STR_ARG(jx_str(jx_get(team, "team"))), (long long)messages, messages == 1 ? "" : "s",
            (long long)incidents, incidents == 1 ? "" : "s", (double)messages / (double)incidents);
    if (unattended)
        fprintf(c->term.f, ", %lld ended before anybody acknowledged", (long long)unattended);
    fputc('\n', c->term.f);
}

static void print_stats(struct client *c, const jx *answer)
{
    const jx *teams = jx_get(answer, "teams");
    struct table *t = table_create(columns, ARRAY_LEN(columns));

    for (size_t i = 0; i < jx_len(teams); i++)
        add_priorities(c, t, jx_at(teams, i));
    fprintf(c->term.f, "Closed within %s; medians%s\n\n",
            when_span(&c->arena, field_number(answer, "within_ms")).p,
            jx_bool(jx_get(answer, "truncated"), false) ? " (of the newest; there were more)" : "");
    table_print(t, &c->term, "No incidents.");
    table_destroy(t);
    fputc('\n', c->term.f);
    for (size_t i = 0; i < jx_len(teams); i++)
        print_reduction(c, jx_at(teams, i));
}

/* ---- noise ----------------------------------------------------------------------------------- */

static void print_noise(struct client *c, const jx *answer)
{
    static const struct table_column noise_columns[] = {
        {"RULE", 0, 16, false},         {"INCIDENTS", 0, 0, true},
        {"FALSE POSITIVE", 0, 0, true}, {"NOT ACTIONABLE", 0, 0, true},
        {"POOR DETAILS", 0, 0, true},
    };
    static const char *const numbers[] = {"incidents", "false_positive", "not_actionable",
                                          "poor_details"};
    const jx *list = jx_get(answer, "noise");
    struct table *t = table_create(noise_columns, ARRAY_LEN(noise_columns));

    for (size_t i = 0; i < jx_len(list); i++) {
        const jx *rule = jx_at(list, i);
        struct str name = jx_str(jx_get(rule, "rule"));

        table_row(t);
        table_put_styled(t, BOLD, name.n ? name : S("(opened by hand)"));
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            table_put(t, field_text(&c->arena, rule, numbers[k]));
    }
    table_print(t, &c->term, "No incident was marked as noise: resolve ID TEXT --noise KIND");
    table_destroy(t);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 0, 0, "");
    if (status < 0) {
        client_path(&c, "stats", NULL);
        client_query_option(&c, "team");
        client_query_option(&c, "within");
        status = client_show(&c, self == &cmd_noise ? print_noise : print_stats);
    }
    return client_end(&c, status);
}

static const struct cli_option options[] = {
    {"team", 't', "TEAM", "of this team (repeatable)"},
    {"within", 0, "SPAN", "incidents closed within this span (default 7d)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_stats = {
    .name = "stats",
    .args = "[--within SPAN] [--team TEAM]",
    .summary = "Show times to acknowledge, resolve and close, and how much noise was spared.",
    .help = "",
    .run = run,
    .options = options,
    .is_client = true,
};

const struct command cmd_noise = {
    .name = "noise",
    .args = "[--within SPAN] [--team TEAM]",
    .summary = "List the rules whose incidents were resolved as noise, the worst first.",
    .help = "",
    .run = run,
    .options = options,
    .is_client = true,
};
