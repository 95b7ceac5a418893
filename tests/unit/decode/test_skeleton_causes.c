/* Messages of many kinds of software by cause (tests/fixtures/skeleton_causes.txt): those of one
 * cause have one skeleton, those of different causes of a section have different ones; known limits
 * are marked there, and a mark that is no longer needed fails, too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/mem.h"
#include "triaged/decode/skeleton.h"

enum { LINES_MAX = 2048, SECTIONS_MIN = 12, PAIRS_MIN = 200 };

struct line {
    char *text;
    struct str skeleton;
    unsigned section, block; /* numbered through the file */
    bool marked;             /* its block is a known limit */
};

struct causes {
    struct line v[LINES_MAX];
    size_t n;
    unsigned sections, blocks;
};

static void add_line(struct causes *c, const char *text, bool marked)
{
    char out[SKELETON_MAX];
    size_t n = skeleton_of(str_c(text), out);

    assert_true(c->n < LINES_MAX);
    c->v[c->n++] = (struct line){
        .text = xstrdup(text),
        .skeleton = {xstrndup(out, n), n},
        .section = c->sections,
        .block = c->blocks,
        .marked = marked,
    };
}

static void read_causes(struct causes *c)
{
    FILE *f = fopen(FIXTURES "/skeleton_causes.txt", "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    bool in_block = false, marked = false;

    assert_non_null(f);
    while ((n = getline(&line, &size, f)) > 0) {
        line[n - 1] = '\0';
        if (strncmp(line, "# ", 2) == 0)
            continue;
        if (strncmp(line, "== ", 3) == 0 || *line == '\0') {
            c->sections += *line == '=';
            in_block = marked = false;
            continue;
        }
        if (!in_block) {
            c->blocks++;
            in_block = true;
            marked = strncmp(line, "! ", 2) == 0;
            if (marked)
                continue;
        }
        add_line(c, line, marked);
    }
    free(line);
    fclose(f);
}

/* Is the limit real: do lines of the block differ, or equal those of another cause? */
static bool misses(const struct causes *c, unsigned block)
{
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; c->v[i].block == block && k < c->n; k++) {
            bool same = str_eq(c->v[i].skeleton, c->v[k].skeleton);
            if (c->v[k].section == c->v[i].section && same != (c->v[k].block == block))
                return true;
        }
    }
    return false;
}

static void test_causes(void **state)
{
    (void)state;
    struct causes *c = xcalloc(1, sizeof(*c));
    size_t failed = 0, equal = 0, different = 0;

    read_causes(c);
    for (size_t i = 0; i < c->n; i++) {
        const struct line *a = &c->v[i];
        for (size_t k = 0; k < i && !a->marked; k++) {
            const struct line *b = &c->v[k];
            bool one_cause = a->block == b->block;
            if (b->section != a->section || b->marked)
                continue;
            *(one_cause ? &equal : &different) += 1;
            if (str_eq(a->skeleton, b->skeleton) != one_cause) {
                print_error("%s\n  %s\n  %s\n  %.*s\n  %.*s\n",
                            one_cause ? "one cause, two skeletons" : "two causes, one skeleton",
                            b->text, a->text, STR_ARG(b->skeleton), STR_ARG(a->skeleton));
                failed++;
            }
        }
        if (a->marked && (i == 0 || c->v[i - 1].block != a->block) && !misses(c, a->block)) {
            print_error("this is no limit any more: %s\n", a->text);
            failed++;
        }
    }
    print_message("%u causes in %u sections: %zu pairs equal, %zu different\n", c->blocks,
                  c->sections, equal, different);
    assert_int_equal(failed, 0);
    assert_true(c->sections >= SECTIONS_MIN && equal >= PAIRS_MIN && different >= PAIRS_MIN);
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].text);
        free((char *)(uintptr_t)c->v[i].skeleton.p);
    }
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_causes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
