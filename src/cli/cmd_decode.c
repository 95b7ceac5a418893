/*
 * cmd_decode.c - decode: how would the daemon read these syslog messages?
 * Owns: options and the three kinds of input: lines, the bytes of one TCP connection, JSON lines.
 */
#include "commands.h"

#include <getopt.h>
#include <stdlib.h>

#include "decode.h"
#include "triaged/base/clock.h"
#include "triaged/base/zone.h"
#include "triaged/net/syslog_frame.h"

enum input { INPUT_LINES, INPUT_STREAM, INPUT_JSONL };

struct args {
    struct decode_run run;
    struct zone *zone;
    enum input input;
};

/* ---- input ---------------------------------------------------------------------------------- */

static int read_lines(struct args *a)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t n;
    int status = CLI_OK;

    while ((n = getline(&line, &size, stdin)) > 0) {
        struct str s = {line, (size_t)n};
        struct jx_error why = {0};
        number++;
        if (s.p[s.n - 1] == '\n')
            s.n--;
        if (a->input == INPUT_LINES) {
            decode_put(&a->run, s, 0, NULL);
        } else if (!decode_case(&a->run, s, &why)) {
            fprintf(stderr, "triagectl: line %zu: %s%s%s\n", number, why.path,
                    *why.path ? ": " : "", why.text);
            status = CLI_FAILED;
        }
    }
    free(line);
    return status;
}

static void on_frame(void *arg, struct str frame, unsigned flags)
{
    decode_put(arg, frame, flags & FRAME_TRUNCATED ? SYSLOG_TRUNCATED : 0, NULL);
}

static int read_stream(struct args *a)
{
    struct syslog_framer framer;
    char bytes[16384];
    size_t n;
    bool keep = true;

    syslog_framer_init(&framer, a->run.options.max_message);
    while (keep && (n = fread(bytes, 1, sizeof(bytes), stdin)) > 0)
        keep = syslog_framer_feed(&framer, (struct str){bytes, n}, on_frame, &a->run);
    syslog_framer_close(&framer, on_frame, &a->run);
    syslog_framer_finish(&framer);
    if (!keep)
        fputs("triagectl: these are TLS bytes; the connection would be closed\n", stderr);
    return keep ? CLI_OK : CLI_FAILED;
}

/* ---- options -------------------------------------------------------------------------------- */

static bool set_zone(struct args *a, const char *name)
{
    struct diag why;

    diag_init(&why);
    zone_free(a->zone);
    a->zone = zone_load(name, &why);
    if (!a->zone)
        fprintf(stderr, "triagectl: --zone: %s\n", why.n > 0 ? why.items[0].text : "unknown");
    diag_finish(&why);
    a->run.options.zone = a->zone;
    return a->zone != NULL;
}

static bool set_transport(struct syslog_options *o, struct str name)
{
    o->is_datagram = str_eq(name, S("udp"));
    o->is_unix = str_eq(name, S("unix"));
    return o->is_datagram || o->is_unix || str_eq(name, S("tcp"));
}

static bool set_input(struct args *a, const char *name)
{
    static const char *const names[] = {"lines", "stream", "jsonl"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            a->input = (enum input)i;
            return true;
        }
    }
    return false;
}

static bool set_now(struct args *a, const char *text)
{
    int64_t us;

    if (!clock_parse_rfc3339_us(str_c(text), &us))
        return false;
    a->run.options.now_ms = us / 1000;
    return true;
}

static bool set_max(struct args *a, const char *text)
{
    return str_to_size(str_c(text), &a->run.options.max_message) &&
           a->run.options.max_message <= DECODE_LINE_MAX;
}

/* What is wrong with an option's argument, or NULL. */
static const char *apply(struct args *a, int c)
{
    switch (c) {
    case 'f':
        return strcmp(optarg, "syslog") == 0 ? NULL : "--format: only syslog";
    case 'n':
        return set_now(a, optarg) ? NULL : "--now: not an RFC 3339 time";
    case 'm':
        return set_max(a, optarg) ? NULL : "--max-message: not a size up to 16MiB";
    case 's':
        a->input = INPUT_STREAM;
        return NULL;
    case 't':
        return set_transport(&a->run.options, str_c(optarg)) ? NULL
                                                             : "--transport: udp, tcp or unix";
    case 'i':
        return set_input(a, optarg) ? NULL : "--input: lines, stream or jsonl";
    case 'S':
        a->run.options.mnemonic_severity = true;
        return NULL;
    case 'I':
        a->run.options.inner_header = true;
        return NULL;
    case 'p':
        a->run.peer = str_c(optarg);
        return NULL;
    default:
        return "wrong option";
    }
}

static int run_with(const struct command *self, int argc, char **argv, struct args *a)
{
    static const struct option options[] = {
        {"format", required_argument, NULL, 'f'},
        {"now", required_argument, NULL, 'n'},
        {"zone", required_argument, NULL, 'z'},
        {"max-message", required_argument, NULL, 'm'},
        {"stream", no_argument, NULL, 's'},
        {"transport", required_argument, NULL, 't'},
        {"input", required_argument, NULL, 'i'},
        {"peer", required_argument, NULL, 'p'},
        {"mnemonic-severity", no_argument, NULL, 'S'},
        {"inner-header", no_argument, NULL, 'I'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *wrong;
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            cli_help(self, stdout);
            return CLI_OK;
        }
        if (c == 'z') {
            if (!set_zone(a, optarg))
                return CLI_USAGE;
        } else if ((wrong = apply(a, c))) {
            return cli_usage_error(self, "%s", wrong);
        }
    }
    if (optind < argc)
        return cli_usage_error(self, "unexpected argument \"%s\"", argv[optind]);
    return a->input == INPUT_STREAM ? read_stream(a) : read_lines(a);
}

static int run_decode(const struct command *self, int argc, char **argv)
{
    struct args a = {.run = {.options = {.now_ms = clock_wall_ms()}}};

    a.run.options.times = &a.run.times;
    arena_init(&a.run.arena, 0);
    /* A message is printed whole, as it came, and as a label: each byte up to six. */
    buf_init(&a.run.out, 40ull * DECODE_LINE_MAX);
    int status = run_with(self, argc, argv, &a);
    buf_finish(&a.run.out);
    arena_finish(&a.run.arena);
    zone_free(a.zone);
    return status;
}

const struct command cmd_decode = {
    .name = "decode",
    .args = "[OPTION...] < MESSAGES",
    .summary = "Show how syslog messages are read: one JSON object a message.",
    .help =
        "  --input KIND        lines (default): a message a line; stream: the bytes of one TCP\n"
        "                      connection (RFC 6587); jsonl: {\"raw\": …, \"ctx\": …} a line\n"
        "  --stream            the same as --input stream\n"
        "  --transport NAME    udp, tcp (default) or unix: a local socket has no host field\n"
        "                      but before name[pid]:\n"
        "  --zone ZONE         of times without one: Europe/Berlin, +02:00 (default UTC)\n"
        "  --now TIME          the present, for dates without a year (RFC 3339; default: the "
        "clock)\n"
        "  --max-message SIZE  longer messages are cut (default: no limit; a stream: 64KiB)\n"
        "  --peer ADDRESS      the sender, for messages without a host\n"
        "  --mnemonic-severity, --inner-header\n"
        "                      as a listener with these options reads them (triaged.yaml(5))\n"
        "  --format NAME       syslog\n",
    .run = run_decode,
};
