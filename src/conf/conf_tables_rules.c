/*
 * conf_tables_rules.c - rows of what is matched against alerts: rules, known errors, heartbeats,
 * maintenance windows, and the mappings of generic webhooks. Matchers and templates are only read
 * here, with their places; rules/ruleset.h compiles them.
 */
#include "conf_tables.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (24 * (uint64_t)HOUR)

#define HELP_MATCH "Matchers that must all hold, like 'severity=\"critical\"' or 'app=~\"ssh.*\"'"

/* ---- set ------------------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_set, member)
static const struct schema_row set_rows[] = {
    {"category", K_TEXT, 0, HERE(category), .check = check_nonempty,
     .help = "Primary category, one of categories"},
    {"subcategory", K_TEXT, 0, HERE(subcategory), .help = "Finer category, free text"},
    {"team", K_TEXT, 0, HERE(team), .check = check_nonempty, .help = "The team that gets it"},
    {"service", K_TEXT, 0, HERE(service), .check = check_nonempty,
     .help = "The service that it is about"},
    {"impact", K_ENUM, 0, HERE(impact), .names = level_names, .what = "impact", .min = LEVEL_UNSET,
     .help = "Impact: high, medium or low"},
    {"urgency", K_ENUM, 0, HERE(urgency), .names = level_names, .what = "urgency",
     .min = LEVEL_UNSET, .help = "Urgency: high, medium or low"},
    {"title", K_PLACED, 0, HERE(title), .help = "Title, with {{label}} for labels"},
    {"summary", K_PLACED, 0, HERE(summary), .help = "Summary, with {{label}} for labels"},
};
static const struct schema schema_set = {"set", sizeof(struct conf_set), HERE(place), SCHEMA_NONE,
                                         SCHEMA_ROWS(set_rows)};
#undef HERE

/* ---- rules ----------------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_threshold, member)
static const struct schema_row threshold_rows[] = {
    {"count", K_UINT, REQUIRED, HERE(count), .min = 1, .max = 1000,
     .help = "This many observations"},
    {"within", K_DURATION, REQUIRED, HERE(within_ms), .min = SECOND, .max = 30 * DAY,
     .help = "within this time open an incident"},
    {"per", K_TEXTS, 0, HERE(per), .check = check_nonempty,
     .help = "Labels whose values are counted apart"},
};
static const struct schema schema_threshold = {"threshold", sizeof(struct conf_threshold),
                                               SCHEMA_NONE, SCHEMA_NONE,
                                               SCHEMA_ROWS(threshold_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf_rule, member)
static const struct schema_row rule_rows[] = {
    {"name", K_TEXT, REQUIRED, HERE(name), .check = check_rule_name,
     .help = "Unique name; part of the group key"},
    {"match", K_TEXTS, REQUIRED, HERE(match), .check = check_nonempty,
     .help = HELP_MATCH "; [] matches every alert"},
    {"set", K_STRUCT, 0, HERE(set), .sub = &schema_set, .help = "What the rule decides"},
    {"group_by", K_TEXTS, 0, HERE(group_by), .check = check_nonempty,
     .help = "Labels with the same values make one incident; [] = all of the rule"},
    {"threshold", K_STRUCT, 0, HERE(threshold), .sub = &schema_threshold,
     .help = "How many it takes"},
    {"drop", K_BOOL, 0, HERE(drop), .def = "false", .help = "Count and forget what matches"},
    {"continue", K_BOOL, 0, HERE(goes_on), .def = "false",
     .help = "Try the rules below too; what they set wins"},
    {"resolve_after", K_DURATION, 0, HERE(resolve_after_ms), .min = SECOND, .max = 365 * DAY,
     .help = "Quiet after which log events resolve (default: defaults.resolve_after)"},
    {"settle", K_DURATION, NONE_OK, HERE(settle_ms), .max = 30 * DAY,
     .help = "How long all must have ended before it resolves (default: defaults.settle)"},
    {"join_within", K_DURATION, 0, HERE(join_within_ms), .min = SECOND, .max = 365 * DAY,
     .help = "New alerts join an incident this old (default: defaults.join_within)"},
    {"runbook", K_PLACED, 0, HERE(runbook), .help = "URL template of what to do"},
    {"logs", K_PLACED, 0, HERE(logs), .help = "URL template of the system's logs"},
    {"known_error", K_TEXT, 0, HERE(known_error), .check = check_nonempty,
     .help = "Id of the known error that this is"},
};
const struct schema schema_rule = {
    "rule", sizeof(struct conf_rule), HERE(place), HERE(name), "name",
    NULL,   SCHEMA_ROWS(rule_rows)};
#undef HERE

/* ---- known errors, heartbeats, maintenance --------------------------------------------------- */

#define HERE(member) offsetof(struct conf_known_error, member)
static const struct schema_row known_error_rows[] = {
    {"id", K_TEXT, REQUIRED, HERE(id), .check = check_beat_name, .help = "Unique id, like KE-7"},
    {"match", K_TEXTS, REQUIRED | NONEMPTY, HERE(match), .check = check_nonempty,
     .help = HELP_MATCH},
    {"title", K_TEXT, 0, HERE(title), .help = "What the error is"},
    {"workaround", K_TEXT, 0, HERE(workaround), .help = "What helps until it is mended"},
    {"kb", K_TEXT, 0, HERE(kb), .help = "URL of the knowledge base article"},
};
const struct schema schema_known_error = {
    "known error", sizeof(struct conf_known_error), HERE(place), HERE(id), "id",
    NULL,          SCHEMA_ROWS(known_error_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf_heartbeat, member)
static const struct schema_row heartbeat_rows[] = {
    {"name", K_TEXT, REQUIRED, HERE(name), .check = check_beat_name,
     .help = "Unique name, also in /api/v1/heartbeats/NAME"},
    {"match", K_TEXTS, REQUIRED | NONEMPTY, HERE(match), .check = check_nonempty,
     .help = HELP_MATCH},
    {"every", K_DURATION, REQUIRED, HERE(every_ms), .min = SECOND, .max = 30 * DAY,
     .help = "An incident opens when no beat came for this long"},
    {"set", K_STRUCT, 0, HERE(set), .sub = &schema_set, .help = "What that incident is"},
};
const struct schema schema_heartbeat = {
    "heartbeat", sizeof(struct conf_heartbeat), HERE(place), HERE(name), "name",
    NULL,        SCHEMA_ROWS(heartbeat_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf_maintenance, member)
static const struct schema_row weekly_rows[] = {
    {"days", K_CUSTOM, REQUIRED, HERE(days), .read = read_days, .what = "list of days",
     .help = "Days on which it begins: mon, tue, wed, thu, fri, sat, sun"},
    {"from", K_CUSTOM, REQUIRED, HERE(from_minute), .read = read_from_minute, .what = "HH:MM",
     .help = "Time of day at which it begins, like \"02:00\""},
    {"to", K_CUSTOM, REQUIRED, HERE(to_minute), .read = read_to_minute, .what = "HH:MM",
     .help = "Time of day at which it ends; not after from: on the next day"},
    {"zone", K_TEXT, 0, HERE(zone), .check = check_zone,
     .help = "Time zone of these; without it the global zone"},
};
static const struct schema schema_weekly = {"weekly", 0, SCHEMA_NONE, SCHEMA_NONE,
                                            SCHEMA_ROWS(weekly_rows)};

static const struct schema_row maintenance_rows[] = {
    {"name", K_TEXT, REQUIRED, HERE(name), .check = check_rule_name, .help = "Unique name"},
    {"match", K_TEXTS, REQUIRED, HERE(match), .check = check_nonempty,
     .help = HELP_MATCH "; [] suppresses everything"},
    {"from", K_CUSTOM, 0, HERE(from_ms), .read = read_time, .what = "RFC 3339 time",
     .help = "Begin of a single window, like 2026-03-01T22:00:00Z"},
    {"to", K_CUSTOM, 0, HERE(to_ms), .read = read_time, .what = "RFC 3339 time",
     .help = "End of a single window"},
    {"weekly", K_STRUCT, 0, .sub = &schema_weekly, .help = "A window that returns every week"},
};
const struct schema schema_maintenance = {"maintenance window",
                                          sizeof(struct conf_maintenance),
                                          HERE(place),
                                          HERE(name),
                                          "name",
                                          NULL,
                                          SCHEMA_ROWS(maintenance_rows)};
#undef HERE

/* ---- generic webhooks ------------------------------------------------------------------------ */

#define HERE(member) offsetof(struct conf_mapping, member)
static const struct schema_row mapping_rows[] = {
    {"name", K_TEXT, REQUIRED, HERE(name), .check = check_mapping_name,
     .help = "Unique name; the webhook is POST /webhook/NAME"},
    {"alerts", K_TEXT, 0, HERE(alerts),
     .help = "Path to the array of alerts; without it the document is one alert"},
    {"labels", K_PAIRS, REQUIRED | NONEMPTY, HERE(labels), .check = check_nonempty,
     .help = "Label names and the paths of their values, like {alertname: check.name}"},
    {"annotations", K_PAIRS, 0, HERE(annotations), .check = check_nonempty,
     .help = "Annotation names and the paths of their values"},
    {"state", K_TEXT, 0, HERE(state), .check = check_nonempty, .help = "Path to the state"},
    {"resolved_values", K_TEXTS, 0, HERE(resolved_values), .def = "[resolved, ok, OK, recovered]",
     .help = "Values of state that mean that it is over"},
    {"starts_at", K_TEXT, 0, HERE(starts_at), .check = check_nonempty,
     .help = "Path to the time at which it began"},
    {"ends_at", K_TEXT, 0, HERE(ends_at), .check = check_nonempty,
     .help = "Path to the time at which it ended"},
    {"severity", K_TEXT, 0, HERE(severity), .check = check_nonempty,
     .help = "Path to the severity"},
    {"identity", K_TEXTS, 0, HERE(identity), .check = check_nonempty,
     .help = "Labels that make two alerts the same; without it all labels"},
};
const struct schema schema_mapping = {
    "webhook", sizeof(struct conf_mapping), HERE(place), HERE(name), "name",
    NULL,      SCHEMA_ROWS(mapping_rows)};
#undef HERE
