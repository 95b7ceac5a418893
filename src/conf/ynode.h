/*
 * ynode.h - a YAML document as a tree whose nodes know their place.
 * Private to conf. Nodes and texts live in the arena that was given; everything is borrowed.
 */
#ifndef TRIAGED_CONF_YNODE_H
#define TRIAGED_CONF_YNODE_H

#include <stdbool.h>
#include <stddef.h>

#include "triaged/base/arena.h"
#include "triaged/base/diag.h"
#include "triaged/base/str.h"

enum {
    YNODE_DEPTH_MAX = 32,         /* our own schema is 5 deep */
    YNODE_NODES_MAX = 200 * 1000, /* 5000 rules of 25 nodes are 125,000 */
    YNODE_TEXT_MAX = 16 * 1024 * 1024,
};

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

struct ynode {
    enum ynode_kind kind;
    bool quoted;           /* scalar in quotes, as a block, or tagged !!str: surely a text */
    const char *file;      /* NULL: a built-in default */
    unsigned line, column; /* 1-based */
    struct str text;       /* scalar; NUL-terminated beyond n */
    struct ynode *parent, *next;
    struct ynode *first, *last; /* children of a list or map, in order */
    size_t n;                   /* children */
    struct str key;             /* member of a map (or the name of a root) */
    unsigned key_line, key_column;
    size_t index; /* member of a list: its number in its own file */
};

/*
 * Parses one document. NULL when *why has new errors: broken YAML, duplicate keys, anchors,
 * aliases, merge keys, tags, a second document, too deep, too many nodes, too long. An empty
 * document is an empty map. `file` must live as long as the arena.
 */
struct ynode *ynode_parse(struct arena *arena, const char *file, struct str text,
                          struct diag *why) MUSTUSE;

/* A scalar that says nothing: `key:`, `key: ~`, `key: null`. */
bool ynode_is_null(const struct ynode *n);
/* Member of a map, or NULL. Linear. */
struct ynode *ynode_get(const struct ynode *map, const char *key);
/* Hangs child below parent, as the last. */
void ynode_append(struct ynode *parent, struct ynode *child);
/* "rules[3].set.team", in the arena; "" for a root without a name. */
const char *ynode_path(struct arena *arena, const struct ynode *n);
/* "a mapping", "a list", "a text", "nothing" */
const char *ynode_what(const struct ynode *n);

/* Adds an error at the node (or at the key that introduces it). */
void ynode_error(struct diag *why, const struct ynode *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
void ynode_key_error(struct diag *why, const struct ynode *n, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
