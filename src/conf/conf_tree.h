/*
 * conf_tree.h - the main file and all that it includes, as one tree. Private to conf.
 */
#ifndef TRIAGED_CONF_TREE_H
#define TRIAGED_CONF_TREE_H

#include "conf_tables.h"

enum {
    INCLUDE_DEPTH_MAX = 8,
    INCLUDE_FILES_MAX = 1000,
    INCLUDE_BYTES_MAX = 64 * 1024 * 1024, /* of all files together */
};

/* Reads `file` with its includes. Nodes in `tree`, file names in `names`. NULL with errors. */
struct ynode *conf_tree_read(struct arena *tree, struct arena *names, const char *file,
                             struct diag *why) MUSTUSE;
/* The same for a text; includes are not read. */
struct ynode *conf_tree_parse(struct arena *tree, struct arena *names, const char *name,
                              struct str text, struct diag *why) MUSTUSE;
/* Hashes what the tree says. with_local: also the sections that belong to one host. */
void conf_tree_hash(const struct ynode *root, bool with_local, char out[17]);

#endif
