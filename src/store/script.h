/*
 * script.h - the table that lua/embed.py makes of src/store/lua. Private to store.
 */
#ifndef TRIAGED_STORE_SCRIPT_H
#define TRIAGED_STORE_SCRIPT_H

#include <stddef.h>

#include "triaged/store/store.h"

struct script_text {
    const char *name;
    const char *sha1; /* as EVALSHA names it */
    size_t n;
    const char *text;
};
extern const struct script_text script_texts[SCRIPT_N]; /* by enum store_script */

#endif
