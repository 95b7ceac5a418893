/*
 * cmd_check.c - check: is this configuration good; config reference: what can stand in one.
 */
#include "commands.h"

#include <getopt.h>

struct ruleset *cli_load(const char *file)
{
    struct diag why;
    diag_init(&why);
    struct conf *conf = conf_load_also(file, ruleset_check_faulty, &why);
    struct ruleset *rules = conf ? ruleset_create(conf, &why) : NULL;
    conf_unref(conf);
    diag_print(&why, stderr);
    diag_finish(&why);
    return rules;
}

static int run_check(const struct command *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *file = CLI_CONFIG;
    int c;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c') {
            file = optarg;
        } else if (c == 'h') {
            cli_help(self, stdout);
            return CLI_OK;
        } else {
            return cli_usage_error(self, "wrong option");
        }
    }
    if (optind < argc)
        return cli_usage_error(self, "unexpected argument \"%s\"", argv[optind]);
    struct ruleset *rules = cli_load(file);
    if (!rules)
        return CLI_FAILED;
    printf("%s: ok, %zu rules, %zu teams\n", file, ruleset_conf(rules)->n_rules,
           ruleset_conf(rules)->n_teams);
    ruleset_unref(rules);
    return CLI_OK;
}

static int run_reference(const struct command *self, int argc, char **argv)
{
    if (argc > 1)
        return cli_usage_error(self, "unexpected argument \"%s\"", argv[1]);
    conf_print_reference(stdout);
    return CLI_OK;
}

const struct command cmd_check = {
    .name = "check",
    .args = "[-c FILE]",
    .summary = "Say whether a configuration is good, else what is wrong and where.",
    .help = "  -c, --config FILE   configuration (default " CLI_CONFIG ")\n",
    .run = run_check,
};

const struct command cmd_config_reference = {
    .name = "config reference",
    .args = "",
    .summary = "Print every configuration key with its default and meaning.",
    .help = "",
    .run = run_reference,
};
