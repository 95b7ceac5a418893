/*
 * cmd_incidents.c - list, show, open: incidents as they are, and new ones by hand.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "incident.h"
#include "records.h"
#include "when.h"

enum { PAGE = 500 };

/* ---- list ------------------------------------------------------------------------------------ */

static const struct table_column list_columns[] = {
    {"ID", 0, 0, false},     {"P", 0, 0, false},       {"STATE", 0, 12, false},
    {"WHO", 1, 8, false},    {"AGE", 5, 0, false},     {"DUE", 2, 10, false},
    {"TEAM", 3, 0, false},   {"SERVICE", 7, 8, false}, {"FIRING", 6, 0, true},
    {"SYSTEMS", 8, 0, true}, {"TITLE", 0, 24, false},
};

static void add_incident(struct client *c, struct table *t, const jx *i)
{
    struct arena *a = &c->arena;
    struct str priority = jx_str(jx_get(i, "priority")), state = incident_state(a, i);
    int64_t opened;
    enum style due_style;
    struct str due = incident_due(c, i, &due_style);

    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(i, "id")));
    table_put_styled(t, priority_style(priority), priority);
    table_put_styled(t, state_style(state), state);
    table_put(t, incident_who(a, i));
    table_put(t, when_parse(jx_str(jx_get(i, "opened_at")), &opened)
                     ? when_span(a, c->term.now_ms - opened)
                     : STR_NONE);
    table_put_styled(t, due_style, str_eq(state, S("closed")) ? STR_NONE : due);
    table_put(t, jx_str(jx_get(i, "team")));
    table_put(t, jx_str(jx_get(i, "service")));
    table_put(t, field_text(a, i, "firing"));
    table_put(t, field_text(a, i, "system_count"));
    table_put(t, jx_str(jx_get(i, "title")));
}

static void list_path(struct client *c, uint64_t limit, const char *me, const char *cursor)
{
    static const char *const names[] = {"team",     "state", "priority", "category", "service",
                                        "assignee", "rule",  "system",   "filter"};
    char number[24];

    client_path(c, "incidents", NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        client_query_option(c, names[i]);
    if (me)
        client_query(c, "assignee", me);
    if (args_has(&c->args, "overdue"))
        client_query(c, "overdue", "true");
    for (size_t i = 0; i < c->args.n_words; i++)
        client_query(c, "filter", c->args.words[i]);
    snprintf(number, sizeof(number), "%llu", (unsigned long long)(limit < PAGE ? limit : PAGE));
    client_query(c, "limit", number);
    if (*cursor)
        client_query(c, "cursor", cursor);
}

/* Pages until `limit` incidents are there, or no more are. */
static int list_pages(struct client *c, struct table *t, uint64_t limit, bool *more)
{
    const char *cursor = "", *me = NULL;
    int status = args_has(&c->args, "mine") ? client_actor(c, &me) : CLI_OK;

    *more = false;
    if (status != CLI_OK)
        return status;
    while (limit > 0) {
        const jx *page, *list;
        struct str next;

        list_path(c, limit, me, cursor);
        status = client_get(c, &page);
        if (status != CLI_OK)
            return status;
        if (c->json)
            client_print_json(c);
        list = jx_get(page, "incidents");
        for (size_t i = 0; i < jx_len(list); i++)
            add_incident(c, t, jx_at(list, i));
        limit = jx_len(list) < limit ? limit - jx_len(list) : 0;
        next = jx_str(jx_get(page, "next"));
        *more = next.n > 0;
        if (!next.n)
            break;
        cursor = arena_str(&c->arena, next).p;
    }
    return CLI_OK;
}

static int run_list(const struct command *self, int argc, char **argv)
{
    struct client c;
    struct table *t = table_create(list_columns, ARRAY_LEN(list_columns));
    uint64_t limit = 100;
    bool more;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0 && args_has(&c.args, "limit") &&
        (!str_to_u64(str_c(args_get(&c.args, "limit")), &limit) || limit == 0))
        status = cli_usage_error(self, "--limit is a number from 1");
    if (status < 0) {
        status = list_pages(&c, t, limit, &more);
        if (status == CLI_OK && !c.json) {
            table_print(t, &c.term, "No incidents.");
            if (more)
                fprintf(stderr, "There are more: --limit N\n");
        }
    }
    table_destroy(t);
    return client_end(&c, status);
}

static const struct cli_option list_options[] = {
    {"team", 't', "TEAM", "of this team"},
    {"state", 's', "open|acknowledged|resolved|closed",
     "in this state (default: all that are not closed)"},
    {"priority", 'p', "P1|P2|P3|P4", "of this priority"},
    {"category", 0, "NAME", "of this category"},
    {"service", 0, "NAME", "of this service"},
    {"assignee", 'a', "NAME", "held by, or waiting for"},
    {"mine", 0, NULL, "held by, or waiting for, you"},
    {"rule", 0, "NAME", "opened by this rule"},
    {"system", 0, "NAME", "with this affected system"},
    {"overdue", 0, NULL, "with an overdue deadline"},
    {"filter", 'f', "MATCHER", "as MATCHER"},
    {"limit", 'n', "N", "at most so many (default 100)"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_list = {
    .name = "list",
    .args = "[OPTION...] [MATCHER...]",
    .summary = "List incidents, the most urgent first.",
    .help = "All that is given must hold; an option given twice means either. A MATCHER is one of\n"
            "Alertmanager's: 'cluster=\"eu-1\"', 'service=~\"check.*\"'. A name that is a field of "
            "the\n"
            "incident means that field, any other a label of its alerts.\n",
    .run = run_list,
    .options = list_options,
    .is_client = true,
};

/* ---- show ------------------------------------------------------------------------------------ */

static int show_one(struct client *c, const char *id)
{
    const jx *answer;
    int status;

    client_path(c, "incidents", id, NULL);
    status = client_get(c, &answer);
    if (status != CLI_OK)
        return status;
    if (c->json) {
        client_print_json(c);
        return CLI_OK;
    }
    incident_card(c, jx_get(answer, "incident"));
    incident_details(c, answer);
    if (str_eq(jx_str(jx_get(jx_get(answer, "incident"), "state")), S("resolved"))) {
        fputc('\n', c->term.f);
        incident_to_close(c, jx_get(answer, "incident"));
    }
    return CLI_OK;
}

static int run_show(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv), worst = CLI_OK;

    if (status < 0)
        status = client_words(&c, 1, SIZE_MAX, "the ID of an incident");
    if (status < 0) {
        for (size_t i = 0; i < c.args.n_words; i++) {
            if (i && !c.json)
                fputs("\n", c.term.f);
            status = show_one(&c, c.args.words[i]);
            worst = status > worst ? status : worst;
        }
        status = worst;
    }
    return client_end(&c, status);
}

static const struct cli_option no_options[] = {{NULL, 0, NULL, NULL}};

const struct command cmd_show = {
    .name = "show",
    .args = "ID...",
    .summary = "Show an incident: fields, alerts, timeline, and what was like it before.",
    .help = "",
    .run = run_show,
    .options = no_options,
    .is_client = true,
};

/* ---- open ------------------------------------------------------------------------------------ */

static int open_one(struct client *c)
{
    static const char *const same[] = {"category", "subcategory", "impact",
                                       "urgency",  "summary",     "service"};
    const jx *answer;
    char *title = record_words(c, 0);
    const char *team = args_get(&c->args, "team");
    int status;

    client_path(c, "incidents", NULL);
    client_body(c);
    client_put(c, "title", title);
    free(title);
    /* a service knows its team better than our own settings do */
    if (!team && !args_has(&c->args, "service"))
        team = c->settings.values[SET_TEAM];
    if (team)
        client_put(c, "team", team);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        client_put_option(c, same[i], same[i]);
    client_put_option(c, "reported-by", "reported_by");
    client_put_list(c, "system", "systems");
    status = client_post(c, "open", &answer);
    if (status == CLI_OK && c->json)
        client_print_json(c);
    else if (status == CLI_OK)
        incident_card(c, jx_get(answer, "incident"));
    return status;
}

static int run_open(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, SIZE_MAX, "the title");
    if (status < 0)
        status = open_one(&c);
    return client_end(&c, status);
}

static const struct cli_option open_options[] = {
    {"team", 't', "TEAM", "for this team (default: the service's, yours, the default team)"},
    {"category", 0, "NAME", "software, hardware, network, security …"},
    {"subcategory", 0, "NAME", "finer"},
    {"impact", 'i', "high|medium|low",
     "on users and business (default: the service's, else medium)"},
    {"urgency", 'u', "high|medium|low", "how soon it hurts (default medium)"},
    {"service", 0, "NAME", "the service that suffers"},
    {"system", 0, "NAME", "an affected system (repeatable)"},
    {"summary", 0, "TEXT", "what is known"},
    {"reported-by", 0, "NAME", "the user who reported it"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_open = {
    .name = "open",
    .args = "TITLE... [OPTION...]",
    .summary = "Open an incident by hand: a user's ticket, a direct observation.",
    .help = "",
    .run = run_open,
    .options = open_options,
    .is_client = true,
};
