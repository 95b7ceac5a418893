/*
 * cmd_check.c - check: is this configuration good; config reference: what can stand in one.
 */
#include "cli.h"

#include <getopt.h>

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
    "check",
    "[-c FILE]",
    "Say whether a configuration is good, else what is wrong and where.",
    "  -c, --config FILE   configuration (default " CLI_CONFIG ")\n",
    run_check,
};

const struct command cmd_config_reference = {
    "config reference", "", "Print every configuration key with its default and meaning.", "",
    run_reference,
};
