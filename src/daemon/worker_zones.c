/*
 * worker_zones.c - the default time zones of a worker's syslog listeners.
 * Owns: w->zones. Called by: worker.c (with each configuration), pipeline.c (per message).
 */
#include <stdio.h>
#include <stdlib.h>

#include "worker.h"
#include "triaged/base/mem.h"
#include "triaged/base/zone.h"

const struct zone *worker_zone(const struct worker *w, const struct conf_listener *l)
{
    /* A connection may outlive the configuration that its listener is of: look by what it is. */
    for (size_t i = 0; i < w->n_zones; i++) {
        const struct conf_listener *c = &w->conf->syslog[i];

        if (c == l || (c->transport == l->transport && str_eq(c->address, l->address)))
            return w->zones[i];
    }
    return NULL;
}

void worker_free_zones(struct worker *w)
{
    for (size_t i = 0; i < w->n_zones; i++)
        zone_free(w->zones[i]);
    free(w->zones);
    memset(&w->syslog_times, 0, sizeof(w->syslog_times));
    w->zones = NULL;
    w->n_zones = 0;
}

/* conf_load has checked that the zones exist; one that went away since is UTC. */
void worker_load_zones(struct worker *w)
{
    worker_free_zones(w);
    w->n_zones = w->conf->n_syslog;
    w->zones = NEW_ARRAY(struct zone *, w->n_zones ? w->n_zones : 1);
    for (size_t i = 0; i < w->n_zones; i++) {
        struct str name = w->conf->syslog[i].zone.n ? w->conf->syslog[i].zone : w->conf->zone;
        char text[128];

        if (name.n == 0 || str_eq(name, S("UTC")) || name.n >= sizeof(text))
            continue;
        snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
        w->zones[i] = zone_load(text, NULL);
    }
}
