/*
 * settings.h - a team's settings as the scripts read them (docs/REDIS.md, `settings`).
 */
#ifndef TRIAGED_DAEMON_SETTINGS_H
#define TRIAGED_DAEMON_SETTINGS_H

#include "triaged/base/arena.h"
#include "triaged/base/str.h"
#include "triaged/conf/conf.h"

enum { SETTINGS_ARGS_MAX = 64 };

/* Field, value, field, value ... of one team, texts in the arena; returns how many. */
size_t settings_args(const struct conf *conf, const struct conf_team *team, struct arena *a,
                     struct str out[SETTINGS_ARGS_MAX]);

#endif
