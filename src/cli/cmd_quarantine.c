/*
 * cmd_quarantine.c - payloads that made no alert: listed, shown, tried again.
 */
#include "commands.h"
#include "listing.h"

static const struct cli_option no_options[] = {{NULL, 0, NULL, NULL}};

/* ---- list ------------------------------------------------------------------------------------ */

static void add_entry(struct client *c, struct table *t, const jx *e)
{
    table_row(t);
    table_put_styled(t, BOLD, jx_str(jx_get(e, "id")));
    table_put(t, field_ago(c, e, "at"));
    table_put(t, jx_str(jx_get(e, "webhook")));
    table_put(t, jx_str(jx_get(e, "peer")));
    table_put(t, field_text(&c->arena, e, "bytes"));
    table_put(t, jx_str(jx_get(e, "reason")));
}

static const struct table_column columns[] = {
    {"ID", 0, 0, false},   {"RECEIVED", 1, 0, false}, {"WEBHOOK", 0, 8, false},
    {"FROM", 2, 8, false}, {"BYTES", 3, 0, true},     {"REASON", 0, 16, false},
};

const struct command cmd_quarantine_list = {
    .name = "quarantine list",
    .args = "",
    .summary = "List payloads that were well-formed but made no alert, the newest first.",
    .help = "The sender was answered 200: Alertmanager would send a refused one for ever.\n",
    .run = listing_run,
    .options = no_options,
    .is_client = true,
    .data = &(const struct listing){.path = "quarantine",
                                    .member = "quarantine",
                                    .queries = (const char *const[]){NULL},
                                    LISTING_COLUMNS(columns),
                                    .add = add_entry,
                                    .nothing = "Nothing is kept in quarantine."},
};

/* ---- show ------------------------------------------------------------------------------------ */

/* The payload ends the output, as it came, but for what a terminal would obey. */
static void print_entry(struct client *c, const jx *e)
{
    struct str body = jx_str(jx_get(e, "body"));

    card_row(c, "ID", BOLD, jx_str(jx_get(e, "id")));
    card_row(c, "Received", PLAIN, field_ago(c, e, "at"));
    card_row(c, "Webhook", PLAIN, jx_str(jx_get(e, "webhook")));
    card_row(c, "From", PLAIN, jx_str(jx_get(e, "peer")));
    card_row(c, "Reason", YELLOW, jx_str(jx_get(e, "reason")));
    if (jx_bool(jx_get(e, "cut"), false))
        card_row(c, "Note", DIM,
                 arena_printf(&c->arena, "only the first %zu of %lld bytes are kept", body.n,
                              (long long)field_number(e, "bytes")));
    while (body.n) {
        struct str line = str_cut(body, '\n', &body);

        term_put(&c->term, PLAIN, line);
        fputc('\n', c->term.f);
    }
}

static int run_show(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 1, 1, "the ID");
    if (status < 0) {
        client_path(&c, "quarantine", c.args.words[0], NULL);
        status = client_show(&c, print_entry);
    }
    return client_end(&c, status);
}

const struct command cmd_quarantine_show = {
    .name = "quarantine show",
    .args = "ID",
    .summary = "Show one payload of the quarantine.",
    .help = "",
    .run = run_show,
    .options = no_options,
    .is_client = true,
};

/* ---- replay ---------------------------------------------------------------------------------- */

static int replay(struct client *c, const char *id)
{
    const jx *answer = NULL;
    int status;

    client_path(c, "quarantine", id, "replay", NULL);
    client_body(c);
    status = client_post(c, id, &answer);
    if (status == CLI_OK && c->json)
        client_print_json(c);
    else if (status == CLI_OK)
        fprintf(c->term.f, "%s: %lld alert%s taken in%s\n", id,
                (long long)field_number(answer, "accepted"),
                field_number(answer, "accepted") == 1 ? "" : "s",
                jx_bool(jx_get(answer, "removed"), true) ? "" : ", but it is still kept");
    return status;
}

static int run_replay(const struct command *self, int argc, char **argv)
{
    struct client c;
    int status = client_begin(&c, self, argc, argv), worst = CLI_OK;

    if (status < 0)
        status = client_words(&c, 1, ARGS_GIVEN_MAX, "the ID");
    if (status < 0) {
        for (size_t i = 0; i < c.args.n_words; i++) {
            status = replay(&c, c.args.words[i]);
            worst = status != CLI_OK ? status : worst;
            if (status == CLI_UNREACHABLE || status == CLI_DENIED)
                break;
        }
        status = worst;
    }
    return client_end(&c, status);
}

const struct command cmd_quarantine_replay = {
    .name = "quarantine replay",
    .args = "ID...",
    .summary =
        "Try payloads again, after the configuration was mended; what is taken in goes away.",
    .help = "",
    .run = run_replay,
    .options = no_options,
    .is_client = true,
};
