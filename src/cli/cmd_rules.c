/*
 * cmd_rules.c - rules test: what would happen to this alert, and why. Needs no daemon.
 */
#include "rules_test.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "triaged/base/buf.h"
#include "triaged/base/clock.h"

enum input { INPUT_AUTO, INPUT_LABELS, INPUT_JSONL, INPUT_PAYLOAD };

static int complain(struct str why)
{
    fprintf(stderr, "triagectl: %.*s\n", STR_ARG(why));
    return CLI_FAILED;
}

static int test_words(struct rules_test *t, int n, char **words)
{
    struct alert a;
    struct str why;
    if (!alert_of_words(t, n, words, &a, &why))
        return complain(why);
    print_verdict(t, &a, STR_NONE);
    return CLI_OK;
}

/* One line of JSON in, one out. */
static bool test_line(struct rules_test *t, struct str line, struct str *why)
{
    struct jx_error bad;
    struct alert a;
    struct str id = STR_NONE;
    jx *doc = line.n > RULES_LINE_MAX ? NULL : jx_parse(line, &bad);
    if (!doc) {
        *why = line.n > RULES_LINE_MAX ? S("longer than 8 MiB")
                                       : arena_printf(&t->arena, "%s", bad.text);
        return false;
    }
    bool ok = alert_of_json(t, doc, &a, &id, why);
    if (ok)
        print_verdict(t, &a, id);
    jx_free(doc);
    return ok;
}

static int test_lines(struct rules_test *t)
{
    char *line = NULL;
    size_t size = 0;
    int status = CLI_OK;
    t->trace = t->json; /* lines are short unless --json asks for more */
    t->json = true;
    for (size_t number = 1;; number++) {
        ssize_t n = getline(&line, &size, stdin);
        struct str why = STR_NONE;
        if (n < 0)
            break;
        arena_reset(&t->arena);
        struct str text = str_trim((struct str){line, (size_t)n});
        if (text.n && !test_line(t, text, &why)) {
            fprintf(stderr, "triagectl: line %zu: %.*s\n", number, STR_ARG(why));
            status = CLI_FAILED;
        }
    }
    free(line);
    return status;
}

static bool read_all(struct buf *b)
{
    for (;;) {
        if (!buf_reserve(b, 64 * 1024))
            return false;
        size_t n = fread(b->p + b->n, 1, 64 * 1024, stdin);
        if (n == 0)
            return !ferror(stdin);
        b->n += n;
    }
}

static int test_payload(struct rules_test *t)
{
    struct buf body;
    struct alert_batch batch;
    struct str why = STR_NONE;
    int status = CLI_OK;
    buf_init(&body, ruleset_conf(t->rules)->limits.http_body + 64 * 1024);
    alert_batch_init(&batch);
    if (!read_all(&body))
        status = complain(S("standard input is longer than limits.http_body"));
    else if (!alerts_of_payload(t, buf_str(&body), &batch, &why))
        status = complain(why);
    for (size_t i = 0; status == CLI_OK && i < batch.n; i++)
        print_verdict(t, &batch.alerts[i], STR_NONE);
    alert_batch_finish(&batch);
    buf_finish(&body);
    return status;
}

static bool input_from_name(const char *name, enum input *out)
{
    static const char *const names[] = {"", "labels", "jsonl", "payload"};
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum input)i;
            return true;
        }
    return false;
}

/* RFC 3339, or seconds since 1970. */
static bool time_from_text(const char *text, int64_t *out_ms)
{
    int64_t v;
    if (clock_parse_rfc3339_us(str_c(text), &v)) {
        *out_ms = v / 1000;
        return true;
    }
    if (!str_to_i64(str_c(text), &v) || v < 0 || v > 253402300799)
        return false;
    *out_ms = v * 1000;
    return true;
}

struct arguments {
    const char *file;
    enum input input;
    bool help;
};

static int read_arguments(const struct command *self, int argc, char **argv, struct rules_test *t,
                          struct arguments *a)
{
    enum { OPT_SOURCE = 256, OPT_NOW, OPT_INPUT, OPT_JSON };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},  {"source", required_argument, NULL, OPT_SOURCE},
        {"now", required_argument, NULL, OPT_NOW}, {"input", required_argument, NULL, OPT_INPUT},
        {"json", no_argument, NULL, OPT_JSON},     {"all", no_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "c:ah", options, NULL)) != -1) {
        if (c == 'c')
            a->file = optarg;
        else if (c == OPT_SOURCE)
            t->source = optarg;
        else if (c == OPT_JSON)
            t->json = true;
        else if (c == 'a')
            t->all = true;
        else if (c == 'h')
            a->help = true;
        else if (c == OPT_NOW && !time_from_text(optarg, &t->now_ms))
            return cli_usage_error(self, "--now takes a time like 2026-11-24T18:14:30Z");
        else if (c == OPT_INPUT && !input_from_name(optarg, &a->input))
            return cli_usage_error(self, "--input is one of labels, jsonl, payload");
        else if (c == '?')
            return cli_usage_error(self, "wrong option");
    }
    return CLI_OK;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct rules_test t = {.now_ms = clock_wall_ms(), .trace = true};
    struct arguments a = {.file = CLI_CONFIG};
    int status = read_arguments(self, argc, argv, &t, &a);
    int n = argc - optind;
    if (status != CLI_OK)
        return status;
    if (a.help) {
        cli_help(self, stdout);
        return CLI_OK;
    }
    if (a.input == INPUT_AUTO)
        a.input = n > 0 ? INPUT_LABELS : INPUT_PAYLOAD;
    if (a.input != INPUT_LABELS && n > 0)
        return cli_usage_error(self, "the alert is read from standard input: unexpected \"%s\"",
                               argv[optind]);
    if (a.input == INPUT_PAYLOAD && isatty(STDIN_FILENO))
        return cli_usage_error(self, "give LABEL=VALUE words, or a payload on standard input");
    t.rules = cli_load(a.file);
    if (!t.rules)
        return CLI_FAILED;
    t.scratch = rules_scratch_create();
    arena_init(&t.arena, 0);
    if (a.input == INPUT_LABELS)
        status = test_words(&t, n, argv + optind);
    else
        status = a.input == INPUT_JSONL ? test_lines(&t) : test_payload(&t);
    arena_finish(&t.arena);
    rules_scratch_destroy(t.scratch);
    ruleset_unref(t.rules);
    return status;
}

const struct command cmd_rules_test = {
    .name = "rules test",
    .args = "[-c FILE] [--source S] [--now T] [--input labels|jsonl|payload] [--json] [-a] "
            "[LABEL=VALUE...]",
    .summary = "Say what the rules decide on an alert, and why.",
    .help = "  -c, --config FILE   configuration (default " CLI_CONFIG ")\n"
            "      --source S      alertmanager, prometheus (default), grafana, syslog, or the "
            "NAME of a\n"
            "                      mapping; a payload says by itself what it is, unless it is a "
            "mapping's\n"
            "      --now T         the time for maintenance windows (default: now)\n"
            "      --input labels  LABEL=VALUE words; @NAME=VALUE is an annotation (default with "
            "words)\n"
            "      --input payload a webhook or API document on standard input (default without "
            "words)\n"
            "      --input jsonl   lines {\"id\": ..., \"labels\": {}, \"annotations\": {}}; a "
            "line each "
            "back\n"
            "      --json          JSON with the trace\n"
            "  -a, --all           in the trace, also rules that have nothing in common with the "
            "alert\n"
            "\n"
            "Of syslog give app, host, facility, severity and message; the skeleton is made of the "
            "message.\n",
    .run = run,
};
