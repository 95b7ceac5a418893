/*
 * matchers_check.h - matchers that a person sends: can they be compiled?
 */
#ifndef TRIAGED_DAEMON_MATCHERS_CHECK_H
#define TRIAGED_DAEMON_MATCHERS_CHECK_H

#include "form.h"
#include "triaged/base/arena.h"

/* A list of texts in Alertmanager's syntax, not empty. False with *why. */
bool matchers_check(const jx *list, const char *path, struct arena *a, struct form_error *why);

#endif
