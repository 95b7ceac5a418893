/*
 * cmd_explain.c - explain: why this incident is what it is, and which clocks run.
 */
#include "commands.h"
#include "incident.h"
#include "when.h"

static void print_why(struct client *c, const jx *why)
{
    struct str name;
    const jx *value;
    void *it = NULL;

    if (jx_len(why) == 0) {
        fputs("  no reasons are recorded (it was opened by hand, or by a heartbeat)\n", c->term.f);
        return;
    }
    while (jx_next(why, &it, &name, &value)) {
        struct str text = field_text(&c->arena, why, arena_str(&c->arena, name).p);
        struct str words = field_words(&c->arena, name);

        card_row(c, str_eq(name, S("matrix")) ? "as computed" : words.p, PLAIN, text);
    }
}

static void print_clocks(struct client *c, const jx *clocks)
{
    static const struct table_column columns[] = {
        {"CLOCK", 0, 0, false}, {"BUDGET", 0, 0, true}, {"USED", 1, 0, true}, {"DUE", 0, 0, false}};
    struct table *t = table_create(columns, ARRAY_LEN(columns));

    for (size_t i = 0; i < jx_len(clocks); i++) {
        const jx *clock = jx_at(clocks, i);
        bool resting = jx_bool(jx_get(clock, "resting"), false);
        bool went_off = jx_bool(jx_get(clock, "went_off"), false);
        enum style style;
        struct str due = field_due(c, clock, "due_at", &style);

        table_row(t);
        table_put(t, jx_str(jx_get(clock, "kind")));
        table_put(t, when_span(&c->arena, field_number(clock, "budget_ms")));
        table_put(t, when_span(&c->arena, field_number(clock, "used_ms")));
        table_put_styled(t,
                         went_off  ? BOLD_RED
                         : resting ? DIM
                                   : style,
                         went_off  ? S("went off")
                         : resting ? S("rests")
                                   : due);
    }
    table_print(t, &c->term, "No clock runs.");
    table_destroy(t);
}

static void print(struct client *c, const jx *answer)
{
    const jx *i = jx_get(answer, "incident");
    struct str rule = jx_str(jx_get(i, "rule"));

    incident_line(c, i);
    fprintf(c->term.f, "\nPriority\n");
    card_row(c, "matrix", PLAIN,
             arena_printf(&c->arena, "impact %.*s x urgency %.*s = %.*s",
                          STR_ARG(jx_str(jx_get(i, "impact"))),
                          STR_ARG(jx_str(jx_get(i, "urgency"))),
                          STR_ARG(jx_str(jx_get(i, "priority")))));
    fprintf(c->term.f, "\nWhy\n");
    print_why(c, jx_get(i, "why"));
    fprintf(c->term.f, "\nGrouping\n");
    card_row(c, "rule", PLAIN, rule);
    card_row(c, "group key", PLAIN, jx_str(jx_get(i, "group_key")));
    card_row(c, "recurrence of", PLAIN, jx_str(jx_get(i, "recurrence_of")));
    card_row(c, "suppressed by", PLAIN, field_text(&c->arena, i, "suppressed_by"));
    card_row(c, "queue", PLAIN, jx_str(jx_get(i, "queue")));
    card_row(c, "reason", PLAIN, jx_str(jx_get(i, "reason")));
    fprintf(c->term.f, "\nClocks\n");
    print_clocks(c, jx_get(i, "clocks"));
}

static int run(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "the ID of an incident");
    if (status < 0) {
        client_path(&c, "incidents", c.args.words[0], NULL);
        status = client_show(&c, print);
    }
    return client_end(&c, status);
}

static const struct cli_option options[] = {{NULL, 0, NULL, NULL}};

const struct command cmd_explain = {
    .name = "explain",
    .args = "ID",
    .summary = "Say why an incident has its priority, team and queue, and which clocks run.",
    .help = "",
    .run = run,
    .options = options,
    .is_client = true,
};
