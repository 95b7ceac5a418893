/*
 * regex_syntax.h - what RE2 accepts and what it does not; private to regex*.c.
 */
#ifndef TRIAGED_RULES_REGEX_SYNTAX_H
#define TRIAGED_RULES_REGEX_SYNTAX_H

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

enum { REGEX_REPEAT_MAX = 1000, REGEX_REPEAT_HEAVY = 64 };

struct regex_syntax {
    struct str pattern; /* rewritten where PCRE2 means something else by the same text */
    bool heavy;         /* repeat counts that make large automata */
};

/* False with *why, a sentence naming the construct and its offset, when the pattern uses what RE2
 * has not. What is wrong for both engines is left for the compiler to say. */
bool regex_syntax_check(struct str pattern, struct arena *a, struct regex_syntax *out,
                        struct str *why);

#endif
