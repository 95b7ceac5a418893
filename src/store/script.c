/*
 * script.c - the embedded Lua scripts by their enum. Knows nothing of what they do.
 */
#include "script.h"

#include "store_internal.h"

struct str store_script_source(enum store_script script)
{
    return (struct str){script_texts[script].text, script_texts[script].n};
}

const char *store_script_sha1(enum store_script script)
{
    return script_texts[script].sha1;
}

const char *store_script_name(enum store_script script)
{
    return script < SCRIPT_N ? script_texts[script].name : "command";
}
