/*
 * matcher_forms.h - the two written forms of matchers; private to matcher*.c.
 * Each reader fills *out, or returns false with *why a sentence in the arena.
 */
#ifndef TRIAGED_RULES_MATCHER_FORMS_H
#define TRIAGED_RULES_MATCHER_FORMS_H

#include "triaged/rules/matcher.h"

struct matcher_list {
    struct matcher_text *v;
    size_t n, cap;
};

void matcher_list_add(struct matcher_list *l, struct arena *a, struct matcher_text m);

bool matcher_utf8_list(struct str text, struct arena *a, struct matcher_list *out, struct str *why);
bool matcher_classic_one(struct str text, struct arena *a, struct matcher_list *out,
                         struct str *why);
bool matcher_classic_list(struct str text, struct arena *a, struct matcher_list *out,
                          struct str *why);

#endif
