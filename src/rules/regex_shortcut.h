/*
 * regex_shortcut.h - patterns that need no regex engine: alternations of literals, and literals
 * with `.*` and `.+` between them; private to regex*.c.
 */
#ifndef TRIAGED_RULES_REGEX_SHORTCUT_H
#define TRIAGED_RULES_REGEX_SHORTCUT_H

#include "triaged/base/arena.h"
#include "triaged/base/map.h"
#include "triaged/base/str.h"

enum { SHORTCUT_FORMS_MAX = 256, SHORTCUT_GLOBS_MAX = 24, SHORTCUT_LINEAR = 6 };

struct glob_part {
    bool gap;     /* .* or .+, else a literal */
    unsigned min; /* of a gap: 0 or 1 characters */
    struct str lit;
};

struct glob {
    struct glob_part *v;
    size_t n, cap;
};

struct shortcut {
    bool dot_newline;  /* (?s) */
    bool is_set;       /* words only */
    bool searches;     /* a glob with an inner literal */
    struct str *words; /* is_set */
    size_t n_words;
    struct map by_word; /* is_set and more than SHORTCUT_LINEAR */
    struct glob *globs;
    size_t n_globs;
};

enum shortcut_answer { SHORTCUT_NO, SHORTCUT_YES, SHORTCUT_UNKNOWN };

/* Fills *out (memory in the arena, but by_word) and returns true when the pattern, which has been
 * found valid, is of this kind. */
bool shortcut_compile(struct str pattern, struct arena *a, struct shortcut *out);
void shortcut_finish(struct shortcut *s);
/* Whole text; unknown when it turns on a newline that a gap would have to cross. */
enum shortcut_answer shortcut_match(const struct shortcut *s, struct str text);

#endif
