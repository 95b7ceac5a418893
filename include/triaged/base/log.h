/*
 * log.h - leveled log lines to standard error: one line, one event.
 *   2026-11-24T18:14:30.123Z info store: connected run_id=…      (on a terminal or in a file)
 *   <6>store: connected run_id=…                                 (under systemd: JOURNAL_STREAM set)
 * The only writer of standard error in the daemon. Thread-safe (one write(2) a line).
 */
#ifndef TRIAGED_BASE_LOG_H
#define TRIAGED_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/mem.h"

enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_ };

void log_set_level(enum log_level level);
bool log_level_from_name(const char *name, enum log_level *out); /* error, warning, info, debug */
void log_line(enum log_level level, const char *topic, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(topic, ...) log_line(LOG_ERROR_, topic, __VA_ARGS__)
#define log_warn(topic, ...)  log_line(LOG_WARN_, topic, __VA_ARGS__)
#define log_info(topic, ...)  log_line(LOG_INFO_, topic, __VA_ARGS__)
#define log_debug(topic, ...) log_line(LOG_DEBUG_, topic, __VA_ARGS__)

/* Lets at most one line pass per interval; *suppressed says how many were held since. For messages
 * that a peer can cause. Keep one struct per kind of message. */
struct log_rate {
    int64_t interval_ms; /* 0 = 10 s */
    int64_t last_ms;
    uint64_t held;
};
bool log_rate_pass(struct log_rate *r, int64_t now_ms, uint64_t *suppressed);

#endif
