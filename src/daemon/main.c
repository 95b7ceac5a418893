/*
 * main.c - the map of the daemon.
 *
 *   main.c            arguments, then supervisor_run()
 *   supervisor.c      the main thread: boot, signals, watchdog, stop
 *     reload.c        SIGHUP and POST /-/reload: all or nothing
 *     ticker.c        settings and deadlines, once a second, by script
 *       settings.c    the configuration as the scripts read it
 *     audit.c         the walk over all incidents: counts, and whether each has a deadline
 *     watchdog.c      our own beat to somewhere else, while all is well
 *     known_errors.c  those declared in Redis, read every 10 s into the rules
 *     incident_metrics.c  figures about incidents; public_status.c the public status
 *     redis_access.c  how all reach Redis: url and TLS
 *     notify.c        what systemd is told
 *     mailbox.c       the only way between threads
 *   worker.c          one loop with its listeners, spool and Redis connection; worker_zones.c
 *     routes.c        HTTP: the table; auth.c who asks; reply.c how errors look
 *       routes_intake.c   webhooks and /api/v2/alerts
 *       routes_api_v2.c   what amtool asks first
 *       routes_ops.c      healthy, ready, metrics, reload
 *       routes_quarantine.c   what was kept aside; routes_dead_letters.c
 *       the responder API (docs/openapi.yaml); api.c one call of it, fetch.c its questions to Redis:
 *       routes_verbs.c    verbs and opening by hand, what all writing shares; routes_bulk.c many
 *       routes_incidents.c    lists and single ones; incident_page.c the walk, incident_query.c filters,
 *                             incident_logs.c what the systems logged lately
 *       routes_queues.c   queues, and the next incident
 *       routes_records.c  problems, actions, known errors, fixes; matchers_check.c
 *       routes_reviews.c  reviews; review_document.c as Markdown
 *       routes_events.c   server-sent events
 *       routes_stats.c    stats, whoami; routes_status.c the public status
 *     form.c          bodies against tables of fields; verb_forms.c the tables
 *     incident_json.c texts of Redis as the API shows them; teams.c which teams there are
 *     verbs.c         a verb's way: a spool and a shipper of its own, then the answer
 *     pipeline.c      the journey of an alert, in order; pipeline_syslog.c of a log message
 *       vcache.c      verdicts on what looked the same; repeats.c a peer's last message
 *       prepared.c    a verdict, encoded once
 *       fold.c        equals become one with a count; records
 *     answers.c       who waits for the spool; relp_acks.c, by RELP
 *     shipper.c       from the spool to Redis, exactly once
 *     quarantine.c    payloads of no use, kept aside
 *
 * Below: net (sockets), store (Redis), spool (the log), decode (formats), rules (verdicts),
 * alert (the value), conf (the snapshot), base. See docs/ARCHITECTURE.md.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor.h"
#include "triaged/base/diag.h"
#include "triaged/base/log.h"
#include "triaged/net/listen.h"
#include "triaged/net/loop.h"

static const char usage[] =
    "usage: triaged [-c FILE] [--check] [--log-level LEVEL]\n"
    "\n"
    "  -c, --config FILE     configuration (default " TRIAGED_SYSCONFDIR "/triaged/triaged.yaml)\n"
    "      --check           read the configuration, say what is wrong with it, and exit 0 or 1\n"
    "      --log-level LEVEL error, warning, info (default) or debug\n"
    "      --version         print the version\n"
    "  -h, --help            print this\n"
    "\n"
    "SIGHUP or POST /-/reload loads the configuration again; SIGTERM stops after what was "
    "accepted\n"
    "is safe. See triaged(8), triaged.yaml(5), triagectl(1).\n";

static int check(const char *file)
{
    struct diag why;
    const struct ruleset *rules;
    int status;

    diag_init(&why);
    rules = supervisor_load(file, NULL, &why);
    status = rules ? EXIT_SUCCESS : EXIT_FAILURE;
    diag_print(&why, stderr);
    if (rules)
        printf("%s: ok, %zu rules, %zu teams\n", file, ruleset_conf(rules)->n_rules,
               ruleset_conf(rules)->n_teams);
    ruleset_unref(rules);
    diag_finish(&why);
    return status;
}

int main(int argc, char **argv)
{
    enum { OPT_CHECK = 256, OPT_LEVEL, OPT_VERSION };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, OPT_CHECK},
        {"log-level", required_argument, NULL, OPT_LEVEL},
        {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *file = TRIAGED_SYSCONFDIR "/triaged/triaged.yaml";
    enum log_level level;
    bool only_check = false;
    int c;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            file = optarg;
            break;
        case OPT_CHECK:
            only_check = true;
            break;
        case OPT_LEVEL:
            if (!log_level_from_name(optarg, &level)) {
                fprintf(stderr, "triaged: unknown log level \"%s\"\n", optarg);
                return 2;
            }
            log_set_level(level);
            break;
        case OPT_VERSION:
            puts("triaged " TRIAGED_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "triaged: unexpected argument \"%s\"\n", argv[optind]);
        return 2;
    }
    if (only_check)
        return check(file);
    net_loop_log();
    net_adopt_passed_sockets();
    return supervisor_run(file);
}
