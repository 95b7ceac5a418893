/*
 * args.c - options from rows: getopt's table, the check of choices, and "did you mean".
 * Owns nothing. Called by: every command that asks the daemon, help.c, cmd_completion.c.
 */
#include "args.h"

#include <getopt.h>
#include <string.h>

const struct cli_option common_options[] = {
    {"url", 0, "URL", "where triaged listens (default http://127.0.0.1:9193)"},
    {"token", 0, "TOKEN", "who you are (better: --token-file, as others see arguments)"},
    {"token-file", 0, "FILE", "a file with the token"},
    {"ca-file", 0, "FILE", "certificates that the daemon's is checked with"},
    {"actor", 0, "NAME", "the name in the timeline (default: the token's)"},
    {"json", 'j', NULL, "print the daemon's answer as it is"},
    {"color", 0, "auto|always|never", "colours (default: when printing to a terminal)"},
    {"help", 'h', NULL, "print this"},
    {NULL, 0, NULL, NULL},
};

/* ---- rows to getopt's table ------------------------------------------------------------------ */

struct table {
    const struct cli_option *rows[ARGS_OPTIONS_MAX];
    struct option longs[ARGS_OPTIONS_MAX + 1];
    char letters[2 * ARGS_OPTIONS_MAX + 2];
    const char *names[ARGS_OPTIONS_MAX];
    size_t n;
};

static void add_rows(struct table *t, const struct cli_option *rows)
{
    size_t at = strlen(t->letters);

    for (; rows && rows->name && t->n < ARGS_OPTIONS_MAX; rows++) {
        t->rows[t->n] = rows;
        t->names[t->n] = rows->name;
        t->longs[t->n] = (struct option){rows->name, rows->arg ? required_argument : no_argument,
                                         NULL, 256 + (int)t->n};
        t->n++;
        if (rows->letter) {
            t->letters[at++] = rows->letter;
            if (rows->arg)
                t->letters[at++] = ':';
        }
    }
}

static const struct cli_option *row_of(const struct table *t, int c)
{
    if (c >= 256)
        return t->rows[c - 256];
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i]->letter == c)
            return t->rows[i];
    return NULL;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static bool is_choice(const char *arg, const char *value)
{
    struct str rest = str_c(arg), one;

    if (!strchr(arg, '|'))
        return true;
    while (rest.n) {
        one = str_cut(rest, '|', &rest);
        if (str_eq_c(one, value))
            return true;
    }
    return false;
}

static int unknown_option(const struct command *self, const struct table *t, const char *word)
{
    struct str name = str_c(word), value;
    const char *near;

    while (str_starts(name, S("-")))
        name = str_sub(name, 1, name.n);
    name = str_cut(name, '=', &value);
    near = str_nearest(name, t->names, t->n);
    return near ? cli_usage_error(self, "unknown option \"%s\" (did you mean --%s?)", word, near)
                : cli_usage_error(self, "unknown option \"%s\"", word);
}

static int take(const struct command *self, const struct cli_option *row, struct cli_args *out)
{
    const char *value = row->arg ? optarg : "";

    if (row->arg && !is_choice(row->arg, value))
        return cli_usage_error(self, "--%s is one of %s, not \"%s\"", row->name, row->arg, value);
    if (out->n == ARGS_GIVEN_MAX)
        return cli_usage_error(self, "more than %d options", ARGS_GIVEN_MAX);
    out->given[out->n].name = row->name;
    out->given[out->n++].value = value;
    return -1;
}

int args_parse(const struct command *self, int argc, char **argv, struct cli_args *out)
{
    struct table t = {.letters = ":"};
    int c, status;

    memset(out, 0, sizeof(*out));
    add_rows(&t, self->options);
    if (self->is_client)
        add_rows(&t, common_options);
    opterr = 0;
    optind = 0; /* begin anew, whatever was parsed before */
    while ((c = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
        const struct cli_option *row = row_of(&t, c == ':' || c == '?' ? optopt : c);

        if (c == '?' && optopt && row)
            return cli_usage_error(self, "--%s takes no argument", row->name);
        if (c == '?')
            return unknown_option(self, &t, argv[optind - 1]);
        if (c == ':')
            return cli_usage_error(self, "--%s: %s is missing", row ? row->name : "?",
                                   row && row->arg ? row->arg : "the argument");
        if (strcmp(row->name, "help") == 0) {
            cli_help(self, stdout);
            return CLI_OK;
        }
        if ((status = take(self, row, out)) >= 0)
            return status;
    }
    out->words = argv + optind;
    out->n_words = (size_t)(argc - optind);
    return -1;
}

/* ---- reading --------------------------------------------------------------------------------- */

const char *args_nth(const struct cli_args *a, const char *name, size_t i)
{
    for (size_t k = 0; k < a->n; k++)
        if (strcmp(a->given[k].name, name) == 0 && i-- == 0)
            return a->given[k].value;
    return NULL;
}

const char *args_get(const struct cli_args *a, const char *name)
{
    const char *last = NULL;

    for (size_t k = 0; k < a->n; k++)
        if (strcmp(a->given[k].name, name) == 0)
            last = a->given[k].value;
    return last;
}

bool args_has(const struct cli_args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

/* ---- all options of a command ---------------------------------------------------------------- */

/* "  -c, --config FILE   what it is" */
static void option_of_line(struct str line, void (*fn)(void *, const struct cli_option *),
                           void *arg)
{
    struct cli_option option = {.help = ""};
    char name[64], word[64];
    struct str rest = str_trim(line), help;

    if (rest.n > 4 && rest.p[0] == '-' && rest.p[2] == ',') {
        option.letter = rest.p[1];
        rest = str_trim(str_sub(rest, 3, rest.n));
    }
    if (!str_starts(rest, S("--")))
        return;
    rest = str_sub(rest, 2, str_find(rest, S("  ")));
    rest = str_cut(rest, ' ', &help);
    snprintf(name, sizeof(name), "%.*s", STR_ARG(rest));
    snprintf(word, sizeof(word), "%.*s", STR_ARG(help));
    option.name = name;
    option.arg = help.n ? word : NULL;
    fn(arg, &option);
}

void args_each_option(const struct command *c, void (*fn)(void *, const struct cli_option *),
                      void *arg)
{
    struct str rest = str_c(c->help);

    for (const struct cli_option *o = c->options; o && o->name; o++)
        fn(arg, o);
    while (!c->options && rest.n) {
        struct str line = str_cut(rest, '\n', &rest);

        if (str_starts(str_trim(line), S("-")))
            option_of_line(line, fn, arg);
    }
    for (const struct cli_option *o = common_options; c->is_client && o->name; o++)
        fn(arg, o);
}
