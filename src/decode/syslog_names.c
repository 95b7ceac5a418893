/*
 * syslog_names.c - words for syslog's numbers: facilities (RFC 5424 table 1) and flags.
 */
#include "triaged/decode/syslog.h"

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};

const char *syslog_facility_name(unsigned facility)
{
    return facility < ARRAY_LEN(facilities) ? facilities[facility] : "unknown";
}

bool syslog_facility_from_name(struct str name, unsigned *out)
{
    for (unsigned i = 0; i < ARRAY_LEN(facilities); i++) {
        if (str_ieq(name, str_c(facilities[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* By bit number. */
static const char *const flags[SYSLOG_FLAGS_N] = {
    "bad_pri",   "no_pri",       "bad_timestamp", "bad_sd",         "sd_lenient", "invalid_utf8",
    "truncated", "octet_prefix", "no_timestamp",  "clock_unsynced", "repeat",
};

const char *syslog_flag_name(unsigned bit)
{
    for (unsigned i = 0; i < SYSLOG_FLAGS_N; i++) {
        if (bit == 1u << i)
            return flags[i];
    }
    return "unknown";
}
