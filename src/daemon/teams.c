/*
 * teams.c - the directory of teams.
 * Owns: what was last read of PREFIX:teams and of the teams' ids.
 * Never: writes. Called by: worker.c (once a second), the routes of the responder API.
 */
#include "teams.h"

#include <stdlib.h>

#include "fetch.h"
#include "store_keys.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/mem.h"

enum { LOOK_EVERY_MS = 10000, TEAMS_MAX = 1000 };

struct teams {
    struct worker *w;
    struct team *v; /* as in Redis; texts owned by `kept` */
    size_t n;
    struct arena kept, reading;
    struct fetch fetch;
    struct team *names; /* of the reading under way, in `reading` */
    size_t n_names;
    bool busy;
    int64_t next_ms;
};

struct teams *teams_create(struct worker *w)
{
    struct teams *t = NEW(struct teams);

    t->w = w;
    arena_init(&t->kept, 0);
    arena_init(&t->reading, 0);
    return t;
}

void teams_destroy(struct teams *t)
{
    if (!t)
        return;
    fetch_finish(&t->fetch);
    arena_finish(&t->kept);
    arena_finish(&t->reading);
    free(t);
}

static void on_ids(void *arg, struct fetch *f)
{
    struct teams *t = arg;

    t->busy = false;
    if (f->lost)
        return;
    arena_reset(&t->kept);
    t->v = ARENA_ARRAY(&t->kept, struct team, t->n_names + 1);
    t->n = 0;
    for (size_t i = 0; i < t->n_names; i++)
        t->v[t->n++] = (struct team){arena_str(&t->kept, t->names[i].name),
                                     arena_str(&t->kept, fetch_at(f, i)->s)};
}

static void on_names(void *arg, struct fetch *f)
{
    struct teams *t = arg;
    const struct value *names = fetch_at(f, 0);
    char key[STORE_KEY_SIZE];

    if (f->lost) {
        t->busy = false;
        return;
    }
    t->n_names = 0;
    t->names = ARENA_ARRAY(&t->reading, struct team, names->n + 1);
    for (size_t i = 0; i < names->n && i < TEAMS_MAX; i++)
        t->names[t->n_names++].name = names->v[i].s;
    fetch_init(f, t->w->store, &t->reading);
    for (size_t i = 0; i < t->n_names; i++)
        FETCH(f, S("HGET"), store_key(t->w->conf->prefix, t->names[i].name, "settings", key),
              S("id"));
    fetch_then(f, on_ids, t);
}

void teams_second(struct teams *t)
{
    char key[STORE_KEY_SIZE];
    int64_t now = clock_mono_ms();

    if (t->busy || now < t->next_ms || atomic_load(&t->w->status.store_state) != STORE_S_READY)
        return;
    t->busy = true;
    t->next_ms = now + LOOK_EVERY_MS;
    arena_reset(&t->reading);
    fetch_init(&t->fetch, t->w->store, &t->reading);
    snprintf(key, sizeof(key), "%.*s:teams", STR_ARG(t->w->conf->prefix));
    FETCH(&t->fetch, S("SMEMBERS"), str_c(key));
    fetch_then(&t->fetch, on_names, t);
}

size_t teams_all(const struct teams *t, const struct conf *conf, struct arena *a, struct team **out)
{
    struct team *v = ARENA_ARRAY(a, struct team, conf->n_teams + t->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < conf->n_teams; i++)
        v[n++] = (struct team){arena_str(a, conf->teams[i].name), arena_str(a, conf->teams[i].id)};
    for (size_t i = 0; i < t->n; i++)
        if (!conf_team(conf, t->v[i].name))
            v[n++] = (struct team){arena_str(a, t->v[i].name), arena_str(a, t->v[i].id)};
    *out = v;
    return n;
}

bool teams_find(const struct teams *t, const struct conf *conf, struct str name, struct arena *a,
                struct team *out)
{
    struct team *v;
    size_t n = teams_all(t, conf, a, &v);

    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].name, name)) {
            *out = v[i];
            return true;
        }
    return false;
}

bool teams_of_incident(const struct teams *t, const struct conf *conf, struct str id,
                       struct arena *a, struct team *out)
{
    size_t dash = id.n;
    struct team *v;
    uint64_t number;
    size_t n;

    while (dash > 0 && id.p[dash - 1] != '-')
        dash--;
    if (dash < 2 || id.n > 64 || id.p[dash] == '0' ||
        !str_to_u64(str_sub(id, dash, id.n), &number))
        return false;
    n = teams_all(t, conf, a, &v);
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].id, str_sub(id, 0, dash - 1))) {
            *out = v[i];
            return true;
        }
    return false;
}
