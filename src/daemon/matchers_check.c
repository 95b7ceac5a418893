/*
 * matchers_check.c - compiles matchers and throws them away.
 * Owns nothing. Called by: routes_records.c, routes_reviews.c.
 */
#include "matchers_check.h"

#include <stdio.h>

#include "triaged/rules/filter.h"

bool matchers_check(const jx *list, const char *path, struct arena *a, struct form_error *why)
{
    if (jx_len(list) == 0) {
        snprintf(why->path, sizeof(why->path), "%s", path);
        snprintf(why->text, sizeof(why->text), "%s: must have at least one matcher", path);
        return false;
    }
    for (size_t i = 0; i < jx_len(list); i++) {
        struct matcher_text m;
        struct filter *f;
        struct str sentence;

        if (matcher_parse(jx_str(jx_at(list, i)), a, &m, &sentence) &&
            (f = filter_create(&m, 1, a, &sentence))) {
            filter_destroy(f);
            continue;
        }
        snprintf(why->path, sizeof(why->path), "%.100s[%zu]", path, i);
        snprintf(why->text, sizeof(why->text), "%.100s[%zu]: %.*s", path, i,
                 sentence.n < 200 ? (int)sentence.n : 200, sentence.p);
        return false;
    }
    return true;
}
