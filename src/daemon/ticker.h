/*
 * ticker.h - the deadlines of all teams, worked off once a second by the script `tick`; and the
 * settings that the scripts use, written at start and after a reload.
 */
#ifndef TRIAGED_DAEMON_TICKER_H
#define TRIAGED_DAEMON_TICKER_H

#include <stddef.h>
#include <stdint.h>

#include "triaged/conf/conf.h"

struct store;
struct supervisor;
struct ticker;

struct ticker *ticker_create(struct supervisor *sup, const struct conf *conf);
/* A new configuration is in force. */
void ticker_configure(struct ticker *t, const struct conf *conf);
/* Stores the settings of all teams; supervisor.settings_in says when they are stored. */
void ticker_send_settings(struct ticker *t);
/* Reads the declared known errors now, and not when it is time to. */
void ticker_read_known_errors(struct ticker *t);
/* A Redis by its run_id, as settings_in names it; never 0. */
uint64_t ticker_run_hash(const char *run_id);
/* When all teams were last ticked without a failure, by the monotonic clock; 0 = never. */
int64_t ticker_last_round_ms(const struct ticker *t);
/* Its connection, to ask on; NULL while it is not ready. */
struct store *ticker_store(const struct ticker *t);
/* Now, as Redis' clock shows it. */
int64_t ticker_now(const struct ticker *t);
/* The teams that are ticked; the caller owns the list and its texts. */
char **ticker_teams(const struct ticker *t, size_t *n);
/* Once a second. */
void ticker_second(struct ticker *t);
/* Leaves cleanly: this daemon no longer holds the teams' horizon. */
void ticker_leave(struct ticker *t);
bool ticker_has_left(const struct ticker *t);
void ticker_destroy(struct ticker *t); /* accepts NULL */

#endif
