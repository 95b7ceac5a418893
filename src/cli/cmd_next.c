/*
 * cmd_next.c - next: the most urgent incident of my team's queues becomes mine.
 */
#include "commands.h"

#include <poll.h>

#include "incident.h"

enum { RETRY_MS = 3000 };

#define WAIT "20s" /* of one request; the daemon waits 25 s at most */

static int ask(struct client *c, bool wait, const jx **out)
{
    client_path(c, "next", NULL);
    client_body(c);
    if (args_has(&c->args, "team"))
        client_put_list(c, "team", "teams");
    else if (c->settings.values[SET_TEAM])
        client_put_texts(c, "teams", &c->settings.values[SET_TEAM], 1);
    client_put_list(c, "tier", "tiers");
    client_put_option(c, "text", "text");
    if (wait)
        client_put(c, "wait", WAIT);
    return client_post(c, "next", out);
}

/* Once the daemon has answered, its restarts and those of its Redis are waited for. */
static int ask_until(struct client *c, const jx **out)
{
    int status = ask(c, true, out);
    bool answered = status == CLI_OK;

    while ((status == CLI_OK && !*out) || (status == CLI_UNREACHABLE && answered)) {
        if (status == CLI_UNREACHABLE)
            poll(NULL, 0, RETRY_MS);
        status = ask(c, true, out);
    }
    return status;
}

static void print(struct client *c, const jx *answer)
{
    const jx *incident = jx_get(answer, "incident");
    struct str id = jx_str(jx_get(incident, "id"));

    if (c->json) {
        client_print_json(c);
        return;
    }
    incident_card(c, incident);
    fprintf(c->term.f,
            "\nIt is yours. What happened so far: triagectl show %.*s\n"
            "Tell the others: triagectl update %.*s TEXT\n",
            STR_ARG(id), STR_ARG(id));
}

static int run(const struct command *self, int argc, char **argv)
{
    struct client c;
    const jx *answer = NULL;
    int status = client_begin(&c, self, argc, argv);
    bool wait = status < 0 && args_has(&c.args, "wait");

    if (status < 0)
        status = client_words(&c, 0, 0, "");
    if (status < 0) {
        status = wait ? ask_until(&c, &answer) : ask(&c, false, &answer);
        if (status == CLI_OK && answer)
            print(&c, answer);
        if (status == CLI_OK && !answer) {
            cli_complain("nothing waits (--wait blocks until something does)");
            status = CLI_FAILED;
        }
    }
    return client_end(&c, status);
}

static const struct cli_option options[] = {
    {"wait", 'w', NULL, "block until there is one"},
    {"team", 't', "TEAM", "from this team's queues (repeatable; default: yours, else all)"},
    {"tier", 0, "tier1|tier2|tier3|manager", "from this tier's (repeatable; default tier1)"},
    {"text", 'm', "TEXT", "a note for the timeline"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_next = {
    .name = "next",
    .args = "[--wait] [--team TEAM] [--tier TIER]",
    .summary = "Take the most urgent incident from your team's queues and acknowledge it.",
    .help = "Exit status 1 when nothing waits.\n",
    .run = run,
    .options = options,
    .is_client = true,
};
