/*
 * ticker.h - the deadlines of all teams, worked off once a second by the script `tick`; and the
 * settings that the scripts use, written at start and after a reload.
 */
#ifndef TRIAGED_DAEMON_TICKER_H
#define TRIAGED_DAEMON_TICKER_H

#include <stdint.h>

#include "triaged/conf/conf.h"

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
/* Once a second. */
void ticker_second(struct ticker *t);
/* Leaves cleanly: this daemon no longer holds the teams' horizon. */
void ticker_leave(struct ticker *t);
bool ticker_has_left(const struct ticker *t);
void ticker_destroy(struct ticker *t); /* accepts NULL */

#endif
