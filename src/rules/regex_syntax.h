/*
 * regex_syntax.h - what RE2 accepts and what it does not; private to regex*.c.
 */
#ifndef TRIAGED_RULES_REGEX_SYNTAX_H
#define TRIAGED_RULES_REGEX_SYNTAX_H

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

enum { REGEX_REPEAT_MAX = 1000 };

/* False with *why, a sentence naming the construct and its offset, when the pattern uses what RE2
 * has not. What is wrong for both engines is left for the compiler to say. *out is the pattern,
 * rewritten where PCRE2 means something else by the same text. */
bool regex_syntax_check(struct str pattern, struct arena *a, struct str *out, struct str *why);

#endif
