/*
 * conf_tables.h - the schema of the whole file and the words that its rows share.
 * Private to conf.
 */
#ifndef TRIAGED_CONF_TABLES_H
#define TRIAGED_CONF_TABLES_H

#include "schema.h"

/* Rows of a table and their number. */
#define SCHEMA_ROWS(table) .rows = (table), .n = ARRAY_LEN(table)

extern const struct schema schema_root; /* struct conf; conf_tables.c */

/* conf_tables_host.c: what belongs to one host */
extern const struct schema schema_listen, schema_redis, schema_spool, schema_auth, schema_limits;
/* conf_tables_policy.c: what the incident team decides */
extern const struct schema schema_priority, schema_sla, schema_flap, schema_team, schema_defaults_,
    schema_service, schema_problems, schema_automation, schema_retention, schema_queue,
    schema_horizon;
/* conf_tables_rules.c: what is matched against alerts */
extern const struct schema schema_rule, schema_known_error, schema_heartbeat, schema_maintenance,
    schema_mapping;

/* conf_words.c: names of enum values, checks of single texts, readers of times */
extern const struct schema_name level_names[], priority_names[], transport_names[], role_names[],
    sync_names[], confirm_names[], floor_names[];
schema_check_fn check_name, check_nonempty, check_rule_name, check_team_id, check_sha256,
    check_token_name, check_beat_name, check_mapping_name, check_cidr, check_zone, check_http_url,
    check_redis_url;
schema_read_fn read_days, read_from_minute, read_to_minute, read_time;

#endif
