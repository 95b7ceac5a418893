/*
 * clock.h - the only caller of clock_gettime. Layers below the daemon take `now` as an argument.
 * Wall times are int64_t milliseconds since 1970-01-01T00:00:00Z (names end in _ms), 0 = unset;
 * syslog timestamps are kept in microseconds (names end in _us).
 */
#ifndef TRIAGED_BASE_CLOCK_H
#define TRIAGED_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/str.h"

int64_t clock_wall_ms(void);
/* A time of receipt after one that was `before`: the wall clock's, but never earlier, so that a
 * clock set back a little does not make a resolve older than the firing it ends. Set back by more
 * than CLOCK_STEP_MAX_MS, the clock is believed. */
enum { CLOCK_STEP_MAX_MS = 60000 };
int64_t clock_receipt_ms(int64_t before, int64_t wall);
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);

/* Days since 1970-01-01 of a civil date (proleptic Gregorian); month 1..12. */
int64_t clock_days_from_civil(int64_t year, unsigned month, unsigned day);
void clock_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* RFC 3339 date-time, any fraction, 'Z' or numeric offset, 'T' or blank; whole string.
 * Microseconds since 1970; years 1..9999 (year 1 gives a large negative number). */
bool clock_parse_rfc3339_us(struct str s, int64_t *out_us);
enum { CLOCK_RFC3339_SIZE = 32 };
/* "2026-11-24T18:14:30.123Z" */
struct str clock_format_ms(int64_t ms, char out[CLOCK_RFC3339_SIZE]);
/* "2026-11-24T18:14:30.123456Z", without the fraction's trailing zeros beyond ms. */
struct str clock_format_us(int64_t us, char out[CLOCK_RFC3339_SIZE]);

#endif
