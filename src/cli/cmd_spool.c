/*
 * cmd_spool.c - spool inspect, spool retry: the write-ahead log and the dead letters beside it.
 * inspect only reads, also beside a running daemon. retry gives dead letters to the daemon, which
 * appends them to its spool as new records.
 */
#include "commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "incident.h"
#include "when.h"
#include "triaged/alert/observation.h"
#include "triaged/base/clock.h"
#include "triaged/spool/inspect.h"

#define DEAD_LETTERS "dead-letter.jsonl"
#define RETRYING     "dead-letter.retry.jsonl" /* what a retry has taken in hand */
#define REFUSED      "dead-letter.refused.jsonl"
#define GIVEN        "dead-letter.given" /* for triaged: their records are not to be sent again */

enum { LINE_MAX_BYTES = 32 * 1024 * 1024 };

/* ---- directories of workers ------------------------------------------------------------------ */

static int is_worker(const struct dirent *d)
{
    return strncmp(d->d_name, "worker-", 7) == 0;
}

/* Calls fn for DIR/worker-*, or for DIR when there is none. The worst status. */
static int each_worker(const char *directory, int (*fn)(void *arg, const char *path), void *arg)
{
    struct dirent **names = NULL;
    int n = scandir(directory, &names, is_worker, alphasort), worst = CLI_OK;

    if (n < 0) {
        cli_complain("cannot read %s: %s", directory, strerror(errno));
        return CLI_FAILED;
    }
    for (int i = 0; i < n; i++) {
        char *path = xasprintf("%s/%s", directory, names[i]->d_name);
        int status = fn(arg, path);

        worst = status != CLI_OK ? status : worst;
        free(path);
        free(names[i]);
    }
    free(names);
    return n == 0 ? fn(arg, directory) : worst;
}

/* ---- lines of a file ------------------------------------------------------------------------- */

/* Calls fn for each line from offset `at` on; fn says whether to go on. unended: also for what
 * stands behind the last end of a line. False when it cannot be read, but a file that is not there
 * has no lines. */
static bool each_line(const char *path, int64_t at, bool unended,
                      bool (*fn)(void *arg, struct str line, int64_t end), void *arg)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool ok;

    if (!f)
        return errno == ENOENT;
    ok = fseeko(f, at, SEEK_SET) == 0;
    while (ok && (n = getline(&line, &cap, f)) > 0) {
        size_t end = line[n - 1] == '\n';

        at += n;
        if (n > LINE_MAX_BYTES || !(end || unended) ||
            !fn(arg, (struct str){line, (size_t)n - end}, at))
            break;
    }
    ok = ok && !ferror(f);
    free(line);
    fclose(f);
    return ok;
}

/* ---- inspect --------------------------------------------------------------------------------- */

struct inspection {
    struct term term;
    struct arena arena;
    struct table *segments, *letters;
    bool records;
    uint64_t n_segments, n_records, bytes, places, n_letters;
};

static const struct table_column segment_columns[] = {
    {"SEGMENT", 0, 0, false}, {"STREAM", 4, 0, false}, {"CREATED", 2, 0, false},
    {"RECORDS", 0, 0, true},  {"SEQ", 3, 0, false},    {"BYTES", 0, 0, true},
    {"LAST", 1, 0, false},    {"STATE", 0, 0, false},
};
static const struct table_column letter_columns[] = {
    {"REFUSED", 0, 0, false},
    {"TEAM", 0, 8, false},
    {"SEQ", 2, 0, true},
    {"ERROR", 0, 20, false},
};

static struct str ago(struct inspection *in, int64_t ms)
{
    return ms ? arena_printf(&in->arena, "%.*s ago",
                             STR_ARG(when_span(&in->arena, in->term.now_ms - ms)))
              : STR_NONE;
}

static struct str state_of(struct inspection *in, const struct spool_segment_info *g)
{
    if (g->places)
        return arena_printf(&in->arena, "%llu damaged place%s, %llu bytes",
                            (unsigned long long)g->places, g->places == 1 ? "" : "s",
                            (unsigned long long)g->bad_bytes);
    if (g->torn_bytes)
        return arena_printf(&in->arena, "%llu bytes unfinished", (unsigned long long)g->torn_bytes);
    return g->head_ok ? S("sound") : S("damaged head");
}

static void on_segment(void *arg, const struct spool_segment_info *g)
{
    struct inspection *in = arg;
    bool bad = g->places || !g->head_ok;

    in->n_segments++;
    in->n_records += g->records;
    in->bytes += g->size;
    in->places += g->places;
    table_row(in->segments);
    table_put_styled(in->segments, BOLD,
                     arena_printf(&in->arena, "%016llx", (unsigned long long)g->number));
    table_put(in->segments, str_sub(str_c(g->stream), 0, 8));
    table_put(in->segments, ago(in, g->created_ms));
    table_put(in->segments, arena_printf(&in->arena, "%llu", (unsigned long long)g->records));
    table_put(in->segments,
              g->records ? arena_printf(&in->arena, "%llu-%llu", (unsigned long long)g->first_seq,
                                        (unsigned long long)g->last_seq)
                         : STR_NONE);
    table_put(in->segments, arena_printf(&in->arena, "%llu", (unsigned long long)g->size));
    table_put(in->segments, ago(in, g->last_ms));
    table_put_styled(in->segments, bad ? RED : g->torn_bytes ? YELLOW : PLAIN, state_of(in, g));
}

static void on_record(void *arg, const struct spool_record *r)
{
    struct inspection *in = arg;
    struct record_header h = {0};
    struct record_reader reader;
    char at[CLOCK_RFC3339_SIZE];
    bool sound = record_read(r->payload, &h, &reader);

    if (!in->records)
        return;
    fprintf(in->term.f, "%.8s %llu after %llu  ", r->stream, (unsigned long long)r->seq,
            (unsigned long long)r->prev);
    term_put(&in->term, PLAIN, clock_format_ms(r->appended_ms, at));
    fputs("  ", in->term.f);
    term_put(&in->term, BOLD, r->team);
    if (sound)
        fprintf(in->term.f, "  %u %s%s, %zu bytes\n", h.n_items,
                h.script == RECORD_VERB ? "verb" : "observation", h.n_items == 1 ? "" : "s",
                r->payload.n);
    else
        fprintf(in->term.f, "  no record of ours, %zu bytes\n", r->payload.n);
}

static bool on_letter(void *arg, struct str line, int64_t end)
{
    struct inspection *in = arg;
    struct jx_error why;
    jx *doc = jx_parse(line, &why);
    struct table *t = in->letters;
    int64_t seq = 0;

    (void)end;
    in->n_letters++;
    table_row(t);
    table_put(t, jx_str(jx_get(doc, "at")));
    table_put(t, jx_str(jx_get(doc, "team")));
    jx_int(jx_get(doc, "seq"), &seq);
    table_put(t, arena_printf(&in->arena, "%lld", (long long)seq));
    table_put_styled(t, YELLOW, doc ? jx_str(jx_get(doc, "error")) : S("not a dead letter"));
    jx_free(doc);
    return true;
}

static int inspect(void *arg, const char *path)
{
    struct inspection *in = arg;
    struct spool_inspector with = {.on_record = on_record, .on_segment = on_segment, .arg = in};
    static const char *const names[] = {RETRYING, DEAD_LETTERS ".1", DEAD_LETTERS};
    struct diag why;
    bool ok;

    diag_init(&why);
    in->segments = table_create(segment_columns, ARRAY_LEN(segment_columns));
    in->letters = table_create(letter_columns, ARRAY_LEN(letter_columns));
    ok = spool_inspect(path, &with, &why);
    diag_print(&why, stderr);
    for (size_t i = 0; ok && i < ARRAY_LEN(names); i++) {
        char *file = xasprintf("%s/%s", path, names[i]);

        each_line(file, 0, false, on_letter, in); /* the last may be being written */
        free(file);
    }
    if (ok) {
        fprintf(in->term.f, "%s\n", path);
        table_print(in->segments, &in->term, "No segments.");
        if (table_rows(in->letters)) {
            fprintf(in->term.f, "\nRefused by Redis:\n");
            table_print(in->letters, &in->term, "");
        }
    }
    table_destroy(in->segments);
    table_destroy(in->letters);
    diag_finish(&why);
    return ok ? CLI_OK : CLI_FAILED;
}

static const struct cli_option inspect_options[] = {
    {"records", 'r', NULL, "a line for each record"},
    {"color", 0, "auto|always|never", "colours"},
    {"help", 'h', NULL, "this"},
    {NULL, 0, NULL, NULL},
};

static int run_inspect(const struct command *self, int argc, char **argv)
{
    struct inspection in = {0};
    struct cli_args args;
    int status = args_parse(self, argc, argv, &args);

    if (status >= 0)
        return status;
    if (args.n_words != 1)
        return cli_usage_error(self, args.n_words ? "one directory at a time"
                                                  : "the spool's directory is missing");
    term_init(&in.term, stdout, args_get(&args, "color"));
    in.term.now_ms = clock_wall_ms();
    in.records = args_has(&args, "records");
    arena_init(&in.arena, 0);
    status = each_worker(args.words[0], inspect, &in);
    if (status == CLI_OK)
        fprintf(in.term.f,
                "%llu records in %llu segments, %llu bytes; %llu damaged places; "
                "%llu dead letters\n",
                (unsigned long long)in.n_records, (unsigned long long)in.n_segments,
                (unsigned long long)in.bytes, (unsigned long long)in.places,
                (unsigned long long)in.n_letters);
    arena_finish(&in.arena);
    return status;
}

const struct command cmd_spool_inspect = {
    .name = "spool inspect",
    .args = "[--records] DIRECTORY",
    .summary = "Show what stands in a spool: segments, damage, dead letters.",
    .help =
        "Only reads, and may be done while triaged runs. Records that Redis has acknowledged are\n"
        "kept for spool.retain; which ones those are, triaged alone knows. BYTES are those of\n"
        "records: a segment that is being written may be larger by up to 1 MiB of zeros.\n",
    .run = run_inspect,
    .options = inspect_options,
};

/* ---- retry ----------------------------------------------------------------------------------- */

struct retry {
    struct client c;
    char *path, *mark, *refused; /* the file in hand; how far it was given; what was not taken */
    char *given;                 /* what was taken */
    int64_t done;
    int status;
    uint64_t n_taken, n_refused;
};

static bool add_line(const char *path, struct str line)
{
    FILE *f = fopen(path, "ae");
    bool ok = f && fprintf(f, "%.*s\n", STR_ARG(line)) > 0;

    if (f && fclose(f) != 0)
        ok = false;
    if (!ok)
        cli_complain("%s: %s", path, strerror(errno));
    return ok;
}

/* Redis may not know yet that the record is not to be applied; without its letter, the next triaged
 * would not know either. */
static void note_given(struct retry *r, struct str line)
{
    struct jx_error why;
    jx *doc = jx_parse(line, &why);
    struct str stream = jx_str(jx_get(doc, "stream"));
    int64_t seq = 0;
    char *text;

    if (stream.n > 0 && jx_int(jx_get(doc, "seq"), &seq)) {
        text = xasprintf("{\"stream\":\"%.*s\",\"seq\":%lld,\"letter\":\"given\"}", STR_ARG(stream),
                         (long long)seq);
        if (!add_line(r->given, str_c(text)))
            r->status = CLI_FAILED;
        free(text);
    }
    jx_free(doc);
}

/* One line to the daemon; false when it stays where it is. */
static bool give(struct retry *r, struct str line)
{
    struct client *c = &r->c;
    char why[API_WHY];

    client_path(c, "dead-letters", NULL);
    buf_put_char(&c->path, '\0');
    if (!api_call(c->api, c->path.p, line, NULL, &c->answer, why)) {
        r->status = client_unreachable(c, why);
        return false;
    }
    if (c->answer.status == 200) {
        r->n_taken++;
        note_given(r, line);
        return true;
    }
    r->status = client_refusal(c, NULL);
    if (r->status != CLI_FAILED) /* not for the record's own sake */
        return false;
    r->n_refused++;
    return add_line(r->refused, line);
}

/* Notes how far we are, so that what was given is not given again if we are killed. */
static bool on_retry(void *arg, struct str line, int64_t end)
{
    struct retry *r = arg;
    bool ok = line.n == 0 || give(r, line);
    char text[32];
    int fd = ok ? open(r->mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

    if (!ok)
        return false;
    snprintf(text, sizeof(text), "%020lld\n", (long long)end);
    ok = fd >= 0 && pwrite(fd, text, 21, 0) == 21;
    if (!ok) {
        cli_complain("%s: %s", r->mark, strerror(errno));
        r->status = CLI_FAILED;
    }
    if (fd >= 0)
        close(fd);
    r->done = end;
    return ok;
}

static int64_t read_mark(const struct retry *r)
{
    FILE *f = fopen(r->mark, "re");
    char text[32] = "";
    int64_t at = 0;

    if (f && fgets(text, sizeof(text), f))
        str_to_i64(str_trim(str_c(text)), &at);
    if (f)
        fclose(f);
    return at > 0 ? at : 0;
}

/* What was noted is durable, and triaged can read it whoever runs this. */
static bool sync_given(const struct retry *r)
{
    int fd = open(r->given, O_RDONLY | O_CLOEXEC);
    bool ok = fd < 0 ? errno == ENOENT : fchmod(fd, 0644) == 0 && fsync(fd) == 0;

    if (!ok)
        cli_complain("%s: %s", r->given, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Gives the lines of the file in hand, which nobody adds to any more. False when some stay there.
 */
static bool give_lines(struct retry *r)
{
    struct stat st;

    r->done = read_mark(r);
    if (!each_line(r->path, r->done, true, on_retry, r)) {
        cli_complain("%s: %s", r->path, strerror(errno));
        r->status = CLI_FAILED;
        return false;
    }
    if (stat(r->path, &st) != 0 || st.st_size != r->done || !sync_given(r))
        return false;
    return unlink(r->path) == 0 && (unlink(r->mark) == 0 || errno == ENOENT);
}

/* False when some of the file in hand stays there. */
static bool retry_file(struct retry *r)
{
    int fd = open(r->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_EX) == 0; /* triaged does while it writes a letter */
    bool done = false;

    if (fd < 0 && errno == ENOENT) {
        unlink(r->mark); /* of a file that is done with: it says nothing about the next one */
        return true;
    }
    if (held) {
        done = give_lines(r);
    } else {
        cli_complain("%s: %s", r->path, strerror(errno));
        r->status = CLI_FAILED;
    }
    if (fd >= 0)
        close(fd);
    return done;
}

/* One retry at a time: two would give the same lines. -1 after complaining; to be closed. */
static int lock_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        cli_complain("another spool retry is at work in %s", directory);
    else
        cli_complain("%s: %s", directory, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What an earlier retry left in hand, then the older file, then the one that triaged writes to. */
static int retry(void *arg, const char *directory)
{
    static const char *const names[] = {NULL, DEAD_LETTERS ".1", DEAD_LETTERS};
    struct retry *r = arg;
    int lock = lock_directory(directory);
    bool all = true;

    if (lock < 0)
        return r->status = CLI_FAILED;
    r->path = xasprintf("%s/" RETRYING, directory);
    r->mark = xasprintf("%s.done", r->path);
    r->refused = xasprintf("%s/" REFUSED, directory);
    r->given = xasprintf("%s/" GIVEN, directory);
    for (size_t i = 0; all && i < ARRAY_LEN(names); i++) {
        char *from = names[i] ? xasprintf("%s/%s", directory, names[i]) : NULL;

        if (from && rename(from, r->path) != 0 && errno != ENOENT) {
            cli_complain("cannot rename %s: %s", from, strerror(errno));
            r->status = CLI_FAILED;
            all = false;
        }
        all = all && retry_file(r);
        free(from);
    }
    if (!all && r->status == CLI_OK) {
        cli_complain("some of %s could not be given; run this again", r->path);
        r->status = CLI_FAILED;
    }
    close(lock);
    free(r->path);
    free(r->mark);
    free(r->refused);
    free(r->given);
    return r->status;
}

static const struct cli_option retry_options[] = {{NULL, 0, NULL, NULL}};

static int run_retry(const struct command *self, int argc, char **argv)
{
    struct retry r = {.status = CLI_OK};
    int status = client_begin(&r.c, self, argc, argv);

    if (status < 0)
        status = client_words(&r.c, 1, 1, "the spool's directory");
    if (status < 0) {
        status = each_worker(r.c.args.words[0], retry, &r);
        fprintf(r.c.term.f, "%llu dead letter%s taken in", (unsigned long long)r.n_taken,
                r.n_taken == 1 ? "" : "s");
        if (r.n_refused)
            fprintf(r.c.term.f, ", %llu refused: see " REFUSED, (unsigned long long)r.n_refused);
        fputc('\n', r.c.term.f);
    }
    return client_end(&r.c, status);
}

const struct command cmd_spool_retry = {
    .name = "spool retry",
    .args = "DIRECTORY",
    .summary = "Give the daemon the records that Redis refused, once more.",
    .help =
        "For when the cause is mended (another version of triaged, a repaired Redis). The daemon\n"
        "appends each to its spool as a new record; what it refuses is kept in\n" REFUSED
        ". An admin's token is needed, and write access to DIRECTORY.\n",
    .run = run_retry,
    .options = retry_options,
    .is_client = true,
};
