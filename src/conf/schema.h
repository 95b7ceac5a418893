/*
 * schema.h - what may stand in the configuration, as const tables, and the walk over a tree.
 * Private to conf. One row is one key: its type, where its value goes, its default, its help. The
 * same rows read files, apply defaults, merge includes, write the reference and find what only a
 * restart can change.
 */
#ifndef TRIAGED_CONF_SCHEMA_H
#define TRIAGED_CONF_SCHEMA_H

#include <stdint.h>
#include <stdio.h>

#include "triaged/conf/conf.h"
#include "ynode.h"

enum schema_kind {
    K_BOOL,     /* bool; the row's names, or true and false */
    K_UINT,     /* uint64_t within min..max */
    K_DURATION, /* int64_t milliseconds within min..max; -1 when absent without a default */
    K_SIZE,     /* uint64_t bytes within min..max */
    K_ENUM,     /* an enum of the row's names; `min` when absent without a default */
    K_TEXT,     /* struct str */
    K_PATH,     /* struct str: a file name; a relative one is taken from its file's directory */
    K_PLACED,   /* struct conf_text */
    K_NAMES,    /* struct str * and its count: texts that may not repeat */
    K_TEXTS,    /* struct conf_texts */
    K_PAIRS,    /* struct conf_pairs: a free mapping of texts */
    K_STRUCT,   /* the rows of `sub`, at offset */
    K_LIST,     /* array of `sub` and its count */
    K_MAP,      /* the same, from a mapping; the key becomes the name */
    K_CUSTOM,   /* the row's own reader */
    K_INCLUDE,  /* read before the walk */
};

enum schema_flags {
    REQUIRED = 1,  /* must be given where its section is */
    RESTART = 2,   /* a running daemon keeps the old value */
    SECRET = 4,    /* never shown, not even in an error */
    NONE_OK = 8,   /* duration: "none" is 0, whatever min says */
    NONEMPTY = 16, /* texts: at least one */
    LOCAL = 32,    /* belongs to one host: not part of what all daemons must agree on */
};

struct schema_name {
    const char *name;
    int value;
};

struct schema_walk;
/* Is the text good? Else false with a sentence about it in why. */
typedef bool schema_check_fn(struct str s, char *why, size_t size);
typedef void schema_read_fn(struct schema_walk *w, const struct ynode *n, void *field);

struct schema_row {
    const char *key;
    enum schema_kind kind;
    unsigned flags;
    size_t offset, count;            /* of the value, of the number of items */
    uint64_t min, max;               /* max 0 = no limit */
    const char *def;                 /* the default as YAML, or NULL */
    const char *help;                /* one line, a sentence without full stop */
    const char *what;                /* custom: the type in words; enum: the noun ("role") */
    const struct schema_name *names; /* ends with a NULL name */
    const struct schema *sub;
    schema_check_fn *check;
    schema_read_fn *read;
};

enum { SCHEMA_NONE = SIZE_MAX >> 1 };

struct schema {
    const char *noun; /* "rule" */
    size_t size;
    size_t place;                /* offset of its struct conf_place, or SCHEMA_NONE */
    size_t name;                 /* offset of the struct str that may not repeat, or SCHEMA_NONE */
    const char *name_key;        /* the key that holds it; NULL for maps */
    schema_check_fn *check_name; /* maps: what a key may be */
    const struct schema_row *rows;
    size_t n;
};

/* A field of the result and where it was written. */
struct schema_site {
    const void *field;
    const struct ynode *node;
};

struct schema_walk {
    struct arena *arena; /* the result's texts and arrays */
    struct arena *tree;  /* trees of defaults; lives as long as the walk */
    struct diag *why;
    struct schema_site *sites;
    size_t n_sites, cap_sites;
    unsigned in_default; /* > 0: what is read is a default */
};

/* ---- schema.c -------------------------------------------------------------------------------- */

/* Sets every field of obj (zeroed) to its default. */
void schema_defaults(struct schema_walk *w, const struct schema *s, void *obj);
/* Reads the mapping into obj, which holds the defaults. Errors go to w->why. */
void schema_read(struct schema_walk *w, const struct schema *s, const struct ynode *map, void *obj);
const struct schema_row *schema_row(const struct schema *s, struct str key); /* or NULL */
/* Says that the node is of another type than the row wants. */
void schema_type_error(struct diag *why, const struct schema_row *row, const struct ynode *n);
/* Sorts the sites; schema_site needs it once after the walk. */
void schema_sites_ready(struct schema_walk *w);
/* The node that a field came from, or NULL when it is a default. */
const struct ynode *schema_site(const struct schema_walk *w, const void *field);
void schema_walk_finish(struct schema_walk *w);
struct conf_place schema_place(struct schema_walk *w, const struct ynode *n, bool at_key);

/* ---- schema_scalar.c ------------------------------------------------------------------------- */

/* Reads one scalar into its field. False with an error. */
bool schema_read_scalar(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                        void *field);
/* A plain text with the row's check (items of lists and pairs). */
bool schema_read_text(struct schema_walk *w, const struct schema_row *row, const struct ynode *n,
                      struct str *out);
/* ` (did you mean "x"?)`, or "" */
const char *schema_hint(struct arena *a, struct str word, const char *const *known, size_t n);
/* "1h30m" and "64MiB" */
const char *schema_duration_text(struct arena *a, int64_t ms);
const char *schema_size_text(struct arena *a, uint64_t bytes);
/* "high, medium or low" */
const char *schema_names_text(struct arena *a, const struct schema_name *names);

/* ---- schema_print.c -------------------------------------------------------------------------- */

void schema_print(const struct schema *s, FILE *f);
/* One warning for each RESTART field that differs between a and b. */
void schema_keep_restart(const struct schema *s, const void *running, void *loaded,
                         struct arena *texts, struct diag *why);

#endif
