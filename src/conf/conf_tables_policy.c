/*
 * conf_tables_policy.c - rows of what the incident team decides: priorities, clocks, teams,
 * services, the defaults of rules.
 */
#include "conf_tables.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (24 * (uint64_t)HOUR)

/* ---- priority -------------------------------------------------------------------------------- */

#define HELP_CELL "a matrix that is given must name the priority of every impact and urgency"
#define CELL(I, U, DEFAULT, NAME)                                                                  \
    {                                                                                              \
        NAME, K_ENUM, REQUIRED, offsetof(struct conf_priority, matrix[I][U]),                      \
            .names = priority_names, .what = "priority", .def = DEFAULT, .help = HELP_CELL         \
    }
#define MATRIX_ROW(NAME, I, HIGH, MEDIUM, LOW)                                                     \
    static const struct schema_row matrix_##NAME##_rows[] = {                                      \
        CELL(I, LEVEL_HIGH, HIGH, "high"), CELL(I, LEVEL_MEDIUM, MEDIUM, "medium"),                \
        CELL(I, LEVEL_LOW, LOW, "low")};                                                           \
    static const struct schema matrix_##NAME = {"matrix", 0, SCHEMA_NONE, SCHEMA_NONE,             \
                                                SCHEMA_ROWS(matrix_##NAME##_rows)}
MATRIX_ROW(high, LEVEL_HIGH, "P1", "P2", "P3");
MATRIX_ROW(medium, LEVEL_MEDIUM, "P2", "P3", "P4");
MATRIX_ROW(low, LEVEL_LOW, "P3", "P4", "P4");

static const struct schema_row matrix_rows[] = {
    {"high", K_STRUCT, REQUIRED, .sub = &matrix_high, .help = HELP_CELL},
    {"medium", K_STRUCT, REQUIRED, .sub = &matrix_medium, .help = HELP_CELL},
    {"low", K_STRUCT, REQUIRED, .sub = &matrix_low, .help = HELP_CELL},
};
static const struct schema schema_matrix = {"matrix", 0, SCHEMA_NONE, SCHEMA_NONE,
                                            SCHEMA_ROWS(matrix_rows)};

#define URGENCY(KEY, I, DEFAULT)                                                                   \
    {                                                                                              \
        KEY, K_ENUM, 0, offsetof(struct conf_priority, urgency[I]),                                \
            .names = level_names, .what = "urgency", .def = DEFAULT,                               \
            .help = "Urgency of an alert of severity " KEY                                         \
    }
static const struct schema_row urgency_rows[] = {
    URGENCY("critical", 0, "high"),
    URGENCY("error", 1, "medium"),
    URGENCY("warning", 2, "medium"),
    URGENCY("info", 3, "low"),
};
static const struct schema schema_urgency = {"urgency", 0, SCHEMA_NONE, SCHEMA_NONE,
                                             SCHEMA_ROWS(urgency_rows)};

static const struct schema_row blast_rows[] = {
    {"systems", K_UINT, REQUIRED, offsetof(struct conf_blast, systems), .min = 1, .max = 1000000,
     .help = "From this many affected systems on"},
    {"impact", K_ENUM, REQUIRED, offsetof(struct conf_blast, impact), .names = level_names,
     .what = "impact", .min = LEVEL_UNSET, .help = "the impact is at least this"},
};
static const struct schema schema_blast = {"step", sizeof(struct conf_blast), SCHEMA_NONE,
                                           SCHEMA_NONE, SCHEMA_ROWS(blast_rows)};

static const struct schema_row priority_rows[] = {
    {"matrix", K_STRUCT, .sub = &schema_matrix, .help = "impact -> urgency -> priority; whole"},
    {"urgency_from_severity", K_STRUCT, .sub = &schema_urgency,
     .help = "Urgency where no rule sets one"},
    {"blast_radius", K_LIST, 0, offsetof(struct conf_priority, blast),
     offsetof(struct conf_priority, n_blast), .sub = &schema_blast,
     .def = "[{systems: 10, impact: medium}, {systems: 50, impact: high}]",
     .help = "How impact rises with the number of affected systems; ascending"},
};
const struct schema schema_priority = {"priority", sizeof(struct conf_priority), SCHEMA_NONE,
                                       SCHEMA_NONE, SCHEMA_ROWS(priority_rows)};

/* ---- sla ------------------------------------------------------------------------------------- */

#define CLOCK(KEY, P, MEMBER, FLAGS, MAX, DEFAULT, HELP)                                           \
    {                                                                                              \
        KEY, K_DURATION, FLAGS, offsetof(struct conf_sla, MEMBER), .min = SECOND, .max = MAX,      \
                                                                   .def = DEFAULT, .help = HELP    \
    }
#define SLA_ROW(P, ACK_FLAGS, ACK, REACK, TIER2, TIER3, UPDATE, CONFIRM, GRACE)                    \
    static const struct schema_row sla_##P##_rows[] = {                                            \
        CLOCK("acknowledge", P, acknowledge_ms, ACK_FLAGS, 365 * DAY, ACK,                         \
              "Until somebody acknowledges; then the manager queue (P1 and P2: at most 15m)"),     \
        CLOCK("reacknowledge", P, reacknowledge_ms, NONE_OK, 365 * DAY, REACK,                     \
              "Until a person writes again on what was acknowledged and still fires; or none"),    \
        CLOCK("tier2", P, tier2_ms, NONE_OK, 365 * DAY, TIER2,                                     \
              "Until it goes to the tier 2 queue; or none"),                                       \
        CLOCK("tier3", P, tier3_ms, NONE_OK, 365 * DAY, TIER3,                                     \
              "Until it goes to the tier 3 queue; or none"),                                       \
        CLOCK("update_every", P, update_every_ms, NONE_OK, 365 * DAY, UPDATE,                      \
              "Between two updates to stakeholders; or none"),                                     \
        {"confirm", K_BOOL, 0, offsetof(struct conf_sla, confirm_required),                        \
         .names = confirm_names, .def = CONFIRM,                                                   \
         .help = "Whether the user or business lead must confirm before it closes"},               \
        CLOCK("confirm_within", P, confirm_within_ms, 0, 365 * DAY, "2d",                          \
              "Until a missing confirmation or closure goes to the manager queue"),                \
        CLOCK("grace", P, grace_ms, NONE_OK, 365 * DAY, GRACE,                                     \
              "Between the resolve and the closing"),                                              \
        CLOCK("reopen_within", P, reopen_within_ms, NONE_OK, 365 * DAY, NULL,                      \
              "How long firing again reopens it instead of opening a new one (default: grace)"),   \
    };                                                                                             \
    static const struct schema sla_##P = {"sla", sizeof(struct conf_sla), SCHEMA_NONE,             \
                                          SCHEMA_NONE, SCHEMA_ROWS(sla_##P##_rows)}
SLA_ROW(p1, 0, "5m", "1h", "30m", "1h", "30m", "required", "30m");
SLA_ROW(p2, 0, "15m", "4h", "2h", "4h", "1h", "required", "1h");
SLA_ROW(p3, NONE_OK, "4h", "1d", "1d", "3d", "none", "optional", "4h");
SLA_ROW(p4, NONE_OK, "1d", "3d", "none", "none", "none", "optional", "1d");

static const struct schema_row sla_rows[] = {
    {"P1", K_STRUCT, 0, P1 * sizeof(struct conf_sla), .sub = &sla_p1, .help = "Critical"},
    {"P2", K_STRUCT, 0, P2 * sizeof(struct conf_sla), .sub = &sla_p2, .help = "High"},
    {"P3", K_STRUCT, 0, P3 * sizeof(struct conf_sla), .sub = &sla_p3, .help = "Medium"},
    {"P4", K_STRUCT, 0, P4 * sizeof(struct conf_sla), .sub = &sla_p4, .help = "Low"},
};
const struct schema schema_sla = {"sla", 0, SCHEMA_NONE, SCHEMA_NONE, SCHEMA_ROWS(sla_rows)};

/* ---- small sections -------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf, member)
static const struct schema_row flap_rows[] = {
    {"reopens", K_UINT, 0, HERE(flap.reopens), .min = 1, .max = 1000, .def = "3",
     .help = "This many reopens"},
    {"within", K_DURATION, 0, HERE(flap.within_ms), .min = SECOND, .max = 30 * DAY, .def = "1h",
     .help = "within this time make an incident flapping"},
    {"settle", K_DURATION, NONE_OK, HERE(flap.settle_ms), .max = 30 * DAY, .def = "30m",
     .help = "How long all must be quiet before a flapping incident resolves"},
};
const struct schema schema_flap = {"flap", 0, SCHEMA_NONE, SCHEMA_NONE, SCHEMA_ROWS(flap_rows)};

static const struct schema_row problem_rows[] = {
    {"recurs", K_UINT, 0, HERE(problems.recurs), .min = 2, .max = 1000, .def = "3",
     .help = "This many incidents of one cause"},
    {"within", K_DURATION, 0, HERE(problems.within_ms), .min = SECOND, .max = 365 * DAY,
     .def = "7d", .help = "within this time make a problem record"},
    {"systems", K_UINT, 0, HERE(problems.systems), .min = 2, .max = 1000000, .def = "5",
     .help = "So do this many systems with the same rule at once"},
};
const struct schema schema_problems = {"problems", 0, SCHEMA_NONE, SCHEMA_NONE,
                                       SCHEMA_ROWS(problem_rows)};

static const struct schema_row automation_rows[] = {
    {"uses", K_UINT, 0, HERE(automation_uses), .min = 1, .max = 1000, .def = "3",
     .help = "This many uses of the same manual fix for the same error make a candidate"},
};
const struct schema schema_automation = {"automation", 0, SCHEMA_NONE, SCHEMA_NONE,
                                         SCHEMA_ROWS(automation_rows)};

static const struct schema_row retention_rows[] = {
    {"closed", K_DURATION, 0, HERE(retention_closed_ms), .min = SECOND, .max = 3650 * DAY,
     .def = "90d", .help = "How long closed incidents are kept"},
    {"alerts_per_incident", K_UINT, 0, HERE(alerts_per_incident), .min = 1, .max = 1000000,
     .def = "10000", .help = "Alerts of an incident that are listed; beyond, they are counted"},
};
const struct schema schema_retention = {"retention", 0, SCHEMA_NONE, SCHEMA_NONE,
                                        SCHEMA_ROWS(retention_rows)};

static const struct schema_row queue_rows[] = {
    {"claim_after", K_DURATION, 0, HERE(claim_after_ms), .min = SECOND, .max = DAY, .def = "2m",
     .help = "An entry that was read and not acknowledged is put back after this long"},
};
const struct schema schema_queue = {"queue", 0, SCHEMA_NONE, SCHEMA_NONE, SCHEMA_ROWS(queue_rows)};

static const struct schema_row horizon_rows[] = {
    {"give_up", K_DURATION, 0, HERE(give_up_ms), .min = SECOND, .max = DAY, .def = "15m",
     .help = "A silent daemon holds back quiet, lease and grace clocks for this long"},
};
const struct schema schema_horizon = {"horizon", 0, SCHEMA_NONE, SCHEMA_NONE,
                                      SCHEMA_ROWS(horizon_rows)};
#undef HERE

/* ---- teams and services ---------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_team, member)
static const struct schema_row team_rows[] = {
    {"id", K_TEXT, REQUIRED, HERE(id), .check = check_team_id,
     .help = "Start of its incidents' numbers, like NET in NET-42"},
    {"lead", K_TEXT, 0, HERE(lead), .help = "Who is named when nobody acknowledges"},
    {"manager", K_TEXT, 0, HERE(manager), .help = "The incident manager of the team"},
};
const struct schema schema_team = {
    "team",     sizeof(struct conf_team), HERE(place), HERE(name), NULL,
    check_name, SCHEMA_ROWS(team_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf_service, member)
static const struct schema_row service_rows[] = {
    {"impact", K_ENUM, 0, HERE(impact), .names = level_names, .what = "impact", .min = LEVEL_UNSET,
     .help = "Impact when it fails, where no rule sets one"},
    {"users", K_UINT, 0, HERE(users), .help = "How many people use it"},
    {"value", K_TEXT, 0, HERE(value), .help = "What it is worth to the business, in words"},
    {"team", K_TEXT, 0, HERE(team), .check = check_nonempty, .help = "The team that runs it"},
    {"logs", K_TEXT, 0, HERE(logs), .help = "URL template of its logs"},
    {"match", K_TEXTS, 0, HERE(match), .check = check_nonempty,
     .help = "Matchers of the alerts that are about it"},
};
const struct schema schema_service = {
    "service",      sizeof(struct conf_service), HERE(place), HERE(name), NULL,
    check_nonempty, SCHEMA_ROWS(service_rows)};
#undef HERE

/* ---- defaults -------------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_defaults, member)
static const struct schema_row group_by_rows[] = {
    {"labels", K_TEXTS, 0, HERE(group_by_labels), .check = check_nonempty,
     .def = "[alertname, cluster, namespace, service]",
     .help = "What makes labelled alerts one incident"},
    {"syslog", K_TEXTS, 0, HERE(group_by_syslog), .check = check_nonempty, .def = "[app, skeleton]",
     .help = "What makes syslog messages one incident"},
};
static const struct schema schema_group_by = {"group_by", 0, SCHEMA_NONE, SCHEMA_NONE,
                                              SCHEMA_ROWS(group_by_rows)};

static const struct schema_row default_rows[] = {
    {"group_by", K_STRUCT, .sub = &schema_group_by, .help = "Where a rule has no group_by"},
    {"resolve_after", K_DURATION, 0, HERE(resolve_after_ms), .min = SECOND, .max = 365 * DAY,
     .def = "1h", .help = "Quiet after which an incident of log events resolves"},
    {"settle", K_DURATION, NONE_OK, HERE(settle_ms), .max = 30 * DAY, .def = "0s",
     .help = "How long all alerts must have ended before an incident resolves"},
    {"join_within", K_DURATION, 0, HERE(join_within_ms), .min = SECOND, .max = 365 * DAY,
     .def = "24h", .help = "A new alert joins an incident whose newest is at most this old"},
    {"webhook_lease", K_DURATION, 0, HERE(webhook_lease_ms), .min = SECOND, .max = 365 * DAY,
     .def = "24h", .help = "How long a webhook's alert fires without being sent again"},
    {"api_lease", K_DURATION, 0, HERE(api_lease_ms), .min = SECOND, .max = 365 * DAY, .def = "5m",
     .help = "The same for an alert without endsAt on the Prometheus API"},
};
const struct schema schema_defaults_ = {"defaults", sizeof(struct conf_defaults), SCHEMA_NONE,
                                        SCHEMA_NONE, SCHEMA_ROWS(default_rows)};
#undef HERE
