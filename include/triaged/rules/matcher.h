/*
 * matcher.h - Alertmanager's matcher syntax: name, one of = != =~ !~, value.
 * Two forms: UTF-8 (names and values bare or in double quotes with Go's escapes) and classic
 * (label names of Prometheus, forgiving values). As in Alertmanager's fallback mode both are
 * tried: what only one understands is taken from it, and where they disagree classic wins.
 * Regexes are RE2-style and anchored: ^(?:re)$; they are not compiled here.
 */
#ifndef TRIAGED_RULES_MATCHER_H
#define TRIAGED_RULES_MATCHER_H

#include <stdbool.h>

#include "triaged/base/arena.h"
#include "triaged/base/str.h"

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

enum {
    MATCHER_BYTES_MAX = 16 * 1024, /* of one text, list or single */
    MATCHERS_MAX = 100,            /* in one list */
};

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
/* "=", "!=", "=~", "!~" */
const char *match_op_name(enum match_op op);

#endif
