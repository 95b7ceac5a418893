/*
 * severity.c - words for how bad it is, from all the tools that send to us, on syslog's scale.
 * Owns: the one table of words. Never: decides a priority (rules/priority does).
 */
#include "triaged/alert/severity.h"

#include "triaged/base/mem.h"

static const struct {
    const char *word;
    enum severity severity;
} words[] = {
    /* syslog (RFC 5424 table 2) and the names of its older keywords */
    {"emerg", SEVERITY_EMERG},
    {"emergency", SEVERITY_EMERG},
    {"panic", SEVERITY_EMERG},
    {"alert", SEVERITY_ALERT},
    {"crit", SEVERITY_CRIT},
    {"critical", SEVERITY_CRIT},
    {"err", SEVERITY_ERR},
    {"error", SEVERITY_ERR},
    {"warning", SEVERITY_WARNING},
    {"warn", SEVERITY_WARNING},
    {"notice", SEVERITY_NOTICE},
    {"info", SEVERITY_INFO},
    {"informational", SEVERITY_INFO},
    {"information", SEVERITY_INFO},
    {"debug", SEVERITY_DEBUG},
    /* the Prometheus world; "none" is what a Watchdog carries */
    {"page", SEVERITY_CRIT},
    {"ticket", SEVERITY_WARNING},
    {"none", SEVERITY_INFO},
    {"ok", SEVERITY_INFO},
    /* Zabbix, ITIL and cloud consoles */
    {"fatal", SEVERITY_CRIT},
    {"disaster", SEVERITY_CRIT},
    {"blocker", SEVERITY_CRIT},
    {"high", SEVERITY_CRIT},
    {"highest", SEVERITY_CRIT},
    {"major", SEVERITY_ERR},
    {"average", SEVERITY_WARNING},
    {"medium", SEVERITY_WARNING},
    {"moderate", SEVERITY_WARNING},
    {"minor", SEVERITY_WARNING},
    {"low", SEVERITY_INFO},
    {"lowest", SEVERITY_INFO},
    /* numbered scales: 1 is worst */
    {"sev0", SEVERITY_CRIT},
    {"sev1", SEVERITY_CRIT},
    {"sev2", SEVERITY_ERR},
    {"sev3", SEVERITY_WARNING},
    {"sev4", SEVERITY_INFO},
    {"sev5", SEVERITY_INFO},
    {"p0", SEVERITY_CRIT},
    {"p1", SEVERITY_CRIT},
    {"p2", SEVERITY_ERR},
    {"p3", SEVERITY_WARNING},
    {"p4", SEVERITY_INFO},
    {"p5", SEVERITY_INFO},
};

enum severity severity_from_name(struct str name)
{
    name = str_trim(name);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_ieq(name, str_c(words[i].word)))
            return words[i].severity;
    return SEVERITY_NONE;
}

const char *severity_name(enum severity s)
{
    static const char *const names[] = {
        [SEVERITY_EMERG] = "emerg", [SEVERITY_ALERT] = "alert",     [SEVERITY_CRIT] = "crit",
        [SEVERITY_ERR] = "err",     [SEVERITY_WARNING] = "warning", [SEVERITY_NOTICE] = "notice",
        [SEVERITY_INFO] = "info",   [SEVERITY_DEBUG] = "debug",     [SEVERITY_NONE] = "",
    };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "";
}

const char *severity_class(enum severity s)
{
    switch (s) {
    case SEVERITY_EMERG:
    case SEVERITY_ALERT:
    case SEVERITY_CRIT:
        return "critical";
    case SEVERITY_ERR:
        return "error";
    case SEVERITY_NOTICE:
    case SEVERITY_INFO:
    case SEVERITY_DEBUG:
        return "info";
    case SEVERITY_WARNING:
    case SEVERITY_NONE:
        break; /* who says nothing of it gets the middle */
    }
    return "warning";
}
