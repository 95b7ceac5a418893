/*
 * fuzz_conf.c - bytes as a configuration file. Whatever they are: a snapshot that keeps its
 * promises, or at least one error that can be printed.
 */
#include <stdlib.h>

#include "triaged/rules/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool promise)
{
    if (!promise)
        abort();
}

static void check_promises(const struct conf *c)
{
    check(c->n_teams > 0 && conf_team(c, c->default_team) != NULL);
    check(strlen(c->hash) == 16 && strlen(c->shared_hash) == 16);
    check(c->workers >= 1 && c->workers <= 64);
    for (int i = 0; i < LEVEL_N; i++)
        for (int u = 0; u < LEVEL_N; u++)
            check(*priority_name(c->priority.matrix[i][u]) == 'P');
    check(c->sla[P1].acknowledge_ms > 0 && c->sla[P2].acknowledge_ms <= 15 * 60 * 1000);
    for (int p = P1; p < PRIORITY_N; p++)
        check(c->sla[p].reopen_within_ms >= 0);
    for (size_t i = 0; i < c->n_rules; i++)
        check(c->rules[i].name.n &&
              (!c->rules[i].set.team.n || conf_team(c, c->rules[i].set.team)));
    for (size_t i = 0; i < c->n_maintenance; i++)
        check(c->maintenance[i].days || c->maintenance[i].to_ms > c->maintenance[i].from_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag why;
    diag_init(&why);
    struct conf *c = conf_load_text("fuzz.yaml", (struct str){(const char *)data, size},
                                    ruleset_check_faulty, &why);
    check((c != NULL) == (why.errors == 0));
    for (size_t i = 0; i < why.n; i++)
        free(diag_item_render(&why.items[i]));
    if (c) {
        check_promises(c);
        conf_keep_restart_only(c, c, &why);
    }
    conf_unref(c);
    diag_finish(&why);
    return 0;
}
