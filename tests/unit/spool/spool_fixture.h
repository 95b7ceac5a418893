/* spool_fixture.h - a spool in a temporary directory, for the tests of this layer. */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "triaged/base/diag.h"
#include "triaged/conf/conf.h"
#include "triaged/spool/spool.h"

struct fixture {
    char dir[64];
    int wake;
    struct spool_options o;
    struct spool *s;
    int64_t now;
};

static inline void fixture_wake(void *arg)
{
    uint64_t one = 1;
    struct fixture *f = arg;

    assert_int_equal(write(f->wake, &one, sizeof(one)), sizeof(one));
}

static inline void fixture_init(struct fixture *f, int sync)
{
    const char *tmp = getenv("TMPDIR");

    memset(f, 0, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "%.40s/spool.XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f->now = 1700000000000;
    f->o = (struct spool_options){.directory = f->dir,
                                  .sync = sync,
                                  .interval_ms = 20,
                                  .max_size = 64 << 20,
                                  .segment_size = 1 << 20,
                                  .retain_ms = 60000,
                                  .on_durable = fixture_wake,
                                  .arg = f};
}

static inline void fixture_open(struct fixture *f)
{
    struct diag why;

    diag_init(&why);
    f->s = spool_open(&f->o, f->now, &why);
    if (!f->s)
        diag_print(&why, stderr);
    diag_finish(&why);
    assert_non_null(f->s);
}

static inline void fixture_close(struct fixture *f)
{
    spool_close(f->s);
    f->s = NULL;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

/* Calls fn for each file whose name contains `part`; returns how many there are. */
static inline size_t each_file(struct fixture *f, const char *part,
                               void (*fn)(const char *path, void *arg), void *arg)
{
    DIR *d = opendir(f->dir);
    struct dirent *e;
    size_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d))) {
        char path[400];

        if (e->d_name[0] == '.' || !strstr(e->d_name, part))
            continue;
        snprintf(path, sizeof(path), "%s/%s", f->dir, e->d_name);
        if (fn)
            fn(path, arg);
        n++;
    }
    closedir(d);
    return n;
}

static inline void unlink_path(const char *path, void *arg)
{
    (void)arg;
    unlink(path);
}

static inline void fixture_finish(struct fixture *f)
{
    if (f->s)
        fixture_close(f);
    each_file(f, "", unlink_path, NULL);
    assert_int_equal(rmdir(f->dir), 0);
    close(f->wake);
}

static inline enum spool_result try_append(struct fixture *f, const char *team, const char *text,
                                           uint64_t *ticket)
{
    return spool_append(f->s, str_c(team), str_c(text), f->now, ticket);
}

static inline uint64_t append(struct fixture *f, const char *team, const char *text)
{
    uint64_t ticket = 0;

    assert_int_equal(try_append(f, team, text, &ticket), SPOOL_OK);
    assert_int_not_equal(ticket, 0);
    return ticket;
}

/* Waits until the sync thread has something to say, or some milliseconds. */
static inline void wait_wake(struct fixture *f, int ms)
{
    struct pollfd p = {.fd = f->wake, .events = POLLIN};
    uint64_t n;

    poll(&p, 1, ms);
    if (read(f->wake, &n, sizeof(n)) < 0)
        assert_int_equal(errno, EAGAIN);
}

/* Waits until the ticket is durable; false after five seconds. */
static inline bool wait_durable(struct fixture *f, uint64_t ticket)
{
    for (int i = 0; i < 500; i++) {
        if (spool_durable(f->s) >= ticket)
            return true;
        wait_wake(f, 10);
    }
    return false;
}

static inline void keep(struct fixture *f)
{
    assert_int_equal(spool_commit(f->s), SPOOL_OK);
}

/* The next record is this one. Returns its position. */
static inline uint64_t expect_next(struct fixture *f, const char *team, const char *text)
{
    struct spool_record r;

    assert_true(spool_next(f->s, &r));
    assert_true(str_eq_c(r.team, team));
    if (!str_eq_c(r.payload, text))
        fail_msg("expected %s, got %.*s", text, STR_ARG(r.payload));
    return r.position;
}

static inline void expect_no_next(struct fixture *f)
{
    struct spool_record r;

    assert_false(spool_next(f->s, &r));
}

#endif
