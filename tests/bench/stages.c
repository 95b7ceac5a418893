/*
 * stages.c - what a log message costs in each stage, alone: framing, parsing, skeleton, rules.
 *   stages STAGE ROUNDS CONFIG < lines     takes the lines so often through that stage
 * Everything that the stage needs is made before; what it makes is not looked at. Prints the lines
 * and the nanoseconds of a message in the best round. bench_stages.py runs it under callgrind, too.
 *
 *   frame     the lines as one TCP connection's bytes, cut from it as messages
 *   parse     a message's parts
 *   skeleton  of its text
 *   alert     the parts as labels, and their identity: what a first look at a cause costs
 *   decide    all rules tried
 *   recheck   the finer matchers of the kept verdict: what a repeat costs
 */
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/decode/skeleton.h"
#include "triaged/decode/syslog.h"
#include "triaged/net/syslog_frame.h"
#include "triaged/rules/ruleset.h"

enum { NOW_S = 1732472070 }; /* 2024-11-24T18:14:30Z; the lines are of that day */

struct line {
    struct str raw, skeleton;
    struct syslog_msg m;
    struct alert alert;
    struct rules_path *path;
};

struct bench {
    struct line *lines;
    size_t n;
    struct buf stream;
    struct arena keep, arena; /* what lines borrow; what a stage makes */
    struct syslog_times times;
    struct syslog_options options;
    const struct ruleset *rules;
    struct rules_scratch *scratch;
    size_t seen; /* keeps results from being optimised away */
};

static void on_frame(void *arg, struct str frame, unsigned flags)
{
    struct bench *b = arg;

    b->seen += frame.n + flags;
}

static void frame(struct bench *b)
{
    enum { READ = 65536 };
    struct syslog_framer framer;

    syslog_framer_init(&framer, 0);
    for (size_t at = 0; at < b->stream.n; at += READ)
        (void)syslog_framer_feed(&framer, str_sub(buf_str(&b->stream), at, at + READ), on_frame, b);
    syslog_framer_finish(&framer);
}

static void parse(struct bench *b)
{
    struct syslog_msg m;

    for (size_t i = 0; i < b->n; i++) {
        arena_reset(&b->arena);
        syslog_parse(b->lines[i].raw, &b->options, &b->arena, &m);
        b->seen += m.msg.n;
    }
}

static void skeleton(struct bench *b)
{
    char text[SKELETON_MAX];

    for (size_t i = 0; i < b->n; i++)
        b->seen += skeleton_of(b->lines[i].m.msg, text);
}

static void alert(struct bench *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct alert a = {.repeat = 1};
        arena_reset(&b->arena);
        syslog_to_alert(&b->lines[i].m, b->lines[i].skeleton, S("192.0.2.1"), 0, &b->arena, &a);
        b->seen += a.labels.n;
    }
}

static void decide(struct bench *b)
{
    struct verdict v;

    for (size_t i = 0; i < b->n; i++) {
        arena_reset(&b->arena);
        rules_decide(b->rules, b->scratch, &b->lines[i].alert, b->options.now_ms, &b->arena, &v,
                     NULL, NULL);
        b->seen += v.drop;
    }
}

static void recheck(struct bench *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->seen += rules_recheck(b->lines[i].path, b->scratch, &b->lines[i].alert);
}

/* ---- preparation ---------------------------------------------------------------------------- */

static void prepare_line(struct bench *b, struct line *l)
{
    char text[SKELETON_MAX];
    struct verdict v;

    syslog_parse(l->raw, &b->options, &b->keep, &l->m);
    l->skeleton = arena_str(&b->keep, (struct str){text, skeleton_of(l->m.msg, text)});
    syslog_to_alert(&l->m, l->skeleton, S("192.0.2.1"), 0, &b->keep, &l->alert);
    if (b->rules)
        rules_decide(b->rules, b->scratch, &l->alert, b->options.now_ms, &b->arena, &v, NULL,
                     &l->path);
}

static void read_lines(struct bench *b)
{
    char *line = NULL;
    size_t size = 0, cap = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        struct str raw = {line, (size_t)n};
        buf_put_str(&b->stream, raw);
        if (b->n == cap)
            b->lines = xrealloc_array(b->lines, cap = cap ? 2 * cap : 1024, sizeof(*b->lines));
        raw.n -= line[n - 1] == '\n';
        b->lines[b->n++] = (struct line){.raw = arena_str(&b->keep, raw), .alert = {.repeat = 1}};
    }
    free(line);
    for (size_t i = 0; i < b->n; i++)
        prepare_line(b, &b->lines[i]);
}

static const struct {
    const char *name;
    void (*run)(struct bench *);
} stages[] = {{"frame", frame}, {"parse", parse},   {"skeleton", skeleton},
              {"alert", alert}, {"decide", decide}, {"recheck", recheck}};

static bool run(struct bench *b, const char *stage, unsigned rounds)
{
    int64_t best = INT64_MAX;
    void (*fn)(struct bench *) = NULL;

    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        if (strcmp(stage, stages[i].name) == 0)
            fn = stages[i].run;
    }
    if (!fn || b->n == 0)
        return false;
    while (rounds-- > 0) {
        int64_t start = clock_mono_ns();
        fn(b);
        int64_t took = clock_mono_ns() - start;
        best = took < best ? took : best;
    }
    printf("%zu %.1f\n", b->n, (double)best / (double)b->n);
    return true;
}

/* Only where the stage needs them: compiling them takes longer than all the rest. */
static bool load_rules(struct bench *b, const char *stage, const char *file)
{
    struct diag why;

    if (strcmp(stage, "decide") != 0 && strcmp(stage, "recheck") != 0)
        return true;
    diag_init(&why);
    struct conf *conf = conf_load(file, &why);
    b->rules = conf ? ruleset_create(conf, &why) : NULL;
    if (!b->rules)
        fprintf(stderr, "stages: %s: %s\n", file, why.n > 0 ? why.items[0].text : "unknown");
    conf_unref(conf);
    diag_finish(&why);
    return b->rules;
}

int main(int argc, char **argv)
{
    struct bench b = {.options = {.now_ms = NOW_S * INT64_C(1000), .is_datagram = false}};

    if (argc != 4) {
        fputs("usage: stages STAGE ROUNDS CONFIG < lines\n", stderr);
        return 2;
    }
    if (!load_rules(&b, argv[1], argv[3]))
        return 1;
    b.options.times = &b.times;
    b.scratch = rules_scratch_create();
    arena_init(&b.keep, 0);
    arena_init(&b.arena, 0);
    buf_init(&b.stream, 1 << 30);
    read_lines(&b);
    bool ok = run(&b, argv[1], (unsigned)atoi(argv[2]));
    if (!ok)
        fprintf(stderr, "stages: no stage %s, or no lines\n", argv[1]);
    for (size_t i = 0; i < b.n; i++)
        rules_path_destroy(b.lines[i].path);
    free(b.lines);
    buf_finish(&b.stream);
    arena_finish(&b.arena);
    arena_finish(&b.keep);
    rules_scratch_destroy(b.scratch);
    ruleset_unref(b.rules);
    return ok ? 0 : 1;
}
