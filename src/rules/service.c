/*
 * service.c - which service an alert is about.
 */
#include "verdict.h"

const struct cservice *service_find(const struct ruleset *rs, struct rules_scratch *s,
                                    struct str said, struct str *name)
{
    *name = said;
    if (said.n)
        return map_get(&rs->services_by_name, said);
    struct str label = eval_exact(s, rs->f_service);
    const struct cservice *found = label.n ? map_get(&rs->services_by_name, label) : NULL;
    for (size_t i = 0; !found && i < rs->conf->n_services; i++) {
        size_t failed;
        if (rs->services[i].match.n && eval_clause(s, &rs->services[i].match, &failed))
            found = &rs->services[i];
    }
    *name = found ? found->conf->name : label;
    return found;
}
