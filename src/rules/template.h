/*
 * template.h - texts of the verdict. Private to rules.
 */
#ifndef TRIAGED_RULES_TEMPLATE_H
#define TRIAGED_RULES_TEMPLATE_H

#include "eval.h"

enum {
    TITLE_MAX = 200, /* bytes */
    SUMMARY_MAX = 4096,
    URL_MAX = 2048,
};

/* Every placeholder is a capture of that name, else the alert's field, else nothing. */
struct str template_render(const struct template *t, struct rules_scratch *s,
                           const struct labels *captures, size_t max, struct arena *a);
/* A template that is a URL: what is put in is percent-encoded, except at the very start, where the
 * value itself must be an http or https URL (else the result is empty). */
struct str template_render_url(const struct template *t, struct rules_scratch *s,
                               const struct labels *captures, struct arena *a);
/* Exactly {{message}}. */
bool template_is_message(const struct template *t, const struct ruleset *rs);

/* At most max bytes, cut between characters. */
struct str text_cut(struct str s, size_t max);
/* One line: control characters become blanks; cut. */
struct str text_line(struct str s, size_t max, struct arena *a);
bool text_is_url(struct str s);

#endif
