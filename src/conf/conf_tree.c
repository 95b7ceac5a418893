/*
 * conf_tree.c - files and includes to one merged tree, and the hash of what it says.
 * Owns: reading files, the order of includes, what merging two files means. Never: reads a value.
 *
 * Merging follows the schema: sections merge key by key, lists of sections (rules, listeners)
 * append in the order of the files, maps of named things (teams, services) must not name one twice,
 * and so must no single value (group_by's labels are one) be given twice: a person who changes one
 * of two would not see why nothing happens.
 */
#include "conf_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "triaged/base/buf.h"
#include "triaged/base/hash.h"
#include "triaged/base/map.h"

struct reader {
    struct arena *tree, *names;
    struct diag *why;
    struct map files; /* "device:inode" -> name */
    size_t bytes;
};

/* ---- merge ----------------------------------------------------------------------------------- */

static void merge_map(const struct schema *s, bool is_names, struct ynode *into, struct ynode *from,
                      struct diag *why);

static bool is_list_kind(enum schema_kind k)
{
    return k == K_LIST || k == K_NAMES || k == K_INCLUDE;
}

/* `key:` without a value in one file and a value in the other: the value counts. */
static void take_over(struct ynode *into, const struct ynode *from)
{
    struct ynode *parent = into->parent, *next = into->next;
    *into = *from;
    into->parent = parent;
    into->next = next;
    for (struct ynode *c = into->first; c; c = c->next)
        c->parent = into;
}

/* A key that both files have. */
static void merge_member(const struct schema_row *row, struct ynode *into, struct ynode *from,
                         struct diag *why)
{
    if (!row || ynode_is_null(from)) /* unknown: the walk says so once, at the first */
        return;
    if (ynode_is_null(into)) {
        take_over(into, from);
    } else if (is_list_kind(row->kind) && into->kind == YNODE_LIST && from->kind == YNODE_LIST) {
        for (struct ynode *c = from->first, *next; c; c = next) {
            next = c->next;
            ynode_append(into, c);
        }
    } else if (row->kind == K_STRUCT && into->kind == YNODE_MAP && from->kind == YNODE_MAP) {
        merge_map(row->sub, false, into, from, why);
    } else if ((row->kind == K_MAP || row->kind == K_PAIRS) && into->kind == YNODE_MAP &&
               from->kind == YNODE_MAP) {
        merge_map(row->sub, true, into, from, why);
    } else if (is_list_kind(row->kind) || row->kind == K_STRUCT || row->kind == K_MAP) {
        schema_type_error(why, row, into->kind == YNODE_SCALAR ? into : from);
    } else {
        ynode_key_error(why, from, "is already set at %s:%u:%u", into->file, into->key_line,
                        into->key_column);
    }
}

/* is_names: the keys are names that people chose, each may stand once. */
static void merge_map(const struct schema *s, bool is_names, struct ynode *into, struct ynode *from,
                      struct diag *why)
{
    struct map known = {0};
    for (struct ynode *c = into->first; c; c = c->next)
        map_put(&known, c->key, c);
    for (struct ynode *c = from->first, *next; c; c = next) {
        next = c->next;
        struct ynode *other = map_get(&known, c->key);
        if (!other)
            ynode_append(into, c);
        else if (is_names)
            ynode_key_error(why, c, "%s \"%.*s\" already stands at %s:%u:%u", s ? s->noun : "name",
                            STR_ARG(c->key), other->file, other->key_line, other->key_column);
        else
            merge_member(schema_row(s, c->key), other, c, why);
    }
    map_finish(&known);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The place of an include line, or of nothing for the main file. */
static void file_error(struct reader *r, const struct ynode *at, const char *file,
                       const char *reason)
{
    if (at)
        ynode_error(r->why, at, "cannot read %s: %s", file, reason);
    else
        diag_error(r->why, file, 0, 0, NULL, "cannot be read: %s", reason);
}

static bool read_all(int fd, struct buf *b, const char **reason)
{
    for (;;) {
        if (!buf_reserve(b, 64 * 1024)) {
            *reason = "it is too long";
            return false;
        }
        ssize_t n = read(fd, b->p + b->n, 64 * 1024);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *reason = strerror(errno);
            return false;
        }
        if (n == 0)
            return true;
        b->n += (size_t)n;
    }
}

enum opened { OPENED, OPENED_BEFORE, OPEN_FAILED };

/* The content of a file. An included one must be a regular file: opening a FIFO would block. */
static enum opened open_file(struct reader *r, const struct ynode *at, const char *file,
                             struct buf *out)
{
    const char *reason = NULL;
    struct stat st;
    if (stat(file, &st) < 0)
        reason = strerror(errno);
    else if (S_ISDIR(st.st_mode))
        reason = "it is a directory";
    else if (at && !S_ISREG(st.st_mode))
        reason = "it is not a regular file";
    if (reason) {
        file_error(r, at, file, reason);
        return OPEN_FAILED;
    }
    struct str id = arena_printf(r->tree, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    if (map_get(&r->files, id))
        return OPENED_BEFORE;
    map_put(&r->files, id, (void *)(uintptr_t)file);
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        file_error(r, at, file, strerror(errno));
        return OPEN_FAILED;
    }
    bool good = read_all(fd, out, &reason);
    close(fd);
    if (!good)
        file_error(r, at, file, reason);
    return good ? OPENED : OPEN_FAILED;
}

static struct ynode *check_root(struct ynode *root, struct diag *why)
{
    if (root && root->kind != YNODE_MAP) {
        ynode_error(why, root, "the file must hold keys, like \"teams:\", not %s",
                    ynode_what(root));
        return NULL;
    }
    return root;
}

static struct ynode *read_file(struct reader *r, const struct ynode *at, const char *file,
                               unsigned depth);

/* Merges one included file into root. */
static void include_file(struct reader *r, struct ynode *root, const struct ynode *at,
                         const char *file, unsigned depth)
{
    if (r->files.n >= INCLUDE_FILES_MAX) {
        ynode_error(r->why, at, "more than %d files are included", INCLUDE_FILES_MAX);
        return;
    }
    struct ynode *other = read_file(r, at, arena_str(r->names, str_c(file)).p, depth + 1);
    if (other)
        merge_map(&schema_root, false, root, other, r->why);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static _Thread_local int glob_errno;
/* A directory that is not there matches nothing; one that may not be read would lose its rules. */
static int on_glob_error(const char *path, int err)
{
    (void)path;
    if (err == ENOENT || err == ENOTDIR)
        return 0;
    glob_errno = err;
    return 1;
}

/* The built-in include matches nothing on many a test bench; one that a person wrote is a slip. */
static void glob_warning(struct reader *r, const struct ynode *at, const char *pattern)
{
    if (at)
        diag_warning(r->why, at->file, at->line, at->column, "include", "no file matches %s",
                     pattern);
}

static void include_glob(struct reader *r, struct ynode *root, const struct ynode *at,
                         const char *pattern, unsigned depth)
{
    glob_t g = {0};
    glob_errno = 0;
    int rc = glob(pattern, GLOB_NOSORT, on_glob_error, &g);
    if (rc != 0 && rc != GLOB_NOMATCH)
        file_error(r, at, pattern, rc == GLOB_NOSPACE ? "out of memory" : strerror(glob_errno));
    if (rc == 0) {
        qsort(g.gl_pathv, g.gl_pathc, sizeof *g.gl_pathv, by_name);
        for (size_t i = 0; i < g.gl_pathc && r->why->n < DIAG_MAX; i++)
            include_file(r, root, at, g.gl_pathv[i], depth);
    }
    if (rc == GLOB_NOMATCH)
        glob_warning(r, at, pattern);
    globfree(&g);
}

static void include_one(struct reader *r, struct ynode *root, const struct ynode *at,
                        const char *file, unsigned depth)
{
    if (at->kind != YNODE_SCALAR || at->text.n == 0) {
        ynode_error(r->why, at, "must be the name of a file or a pattern like rules.d/*.yaml");
        return;
    }
    if (depth + 1 > INCLUDE_DEPTH_MAX) {
        ynode_error(r->why, at, "includes are nested more than %d deep", INCLUDE_DEPTH_MAX);
        return;
    }
    const char *slash = strrchr(file, '/');
    int dir = at->text.p[0] == '/' || !slash ? 0 : (int)(slash - file) + 1;
    const char *name = arena_printf(r->tree, "%.*s%.*s", dir, file, STR_ARG(at->text)).p;
    if (strpbrk(at->text.p, "*?["))
        include_glob(r, root, at, name, depth);
    else
        include_file(r, root, at, name, depth);
}

/* Reads the includes of root, which is `file`. Only the main file includes by default. */
static void read_includes(struct reader *r, struct ynode *root, const char *file, unsigned depth)
{
    const struct schema_row *row = schema_row(&schema_root, S("include"));
    struct ynode *list = ynode_get(root, "include");
    if (!list && depth == 0) {
        list = ynode_parse(r->tree, NULL, str_c(row->def), r->why);
        if (!list)
            return;
        list->key = S("include");
    }
    if (!list || ynode_is_null(list))
        return;
    if (list->kind != YNODE_LIST) {
        schema_type_error(r->why, row, list);
        return;
    }
    /* An included file's own `include` must not be appended to the list that is being walked. */
    const struct ynode *last = list->last;
    for (const struct ynode *at = list->first; at; at = at == last ? NULL : at->next)
        include_one(r, root, at, file, depth);
}

static struct ynode *read_file(struct reader *r, const struct ynode *at, const char *file,
                               unsigned depth)
{
    struct ynode *root = NULL;
    struct buf text;
    buf_init(&text, YNODE_TEXT_MAX + 128 * 1024);
    enum opened rc = open_file(r, at, file, &text);
    if (rc == OPENED_BEFORE && !strpbrk(at->text.p, "*?["))
        ynode_error(r->why, at, "%s is included twice, or includes itself", file);
    if (rc == OPENED) {
        r->bytes += text.n;
        if (r->bytes > INCLUDE_BYTES_MAX)
            file_error(r, at, file, "all files together are too long");
        else
            root = check_root(ynode_parse(r->tree, file, buf_str(&text), r->why), r->why);
    }
    buf_finish(&text);
    if (root)
        read_includes(r, root, file, depth);
    return root;
}

struct ynode *conf_tree_read(struct arena *tree, struct arena *names, const char *file,
                             struct diag *why)
{
    struct reader r = {.tree = tree, .names = names, .why = why};
    size_t before = why->errors;
    struct ynode *root = read_file(&r, NULL, arena_str(names, str_c(file)).p, 0);
    map_finish(&r.files);
    return why->errors == before ? root : NULL;
}

struct ynode *conf_tree_parse(struct arena *tree, struct arena *names, const char *name,
                              struct str text, struct diag *why)
{
    return check_root(ynode_parse(tree, arena_str(names, str_c(name)).p, text, why), why);
}

/* ---- hash ------------------------------------------------------------------------------------ */

static uint64_t hash_text(uint64_t h, struct str s)
{
    uint64_t n = s.n;
    h = hash_fnv1a64(h, &n, sizeof n);
    return hash_fnv1a64(h, s.p ? s.p : "", s.n);
}

static uint64_t hash_node(uint64_t h, const struct ynode *n)
{
    unsigned char kind = ynode_is_null(n) ? 'n' : (unsigned char)('0' + n->kind);
    h = hash_fnv1a64(h, &kind, 1);
    if (n->kind == YNODE_SCALAR)
        return kind == 'n' ? h : hash_text(h, n->text);
    uint64_t count = n->n;
    h = hash_fnv1a64(h, &count, sizeof count);
    for (const struct ynode *c = n->first; c; c = c->next) {
        if (n->kind == YNODE_MAP)
            h = hash_text(h, c->key);
        h = hash_node(h, c);
    }
    return h;
}

void conf_tree_hash(const struct ynode *root, bool with_local, char out[17])
{
    /* In the order of the schema, so that it does not matter which section stands first; how the
     * files are split does not matter either, so `include` is left out. */
    uint64_t h = FNV1A64_INIT;
    for (size_t i = 0; i < schema_root.n; i++) {
        const struct schema_row *row = &schema_root.rows[i];
        const struct ynode *n = ynode_get(root, row->key);
        if (!n || row->kind == K_INCLUDE || (!with_local && (row->flags & LOCAL)))
            continue;
        h = hash_text(h, str_c(row->key));
        h = hash_node(h, n);
    }
    snprintf(out, 17, "%016" PRIx64, h);
}
