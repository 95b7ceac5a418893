/*
 * regex.c - the only file that knows PCRE2 and Vectorscan.
 * Owns: compiled patterns, sets of them, a thread's workspace, the limits that keep matching short.
 * Never: decides what a pattern is for; takes what RE2 refuses (regex_syntax.c).
 *
 * PCRE2 is the judge and the only one who knows captures. Patterns of literals never reach it
 * (regex_shortcut.c). A set is a scan by Vectorscan for the literals without which its patterns
 * cannot match (regex_needs.c); what it leaves over is tried. Compiling whole patterns with
 * Vectorscan was tried: hundreds of rules with long alternations took ten seconds to load.
 */
#include "triaged/rules/regex.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <hs/hs.h>

#include "regex_needs.h"
#include "regex_shortcut.h"
#include "regex_syntax.h"
#include "triaged/base/map.h"
#include "triaged/base/mem.h"

enum {
    JIT_STACK_MAX = 256 * 1024,
    NESTED_GROUPS_MAX = 100,
    /* Steps of the engine that a match may take: enough for a pattern that looks at every place of
     * the text once (4 * bytes + STEPS_MIN), and for short texts as many as cost some 2 ms. */
    STEP_BYTES = 200 * 1000 * 1000,
    STEPS_MAX = 500 * 1000,
    STEPS_MIN = 10 * 1000,
};

struct regex_group {
    struct str name;
    uint32_t number;
};

struct regex {
    struct arena arena;
    struct str pattern; /* NUL-terminated, as PCRE2 takes it */
    bool has_shortcut;
    struct shortcut shortcut;
    pcre2_code *code;
    struct regex_group *groups;
    size_t n_groups;
};

struct regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    hs_scratch_t *hs;
};

struct regex_set {
    hs_database_t *db;
    size_t n, n_words;
    uint64_t *patterns; /* by literal: bits of those that may match, then of those that do */
    uint64_t always[(REGEX_SET_MAX + 63) / 64]; /* those of which no literal is known */
    bool folds;
};

static _Atomic uint64_t limit_hits;

uint64_t regex_limit_hits(void)
{
    return atomic_load_explicit(&limit_hits, memory_order_relaxed);
}

/* ---- compiling ------------------------------------------------------------------------------ */

static pcre2_code *compile(struct str pattern, struct arena *why_arena, struct str *why)
{
    pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
    if (!cc) {
        *why = S("out of memory");
        return NULL;
    }
    pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(cc, NESTED_GROUPS_MAX);
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
                      PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
                          PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE,
                      &error, &offset, cc);
    pcre2_compile_context_free(cc);
    if (!code) {
        char text[160] = "cannot be compiled";
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof(text));
        *why = arena_printf(why_arena, "%s at offset %zu", text, (size_t)offset);
    }
    return code;
}

/* Reads the table of named groups: entries of a two-byte number and a NUL-terminated name. */
static bool read_groups(struct regex *re, struct arena *why_arena, struct str *why)
{
    uint32_t n = 0, entry = 0;
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &n);
    if (n > REGEX_GROUPS_MAX) {
        *why = arena_printf(why_arena, "more than %d named groups", REGEX_GROUPS_MAX);
        return false;
    }
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &table);
    re->groups = ARENA_ARRAY(&re->arena, struct regex_group, n + 1);
    re->n_groups = n;
    for (uint32_t i = 0; i < n; i++, table += entry) {
        re->groups[i].number = (uint32_t)table[0] << 8 | table[1];
        re->groups[i].name = arena_str(&re->arena, str_c((const char *)table + 2));
    }
    return true;
}

struct regex *regex_create(struct str pattern, struct arena *why_arena, struct str *why)
{
    if (pattern.n > REGEX_PATTERN_MAX) {
        *why = arena_printf(why_arena, "longer than %d bytes", REGEX_PATTERN_MAX);
        return NULL;
    }
    if (!str_is_utf8(pattern)) {
        *why = S("not valid UTF-8");
        return NULL;
    }
    struct str checked;
    if (!regex_syntax_check(pattern, why_arena, &checked, why))
        return NULL;
    struct regex *re = NEW(struct regex);
    arena_init(&re->arena, 512);
    re->pattern = arena_str(&re->arena, checked);
    re->code = compile(re->pattern, why_arena, why);
    if (!re->code || !read_groups(re, why_arena, why)) {
        regex_destroy(re);
        return NULL;
    }
    re->has_shortcut = shortcut_compile(re->pattern, &re->arena, &re->shortcut);
    if (!re->has_shortcut || re->n_groups)
        pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* without it: slower, the same */
    return re;
}

void regex_destroy(struct regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    shortcut_finish(&re->shortcut);
    arena_finish(&re->arena);
    free(re);
}

size_t regex_n_groups(const struct regex *re)
{
    return re->n_groups;
}

struct str regex_group(const struct regex *re, size_t i)
{
    return re->groups[i].name;
}

enum regex_cost regex_cost(const struct regex *re)
{
    if (!re->has_shortcut)
        return REGEX_ENGINE;
    return re->shortcut.searches ? REGEX_SEARCH : REGEX_TRIVIAL;
}

bool regex_literals(const struct regex *re, const struct str **words, size_t *n)
{
    if (!re->has_shortcut || !re->shortcut.is_set)
        return false;
    *words = re->shortcut.words;
    *n = re->shortcut.n_words;
    return true;
}

/* ---- matching one --------------------------------------------------------------------------- */

struct regex_scratch *regex_scratch_create(void)
{
    struct regex_scratch *s = NEW(struct regex_scratch);
    s->data = pcre2_match_data_create(REGEX_GROUPS_MAX + 1, NULL);
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    if (!s->data || !s->context) { /* small fixed allocations, as in mem.h */
        fputs("out of memory\n", stderr);
        abort();
    }
    if (s->stack)
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
    pcre2_set_depth_limit(s->context, STEPS_MAX);
    return s;
}

void regex_scratch_destroy(struct regex_scratch *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    hs_free_scratch(s->hs);
    free(s);
}

static uint32_t steps_for(size_t text_bytes)
{
    size_t linear = 4 * text_bytes + STEPS_MIN, budget = STEP_BYTES / (text_bytes + 64);
    size_t steps = linear > budget ? linear : budget;
    return (uint32_t)(steps < STEPS_MAX ? steps : STEPS_MAX);
}

/* The engine on valid UTF-8. */
static bool run(const struct regex *re, struct regex_scratch *s, struct str text)
{
    static const char empty[1] = "";
    PCRE2_SPTR p = (PCRE2_SPTR)(text.p ? text.p : empty);
    pcre2_set_match_limit(s->context, steps_for(text.n));
    int rc = pcre2_match(re->code, p, text.n, 0, PCRE2_NO_UTF_CHECK, s->data, s->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(re->code, p, text.n, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, s->data,
                         s->context);
    if (rc >= 0)
        return true;
    if (rc != PCRE2_ERROR_NOMATCH)
        atomic_fetch_add_explicit(&limit_hits, 1, memory_order_relaxed);
    return false;
}

static void take_captures(const struct regex *re, struct regex_scratch *s, struct str text,
                          struct labels *captures, struct arena *a)
{
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);
    for (size_t i = 0; i < re->n_groups; i++) {
        PCRE2_SIZE from = v[2 * re->groups[i].number], to = v[2 * re->groups[i].number + 1];
        if (from != PCRE2_UNSET && to >= from)
            labels_add(captures, a, re->groups[i].name, str_sub(text, from, to));
    }
}

/* A copy of text with U+FFFD for every byte that belongs to no character. */
static struct str mend_utf8(struct str text, struct arena *a)
{
    char *p = arena_alloc(a, 3 * text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t len = str_utf8_seq(text, i);
        memcpy(p + n, len ? text.p + i : "\xEF\xBF\xBD", len ? len : 3);
        n += len ? len : 3;
        i += len ? len : 1;
    }
    return (struct str){p, n};
}

static bool match_broken(const struct regex *re, struct regex_scratch *s, struct str text,
                         struct labels *captures, struct arena *a)
{
    struct arena own;
    arena_init(&own, 0);
    struct str mended = mend_utf8(text, captures ? a : &own);
    bool yes = run(re, s, mended);
    if (yes && captures)
        take_captures(re, s, mended, captures, a);
    arena_finish(&own);
    return yes;
}

bool regex_match(const struct regex *re, struct regex_scratch *s, struct str text,
                 struct labels *captures, struct arena *a)
{
    if (re->n_groups == 0)
        captures = NULL;
    if (re->has_shortcut) {
        enum shortcut_answer answer = shortcut_match(&re->shortcut, text);
        if (answer == SHORTCUT_NO || (answer == SHORTCUT_YES && !captures))
            return answer == SHORTCUT_YES;
    }
    if (!str_is_utf8(text))
        return match_broken(re, s, text, captures, a);
    if (!run(re, s, text))
        return false;
    if (captures)
        take_captures(re, s, text, captures, a);
    return true;
}

/* ---- sets ----------------------------------------------------------------------------------- */

struct literals { /* of all patterns of a set, each once, while it is made */
    const char **text;
    size_t *len;
    unsigned *flags, *ids;
    unsigned n;
};

static unsigned literal_id(struct literals *l, struct map *known, const struct need *need,
                           struct arena *a)
{
    struct str key = arena_printf(a, "%c%.*s", need->any_case ? 'i' : 'c', STR_ARG(need->word));
    uintptr_t id = (uintptr_t)map_get(known, key);
    if (id)
        return (unsigned)(id - 1);
    l->text[l->n] = need->word.p;
    l->len[l->n] = need->word.n;
    l->flags[l->n] = HS_FLAG_SINGLEMATCH | (need->any_case ? HS_FLAG_CASELESS : 0);
    l->ids[l->n] = l->n;
    map_put(known, key, (void *)(uintptr_t)(l->n + 1));
    return l->n++;
}

static void collect_literals(struct regex_set *set, const struct needs *needs, struct literals *l,
                             struct arena *a)
{
    struct map known = {0};
    for (size_t i = 0; i < set->n; i++) {
        uint64_t bit = 1ull << (i % 64);
        for (size_t k = 0; k < needs[i].n; k++) {
            unsigned id = literal_id(l, &known, &needs[i].v[k], a);
            uint64_t *words = set->patterns + 2 * id * set->n_words;
            words[i / 64] |= bit;
            if (needs[i].v[k].enough)
                words[set->n_words + i / 64] |= bit;
        }
        if (needs[i].n == 0)
            set->always[i / 64] |= bit;
        set->folds |= needs[i].folds;
    }
    map_finish(&known);
}

static hs_database_t *compile_literals(const struct literals *l)
{
    hs_database_t *db = NULL;
    hs_compile_error_t *error = NULL;
    if (l->n == 0 || hs_compile_lit_multi(l->text, l->flags, l->ids, l->len, l->n, HS_MODE_BLOCK,
                                          NULL, &db, &error) != HS_SUCCESS) {
        hs_free_compile_error(error);
        return NULL;
    }
    return db;
}

struct regex_set *regex_set_create(const struct regex *const *patterns, size_t n)
{
    struct arena a;
    size_t max = 0;
    if (n == 0 || n > REGEX_SET_MAX || hs_valid_platform() != HS_SUCCESS)
        return NULL;
    arena_init(&a, 0);
    struct needs *needs = ARENA_ARRAY(&a, struct needs, n);
    for (size_t i = 0; i < n; i++) {
        if (!regex_needs(patterns[i]->pattern, &a, &needs[i]))
            needs[i].n = 0;
        max += needs[i].n;
    }
    struct regex_set *set = NEW(struct regex_set);
    set->n = n;
    set->n_words = (n + 63) / 64;
    set->patterns = NEW_ARRAY(uint64_t, 2 * max * set->n_words + 1);
    struct literals l = {.text = ARENA_ARRAY(&a, const char *, max + 1),
                         .len = ARENA_ARRAY(&a, size_t, max + 1),
                         .flags = ARENA_ARRAY(&a, unsigned, max + 1),
                         .ids = ARENA_ARRAY(&a, unsigned, max + 1)};
    collect_literals(set, needs, &l, &a);
    set->db = compile_literals(&l);
    arena_finish(&a);
    if (!set->db) {
        regex_set_destroy(set);
        return NULL;
    }
    return set;
}

void regex_set_destroy(struct regex_set *set)
{
    if (!set)
        return;
    hs_free_database(set->db);
    free(set->patterns);
    free(set);
}

bool regex_scratch_fit(struct regex_scratch *s, const struct regex_set *set)
{
    return hs_alloc_scratch(set->db, &s->hs) == HS_SUCCESS;
}

struct hits { /* what on_hit fills */
    const struct regex_set *set;
    uint64_t *may, *must;
};

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                  void *context)
{
    struct hits *h = context;
    size_t n = h->set->n_words;
    const uint64_t *words = h->set->patterns + 2 * id * n;
    (void)from;
    (void)to;
    (void)flags;
    for (size_t w = 0; w < n; w++) {
        h->may[w] |= words[w];
        h->must[w] |= words[n + w];
    }
    return 0;
}

/* The two characters beyond ASCII that (?i) takes for an ASCII letter: long s and the Kelvin sign.
 */
static bool has_foreign_cases(struct str text)
{
    return (memchr(text.p, 0xC5, text.n) && str_find(text, S("\xC5\xBF")) < text.n) ||
           (memchr(text.p, 0xE2, text.n) && str_find(text, S("\xE2\x84\xAA")) < text.n);
}

bool regex_set_scan(const struct regex_set *set, struct regex_scratch *s, struct str text,
                    uint64_t *may, uint64_t *must)
{
    struct hits hits = {set, may, must};
    memcpy(may, set->always, set->n_words * sizeof(*may));
    memset(must, 0, set->n_words * sizeof(*must));
    if (text.n == 0)
        return true;
    if (text.n > UINT32_MAX || (set->folds && has_foreign_cases(text)))
        return false;
    if (hs_scan(set->db, text.p, (unsigned)text.n, 0, s->hs, on_hit, &hits) != HS_SUCCESS)
        return false;
    if (memchr(text.p, '\n', text.n)) /* which `.` does not match */
        memset(must, 0, set->n_words * sizeof(*must));
    return true;
}
