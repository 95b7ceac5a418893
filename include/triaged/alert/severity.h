/*
 * severity.h - one scale for all sources: syslog's eight levels (RFC 5424 table 2), to which the
 * words of the Prometheus world are mapped (critical, page, error, warning, info, none ...).
 */
#ifndef TRIAGED_ALERT_SEVERITY_H
#define TRIAGED_ALERT_SEVERITY_H

#include "triaged/base/str.h"

/* Numbers are syslog's. SEVERITY_NONE: the sender said nothing that we know. */
enum severity {
    SEVERITY_EMERG,
    SEVERITY_ALERT,
    SEVERITY_CRIT,
    SEVERITY_ERR,
    SEVERITY_WARNING,
    SEVERITY_NOTICE,
    SEVERITY_INFO,
    SEVERITY_DEBUG,
    SEVERITY_NONE,
};

/* Case-insensitive; "critical", "page", "sev1", "p1", "fatal", "high" ... -> SEVERITY_NONE if unknown. */
enum severity severity_from_name(struct str name);
/* What the label `severity` of a syslog alert says: emerg alert crit err warning notice info debug. */
const char *severity_name(enum severity s);
/* The configuration's word for it, as in urgency_from_severity: critical, error, warning, info. */
const char *severity_class(enum severity s);

#endif
