/*
 * conf_tables_host.c - rows of what belongs to one host: listeners, Redis, spool, tokens, limits.
 */
#include "conf_tables.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (24 * (uint64_t)HOUR)
#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* ---- listen ---------------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_tls, member)
static const struct schema_row tls_rows[] = {
    {"certificate", K_PATH, REQUIRED, HERE(certificate),
     .help = "PEM file with the certificate chain, the server's own first"},
    {"key", K_PATH, REQUIRED, HERE(key), .help = "PEM file with the private key"},
    {"client_ca", K_PATH, 0, HERE(client_ca),
     .help = "PEM file with the CAs whose client certificates are asked for and accepted"},
};
static const struct schema schema_tls = {"tls", sizeof(struct conf_tls), SCHEMA_NONE, SCHEMA_NONE,
                                         SCHEMA_ROWS(tls_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf_listener, member)
#define HELP_ALLOW   "Networks that may connect, like 10.0.0.0/8; empty = whoever reaches it"
#define HELP_LABELS  "Labels added to every alert that comes in here"
static const struct schema_row http_rows[] = {
    {"address", K_TEXT, REQUIRED, HERE(address), .check = check_nonempty,
     .help = "Numeric host:port, like 127.0.0.1:9193 or [::]:9193"},
    {"tls", K_STRUCT, 0, HERE(tls), .sub = &schema_tls, .help = "HTTPS with this certificate"},
    {"allow", K_TEXTS, 0, HERE(allow), .check = check_cidr, .help = HELP_ALLOW},
    {"labels", K_PAIRS, 0, HERE(labels), .help = HELP_LABELS},
};
static const struct schema schema_http = {"listener", sizeof(struct conf_listener), HERE(place),
                                          SCHEMA_NONE, SCHEMA_ROWS(http_rows)};

static const struct schema_row syslog_rows[] = {
    {"address", K_TEXT, REQUIRED, HERE(address), .check = check_nonempty,
     .help = "Numeric host:port, like 0.0.0.0:514, or the absolute path of a unix socket"},
    {"transport", K_ENUM, REQUIRED, HERE(transport), .names = transport_names, .what = "transport",
     .help = "How messages come: udp, tcp, tls, relp, unix (stream) or unix-dgram"},
    {"tls", K_STRUCT, 0, HERE(tls), .sub = &schema_tls,
     .help = "The certificate of a tls listener, or of a relp listener that shall speak TLS; "
             "client_ca admits senders by certificate"},
    {"allow", K_TEXTS, 0, HERE(allow), .check = check_cidr, .help = HELP_ALLOW},
    {"labels", K_PAIRS, 0, HERE(labels), .help = HELP_LABELS},
    {"max_message", K_SIZE, 0, HERE(max_message), .min = 480, .max = 16 * MIB, .def = "64KiB",
     .help = "Bytes of a message that are kept; the rest is cut"},
    {"zone", K_TEXT, 0, HERE(zone), .check = check_zone,
     .help = "Time zone of timestamps that name none; without it the global zone"},
    {"severity", K_ENUM, 0, HERE(floor), .names = floor_names, .what = "severity",
     .help = "Mildest severity that is taken, like info; milder messages are counted and dropped "
             "before anything else. A message without PRI is a notice"},
    {"rate", K_UINT, 0, HERE(rate), .max = 10000000,
     .help = "Messages a second that one sender may send to a worker, and as many at once; the "
             "rest is counted and dropped. 0 = any number"},
    {"mnemonic_severity", K_BOOL, 0, HERE(mnemonic_severity),
     .help = "The digit in a Cisco mnemonic, the 3 of %LINK-3-UPDOWN, is the message's severity "
             "instead of its PRI's, which many devices set to one and the same"},
    {"inner_header", K_BOOL, 0, HERE(inner_header),
     .help = "Of a message that a relay put a header of its own before, the sender's header "
             "counts: its PRI, time, host and app. Without it the relay's counts, and the "
             "sender's stays in the text"},
    {"proxy", K_BOOL, 0, HERE(proxy),
     .help = "Connections of a tcp, tls or relp listener come through a load balancer that says "
             "by PROXY protocol 1 or 2 whose they are; allow then names the balancer"},
};
static const struct schema schema_syslog = {"listener", sizeof(struct conf_listener), HERE(place),
                                            SCHEMA_NONE, SCHEMA_ROWS(syslog_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf, member)
static const struct schema_row listen_rows[] = {
    {"http", K_LIST, 0, HERE(http), HERE(n_http), .sub = &schema_http,
     .def = "[{address: \"127.0.0.1:9193\"}]",
     .help = "HTTP listeners: webhooks, APIs, status page, console, metrics"},
    {"syslog", K_LIST, 0, HERE(syslog), HERE(n_syslog), .sub = &schema_syslog,
     .def = "[{address: \"127.0.0.1:5514\", transport: udp},"
            " {address: \"127.0.0.1:5514\", transport: tcp}]",
     .help = "Syslog listeners"},
};
const struct schema schema_listen = {"listen", 0, SCHEMA_NONE, SCHEMA_NONE,
                                     SCHEMA_ROWS(listen_rows)};

/* ---- redis ----------------------------------------------------------------------------------- */

#undef HERE
#define HERE(member) offsetof(struct conf_tls_client, member)
static const struct schema_row redis_tls_rows[] = {
    {"ca", K_PATH, RESTART, HERE(ca),
     .help =
         "PEM file with the CAs that Redis' certificate must come from; without it those of the "
         "system"},
    {"certificate", K_PATH, RESTART, HERE(certificate),
     .help = "PEM file with the certificate chain that is shown to a Redis that asks for one"},
    {"key", K_PATH, RESTART, HERE(key),
     .help = "PEM file with its private key; without it the key is in the certificate's file"},
    {"server_name", K_TEXT, RESTART, HERE(server_name),
     .help = "The host name that every certificate must be for, where it is not the one that is "
             "connected to"},
};
static const struct schema schema_redis_tls = {"tls", sizeof(struct conf_tls_client), HERE(place),
                                               SCHEMA_NONE, SCHEMA_ROWS(redis_tls_rows)};
#undef HERE

#define HERE(member) offsetof(struct conf, member)
static const struct schema_row redis_rows[] = {
    {"url", K_TEXT, RESTART | SECRET, HERE(redis_url), .def = "unix:///run/redis/redis.sock",
     .check = check_redis_url,
     .help = "unix:///path, redis://host:port/db, or redis+sentinel://host:port,host:port/name/db; "
             "rediss:// and rediss+sentinel:// are the same over TLS; user:password@ before the "
             "host. redis+cluster:// is refused, not yet"},
    {"tls", K_STRUCT, 0, HERE(redis_tls), .sub = &schema_redis_tls,
     .help = "How a rediss url speaks TLS; the certificate's subjectAltName is always checked. The "
             "files are read again when they have changed, at the next connection"},
};
const struct schema schema_redis = {"redis", 0, SCHEMA_NONE, SCHEMA_NONE, SCHEMA_ROWS(redis_rows)};
#undef HERE

/* ---- spool ----------------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_spool, member)
static const struct schema_row spool_rows[] = {
    {"directory", K_PATH, RESTART, HERE(directory), .def = "/var/lib/triaged/spool",
     .help = "Where the write-ahead log lives; must survive a reboot"},
    {"sync", K_ENUM, RESTART, HERE(sync), .names = sync_names, .what = "sync policy",
     .def = "always",
     .help = "When an accepted alert is on disk: always (before the answer), interval, never"},
    {"interval", K_DURATION, RESTART, HERE(interval_ms), .min = 10, .max = 10 * MINUTE, .def = "1s",
     .help = "Between two syncs when sync is interval"},
    {"max_size", K_SIZE, RESTART, HERE(max_size), .min = 64 * KIB, .def = "1GiB",
     .help = "Bytes of the whole spool; beyond, intake is refused until Redis has caught up"},
    {"segment_size", K_SIZE, RESTART, HERE(segment_size), .min = 4 * KIB, .max = GIB,
     .def = "16MiB", .help = "Bytes of one file of it"},
    {"min_free", K_SIZE, RESTART, HERE(min_free), .def = "64MiB",
     .help = "Bytes that are left free on its file system"},
    {"retain", K_DURATION, RESTART, HERE(retain_ms), .max = DAY, .def = "60s",
     .help = "How long records are kept after Redis has them, for a Redis that loses its last "
             "seconds; at least twice Sentinel's down-after plus the failover. Time in which Redis "
             "is away does not count"},
};
const struct schema schema_spool = {"spool", sizeof(struct conf_spool), SCHEMA_NONE, SCHEMA_NONE,
                                    SCHEMA_ROWS(spool_rows)};
#undef HERE

/* ---- auth ------------------------------------------------------------------------------------ */

#define HERE(member) offsetof(struct conf_token, member)
static const struct schema_row token_rows[] = {
    {"name", K_TEXT, REQUIRED, HERE(name), .check = check_token_name,
     .help = "Who uses it; the user name of Basic authentication, the actor in timelines"},
    {"role", K_ENUM, REQUIRED, HERE(role), .names = role_names, .what = "role",
     .help = "What it may do: ingest, viewer, responder, manager or admin"},
    {"sha256", K_TEXT, REQUIRED | SECRET, HERE(sha256), .check = check_sha256,
     .help = "SHA-256 of the token in hex: printf %s TOKEN | sha256sum"},
    {"team", K_TEXT, 0, HERE(team), .check = check_nonempty,
     .help = "The only team that it may see and change"},
};
static const struct schema schema_token = {
    "token",    sizeof(struct conf_token), SCHEMA_NONE,
    HERE(name), .name_key = "name",        SCHEMA_ROWS(token_rows)};
#undef HERE

static const struct schema_row auth_rows[] = {
    {"tokens", K_LIST, 0, offsetof(struct conf, tokens), offsetof(struct conf, n_tokens),
     .sub = &schema_token, .help = "Tokens; an HTTP listener beyond loopback needs at least one"},
};
const struct schema schema_auth = {"auth", 0, SCHEMA_NONE, SCHEMA_NONE, SCHEMA_ROWS(auth_rows)};

/* ---- limits ---------------------------------------------------------------------------------- */

#define HERE(member) offsetof(struct conf_limits, member)
static const struct schema_row limit_rows[] = {
    {"http_header", K_SIZE, 0, HERE(http_header), .min = KIB, .max = MIB, .def = "64KiB",
     .help = "Bytes of a request's head"},
    {"http_body", K_SIZE, 0, HERE(http_body), .min = KIB, .max = GIB, .def = "8MiB",
     .help = "Bytes of a request's body, also after inflating it"},
    {"http_bodies", K_SIZE, 0, HERE(http_bodies), .min = KIB, .max = 64 * GIB, .def = "64MiB",
     .help = "Bytes of all bodies in flight of a worker"},
    {"http_connections", K_UINT, 0, HERE(http_connections), .min = 1, .max = 1000000, .def = "4096",
     .help = "HTTP connections of a worker"},
    {"http_idle", K_DURATION, 0, HERE(http_idle_ms), .min = 100, .max = DAY, .def = "60s",
     .help = "How long an HTTP connection may pass without a byte"},
    {"http_answer", K_DURATION, 0, HERE(http_answer_ms), .min = 100, .max = HOUR, .def = "30s",
     .help = "How long an answer may wait before it becomes 503"},
    {"syslog_connections", K_UINT, 0, HERE(syslog_connections), .min = 1, .max = 1000000,
     .def = "4096", .help = "Syslog stream connections of a worker"},
    {"syslog_idle", K_DURATION, NONE_OK, HERE(syslog_idle_ms), .max = 30 * DAY, .def = "none",
     .help = "How long a syslog stream may pass without a byte; none = for ever"},
    {"alerts_per_request", K_UINT, 0, HERE(alerts_per_request), .min = 1, .max = 1000000,
     .def = "10000", .help = "Alerts in one request"},
    {"labels_per_alert", K_UINT, 0, HERE(labels_per_alert), .min = 8, .max = 4096, .def = "128",
     .help = "Labels of an alert"},
    {"label_name", K_SIZE, 0, HERE(label_name), .min = 16, .max = 64 * KIB, .def = "1KiB",
     .help = "Bytes of a label's name"},
    {"label_value", K_SIZE, 0, HERE(label_value), .min = 64, .max = MIB, .def = "16KiB",
     .help = "Bytes of a label's value"},
    {"alert", K_SIZE, 0, HERE(alert), .min = 4 * KIB, .max = 512 * KIB, .def = "256KiB",
     .help = "An alert's labels and annotations together; a larger one is left out"},
    {"annotation_value", K_SIZE, 0, HERE(annotation_value), .min = 64, .max = 8 * MIB,
     .def = "64KiB", .help = "Bytes of an annotation's value; a longer one is cut, not refused"},
    {"fold_entries", K_UINT, RESTART, HERE(fold_entries), .min = 16, .max = 16 * MIB,
     .def = "65536", .help = "Distinct observations of a worker that wait to be folded"},
    {"verdicts_cached", K_UINT, RESTART, HERE(verdicts_cached), .min = 16, .max = 16 * MIB,
     .def = "65536", .help = "Verdicts on syslog skeletons that a worker remembers"},
};
const struct schema schema_limits = {"limits", sizeof(struct conf_limits), SCHEMA_NONE, SCHEMA_NONE,
                                     SCHEMA_ROWS(limit_rows)};
#undef HERE
