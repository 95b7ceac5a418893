/*
 * log.c - leveled lines to standard error, one write(2) each.
 * Owns: standard error. Never: blocks on anything but that write; lets a peer's text break a line.
 */
#include "triaged/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "triaged/base/clock.h"

enum { LINE_MAX_BYTES = 4096, RATE_DEFAULT_MS = 10000 };

static const struct {
    const char *name;
    int journal; /* syslog's number */
} levels[] = {
    [LOG_ERROR_] = {"error", 3},
    [LOG_WARN_] = {"warning", 4},
    [LOG_INFO_] = {"info", 6},
    [LOG_DEBUG_] = {"debug", 7},
};

static _Atomic int lowest = LOG_INFO_;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&lowest, (int)level, memory_order_relaxed);
}

bool log_level_from_name(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (!strcmp(name, levels[i].name)) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* JOURNAL_STREAM is DEVICE:INODE of the journal's socket; it is inherited by children whose
 * standard error may be another file, hence the comparison (systemd.exec(5)). */
static bool to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char mine[64];
    if (!stream || fstat(STDERR_FILENO, &st))
        return false;
    snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return !strcmp(stream, mine);
}

static size_t put_prefix(char *line, size_t size, enum log_level level, const char *topic)
{
    int n;
    if (to_journal()) {
        n = snprintf(line, size, "<%d>%s: ", levels[level].journal, topic);
    } else {
        char now[CLOCK_RFC3339_SIZE];
        clock_format_ms(clock_wall_ms(), now);
        n = snprintf(line, size, "%s %s %s: ", now, levels[level].name, topic);
    }
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void log_line(enum log_level level, const char *topic, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&lowest, memory_order_relaxed))
        return;
    int saved = errno;
    char line[LINE_MAX_BYTES + 2];
    size_t start = put_prefix(line, LINE_MAX_BYTES, level, topic), n = start;
    va_list ap;
    va_start(ap, fmt);
    int more = vsnprintf(line + n, LINE_MAX_BYTES - n, fmt, ap);
    va_end(ap);
    if (more > 0)
        n = n + (size_t)more < LINE_MAX_BYTES ? n + (size_t)more : LINE_MAX_BYTES - 1;
    for (size_t i = start; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    line[n++] = '\n';
    while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
        ;
    errno = saved;
}

bool log_rate_pass(struct log_rate *r, int64_t now_ms, uint64_t *suppressed)
{
    int64_t interval = r->interval_ms ? r->interval_ms : RATE_DEFAULT_MS;
    bool first = !r->last_ms;
    /* a clock set back passes rather than being silent until it has caught up */
    if (!first && now_ms >= r->last_ms && now_ms - r->last_ms < interval) {
        r->held++;
        return false;
    }
    *suppressed = r->held;
    r->held = 0;
    r->last_ms = now_ms ? now_ms : 1;
    return true;
}
