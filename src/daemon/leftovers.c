/*
 * leftovers.c - one spool and one shipper for each directory worker-N and worker-N-verbs whose
 * worker is no more. Nothing is appended to them; once they are empty they are passed over.
 * Owns: those spools and shippers. Never: touches dead letters (`triagectl spool retry` does).
 * Called by: worker.c, worker_metrics.c.
 */
#include "leftovers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shipper.h"
#include "verbs.h"
#include "worker.h"
#include "triaged/base/clock.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"

enum { SPOOLS_MAX = 256 }; /* limits.workers twice: a directory that holds more is not ours */

struct leftover {
    struct spool *spool;
    struct shipper *shipper;
};

struct leftovers {
    size_t n;
    struct leftover v[SPOOLS_MAX];
};

/* worker-N or worker-N-verbs of a worker that there is no more. */
static bool is_left(const char *name, uint64_t workers)
{
    struct str rest, number, s = str_c(name);
    uint64_t n;

    if (!str_starts(s, S("worker-")))
        return false;
    number = str_cut(str_sub(s, 7, s.n), '-', &rest);
    return str_to_u64(number, &n) && n >= workers && (rest.n == 0 || str_eq(rest, S("verbs")));
}

static bool has_segments(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    bool found = false;

    while (dir && !found && (d = readdir(dir)))
        found = str_ends(str_c(d->d_name), S(".seg"));
    if (dir)
        closedir(dir);
    return found;
}

/* A verb's answer: whoever asked has gone. */
static void on_verb(void *arg, struct str team, uint64_t position, const struct store_reply *reply,
                    struct str error)
{
    struct leftover *l = arg;

    (void)error;
    verbs_look_at_answer(l->spool, l->shipper, team, position, reply);
}

static bool open_one(struct worker *w, struct leftovers *all, const char *path, struct diag *why)
{
    const struct conf *conf = w->conf;
    struct leftover *l = &all->v[all->n];
    struct spool_options o = {.directory = path,
                              .sync = (int)conf->spool.sync,
                              .interval_ms = conf->spool.interval_ms,
                              .segment_size = conf->spool.segment_size,
                              .retain_ms = conf->spool.retain_ms};
    struct spool_stats st;

    l->spool = spool_open(&o, clock_wall_ms(), why);
    if (!l->spool)
        return false;
    l->shipper = shipper_create(w, l->spool, on_verb, l);
    all->n++;
    spool_stats(l->spool, &st);
    log_info("worker", "shipping what a worker that is no more has left directory=%s records=%llu",
             path, (unsigned long long)st.records_waiting);
    return true;
}

bool leftovers_open(struct worker *w, struct leftovers **out, struct diag *why)
{
    char *parent = xstrndup(w->conf->spool.directory.p, w->conf->spool.directory.n);
    DIR *dir = opendir(parent);
    struct dirent *d;
    bool ok = true;

    *out = NULL;
    while (ok && dir && (d = readdir(dir))) {
        char *path = xasprintf("%s/%s", parent, d->d_name);

        if (is_left(d->d_name, w->conf->workers) && has_segments(path) &&
            (!*out || (*out)->n < SPOOLS_MAX)) {
            if (!*out)
                *out = NEW(struct leftovers);
            ok = open_one(w, *out, path, why);
        }
        free(path);
    }
    if (dir)
        closedir(dir);
    free(parent);
    return ok;
}

void leftovers_destroy(struct leftovers *l)
{
    for (size_t i = 0; l && i < l->n; i++) {
        shipper_destroy(l->v[i].shipper);
        spool_close(l->v[i].spool);
    }
    free(l);
}

void leftovers_on_store(struct leftovers *l, bool ready)
{
    for (size_t i = 0; l && i < l->n; i++)
        shipper_on_store(l->v[i].shipper, ready);
}

void leftovers_resend(struct leftovers *l)
{
    for (size_t i = 0; l && i < l->n; i++)
        shipper_resend(l->v[i].shipper);
}

void leftovers_second(struct leftovers *l, int64_t now_ms)
{
    for (size_t i = 0; l && i < l->n; i++)
        shipper_tick(l->v[i].shipper, now_ms);
}

void leftovers_add_stats(const struct leftovers *l, struct spool_stats *st)
{
    for (size_t i = 0; l && i < l->n; i++) {
        struct spool_stats one;

        spool_stats(l->v[i].spool, &one);
        st->records_waiting += one.records_waiting;
        st->corrupt += one.corrupt;
        st->torn += one.torn;
        if (one.oldest_waiting_ms &&
            (!st->oldest_waiting_ms || one.oldest_waiting_ms < st->oldest_waiting_ms))
            st->oldest_waiting_ms = one.oldest_waiting_ms;
    }
}

bool leftovers_was_written(const struct leftovers *l, const struct spool_place *place)
{
    for (size_t i = 0; l && i < l->n; i++)
        if (spool_was_written(l->v[i].spool, place))
            return true;
    return false;
}
