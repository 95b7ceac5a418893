/*
 * conf_tables.c - the root of the file: one row for each section and each key outside sections.
 * A new key is one row here or in the file of its section, and its field in conf.h: reading,
 * default, reference and merge follow from the row.
 */
#include "conf_tables.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, DAY = 24 * 60 * MINUTE };

#define HERE(member) offsetof(struct conf, member)

static const struct schema_row root_rows[] = {
    {"listen", K_STRUCT, LOCAL, .sub = &schema_listen, .help = "Where alerts and syslog come in"},
    {"redis", K_STRUCT, LOCAL, .sub = &schema_redis, .help = "The Redis that holds the incidents"},
    {"prefix", K_TEXT, RESTART, HERE(prefix), .def = "triaged", .check = check_name,
     .help = "First part of every Redis key"},
    {"spool", K_STRUCT, LOCAL, HERE(spool), .sub = &schema_spool,
     .help = "The write-ahead log of what was accepted and is not yet in Redis"},
    {"workers", K_UINT, RESTART | LOCAL, HERE(workers), .min = 1, .max = 64, .def = "1",
     .help = "Threads, each with its own listeners, spool and Redis connection"},
    {"auth", K_STRUCT, LOCAL, .sub = &schema_auth, .help = "Who may use the HTTP listeners"},
    {"limits", K_STRUCT, LOCAL, HERE(limits), .sub = &schema_limits,
     .help = "Every size and time that a peer controls"},
    {"retention", K_STRUCT, .sub = &schema_retention, .help = "How long and how much is kept"},
    {"include", K_INCLUDE, LOCAL, .def = "[\"rules.d/*.yaml\"]",
     .help = "More files, relative to this one, in sorted order; lists append, mappings merge"},
    {"queue", K_STRUCT, .sub = &schema_queue, .help = "The work queues"},
    {"horizon", K_STRUCT, .sub = &schema_horizon,
     .help = "How clocks treat a daemon that fell silent"},
    {"external_url", K_TEXT, 0, HERE(external_url), .check = check_http_url,
     .help = "Where people reach the console; the start of every incident's url"},
    {"watchdog_url", K_TEXT, LOCAL, HERE(watchdog_url), .check = check_http_url,
     .help = "Called (GET) regularly while all is well, so that somebody notices when it is not"},
    {"watchdog_every", K_DURATION, LOCAL, HERE(watchdog_every_ms), .min = SECOND, .max = DAY,
     .def = "1m", .help = "How often"},
    {"watchdog_timeout", K_DURATION, LOCAL, HERE(watchdog_timeout_ms), .min = 100, .max = 5 * MINUTE,
     .def = "10s", .help = "No answer after this long is a beat that failed"},
    {"watchdog_ca", K_TEXT, LOCAL, HERE(watchdog_ca),
     .help = "File of the certificates (PEM) that its https is checked against, in place of the "
             "system's"},
    {"zone", K_TEXT, 0, HERE(zone), .def = "UTC", .check = check_zone,
     .help = "Time zone of working days and of syslog timestamps without one"},
    {"problems", K_STRUCT, .sub = &schema_problems,
     .help = "When incidents become a problem record"},
    {"automation", K_STRUCT, .sub = &schema_automation,
     .help = "When a fix done by hand becomes an automation candidate"},
    {"categories", K_NAMES, NONEMPTY, HERE(categories), HERE(n_categories), .what = "category",
     .def = "[software, hardware, network, security]", .check = check_name,
     .help = "Primary categories that rules may set"},
    {"priority", K_STRUCT, 0, HERE(priority), .sub = &schema_priority,
     .help = "How impact and urgency make a priority"},
    {"sla", K_STRUCT, 0, HERE(sla), .sub = &schema_sla,
     .help = "The clocks of each priority; a row that is given merges over its default"},
    {"flap", K_STRUCT, .sub = &schema_flap,
     .help = "When an incident that comes and goes is quiet"},
    {"teams", K_MAP, 0, HERE(teams), HERE(n_teams), .sub = &schema_team,
     .help = "The functional teams, by name; each has its own queues"},
    {"default_team", K_TEXT, 0, HERE(default_team), .check = check_nonempty,
     .help = "The team that gets what no rule assigns"},
    {"defaults", K_STRUCT, 0, HERE(defaults), .sub = &schema_defaults_,
     .help = "What rules leave open"},
    {"services", K_MAP, 0, HERE(services), HERE(n_services), .sub = &schema_service,
     .help = "The service catalogue, by name"},
    {"rules", K_LIST, 0, HERE(rules), HERE(n_rules), .sub = &schema_rule,
     .help = "Tried in order; the first match wins"},
    {"known_errors", K_LIST, 0, HERE(known_errors), HERE(n_known_errors),
     .sub = &schema_known_error, .help = "Errors with a known workaround"},
    {"heartbeats", K_LIST, 0, HERE(heartbeats), HERE(n_heartbeats), .sub = &schema_heartbeat,
     .help = "Alerts that must keep coming; armed when loaded"},
    {"maintenance", K_LIST, 0, HERE(maintenance), HERE(n_maintenance), .sub = &schema_maintenance,
     .help = "Windows in which matching alerts are suppressed"},
    {"webhooks", K_LIST, 0, HERE(mappings), HERE(n_mappings), .sub = &schema_mapping,
     .help = "Generic JSON webhooks: where in the document an alert's parts stand"},
};

const struct schema schema_root = {"configuration", sizeof(struct conf), SCHEMA_NONE, SCHEMA_NONE,
                                   SCHEMA_ROWS(root_rows)};
