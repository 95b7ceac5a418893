/*
 * matcher.h - Alertmanager's matcher syntax: name, one of = != =~ !~, value.
 * Both the classic form and the UTF-8 one with quoted names (alertmanager docs, "Matchers";
 * matcher/parse and pkg/labels/parse.go): UTF-8 is tried first, then classic, as Alertmanager's
 * fallback mode does. Regexes are RE2-style and anchored: ^(?:re)$.
 */
#ifndef TRIAGED_RULES_MATCHER_H
#define TRIAGED_RULES_MATCHER_H

#include <stdbool.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

struct matcher_text { /* parsed, not compiled */
    struct str name;
    enum match_op op;
    struct str value; /* unescaped */
};

/* Parses one matcher. On failure false and *why a sentence in the arena. */
bool matcher_parse(struct str text, struct arena *a, struct matcher_text *out, struct str *why);
/* Parses "{a=b, c=~d}" or "a=b,c=~d" or one matcher into a list; n 0 for "{}". */
bool matcher_parse_list(struct str text, struct arena *a, struct matcher_text **out, size_t *n,
                        struct str *why);

#endif
