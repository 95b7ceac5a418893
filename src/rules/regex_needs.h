/*
 * regex_needs.h - literals without which a pattern cannot match; private to regex*.c.
 */
#ifndef TRIAGED_RULES_REGEX_NEEDS_H
#define TRIAGED_RULES_REGEX_NEEDS_H

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

enum { NEEDS_MAX = 640, NEEDS_SHORTEST = 2 };

struct need {
    struct str word;
    bool any_case; /* of ASCII letters */
    bool enough;   /* a text without newline that contains it matches */
};

struct needs {
    struct need *v; /* any text that matches contains one of these */
    size_t n;
    bool folds; /* found under (?i): K and S have further forms in Unicode */
};

/* False when nothing useful is known. The pattern is one that compiled. */
bool regex_needs(struct str pattern, struct arena *a, struct needs *out);

#endif
