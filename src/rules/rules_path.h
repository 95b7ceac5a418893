/*
 * rules_path.h - what a decision looked at, kept. Private to rules; see ruleset.h for its use.
 */
#ifndef TRIAGED_RULES_RULES_PATH_H
#define TRIAGED_RULES_RULES_PATH_H

#include "eval.h"

/* From the evaluation that has just ended. The caller owns the path. */
struct rules_path *rules_path_create(struct rules_scratch *s);

#endif
