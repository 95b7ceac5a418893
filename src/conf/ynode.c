/*
 * ynode.c - libyaml's events to a tree of nodes with file, line and column.
 * Owns: every rule about YAML itself (one document, no duplicate keys, no anchors, limits).
 * Never: knows a key of ours, reads a file, types a scalar: that is the schema's.
 * The only file that includes yaml.h. libyaml's marks are zero-based; ours are one-based. It lets
 * duplicate keys pass, and leaves aliases to its caller: both are refused here.
 */
#include <stdarg.h>
#include <yaml.h>

#include "triaged/base/buf.h"
#include "triaged/base/map.h"
#include "ynode.h"

struct builder {
    yaml_parser_t parser;
    struct arena *arena;
    const char *file;
    struct str text;
    struct diag *why;
    size_t nodes;
    bool stop; /* an error after which nothing useful can be said */
};

/* ---- errors ---------------------------------------------------------------------------------- */

static void mark_error(struct builder *b, const yaml_mark_t *m, const char *sentence)
{
    diag_error(b->why, b->file, (unsigned)m->line + 1, (unsigned)m->column + 1, NULL, "%s",
               sentence);
}

/* What libyaml says, and what a person would say. The first that is contained counts. */
static const struct {
    const char *libyaml, *sentence;
} plain_words[] = {
    {"mapping values are not allowed",
     "a \": \" cannot stand here (wrong indentation, or a text with a colon that needs quotes)"},
    {"found character that cannot start any token",
     "this character cannot begin a value; put the text in quotes"},
    {"did not find expected key", "the indentation does not fit the lines above, or a quote or "
                                  "bracket is not closed"},
    {"did not find expected '-' indicator",
     "expected another \"- \" item here: the indentation does not fit the list above"},
    {"could not find expected ':'", "a key needs a colon and a blank after it"},
    {"did not find expected ',' or ']'", "this list needs a comma or its closing ]"},
    {"did not find expected ',' or '}'", "this mapping needs a comma or its closing }"},
    {"did not find expected node content",
     "expected a value here (a bracket is not closed, or a comma too many)"},
    {"found unexpected end of stream", "the file ends inside a quoted text"},
    {"found unknown escape character",
     "unknown escape in a double-quoted text (double the backslash, or use single quotes)"},
    {"block sequence entries are not allowed", "a \"- \" item cannot stand here"},
    {"control characters are not allowed", "control characters are not allowed in YAML"},
};

/* The byte at a mark; libyaml counts characters, not bytes. */
static char char_at(struct str text, const yaml_mark_t *m)
{
    size_t i = 0, line = 0, column = 0;
    for (size_t len; i < text.n && (line < m->line || column < m->column); i += len) {
        len = str_utf8_seq(text, i);
        if (!len)
            return 0;
        bool newline = text.p[i] == '\n';
        line += newline;
        column = newline ? 0 : column + 1;
    }
    return i < text.n ? text.p[i] : 0;
}

static void parser_error(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        diag_error(b->why, b->file, 0, 0, NULL, "out of memory while reading YAML");
        return;
    }
    const char *said = p->problem ? p->problem : "cannot be read";
    const char *sentence = NULL;
    for (size_t i = 0; i < ARRAY_LEN(plain_words) && !sentence; i++)
        if (strstr(said, plain_words[i].libyaml))
            sentence = plain_words[i].sentence;
    char raw[200];
    if (p->error == YAML_SCANNER_ERROR && char_at(b->text, &p->problem_mark) == '\t') {
        sentence = "a tab cannot stand here: YAML is indented with blanks";
    } else if (!sentence) {
        snprintf(raw, sizeof raw, "not valid YAML: %s", said);
        sentence = raw;
    }
    if (p->context && p->context_mark.line != p->problem_mark.line)
        diag_error(b->why, b->file, (unsigned)p->problem_mark.line + 1,
                   (unsigned)p->problem_mark.column + 1, NULL, "%s (in what begins at line %u)",
                   sentence, (unsigned)p->context_mark.line + 1);
    else
        mark_error(b, &p->problem_mark, sentence);
}

__attribute__((format(printf, 4, 0))) static void vreport(struct diag *why, const struct ynode *n,
                                                          bool at_key, const char *fmt, va_list ap)
{
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    struct arena tmp;
    arena_init(&tmp, 0);
    const char *path = ynode_path(&tmp, n);
    bool placed = n->file != NULL;
    at_key = at_key && n->key_line;
    diag_error(why, n->file, placed ? (at_key ? n->key_line : n->line) : 0,
               placed ? (at_key ? n->key_column : n->column) : 0, *path ? path : NULL, "%s", text);
    arena_finish(&tmp);
}

void ynode_error(struct diag *why, const struct ynode *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vreport(why, n, false, fmt, ap);
    va_end(ap);
}

void ynode_key_error(struct diag *why, const struct ynode *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vreport(why, n, true, fmt, ap);
    va_end(ap);
}

/* ---- building -------------------------------------------------------------------------------- */

static bool next_event(struct builder *b, yaml_event_t *e)
{
    if (yaml_parser_parse(&b->parser, e))
        return true;
    parser_error(b);
    b->stop = true;
    return false;
}

static struct ynode *new_node(struct builder *b, enum ynode_kind kind, const yaml_mark_t *m)
{
    if (++b->nodes > YNODE_NODES_MAX) {
        char text[100];
        snprintf(text, sizeof text, "more than %d values in one file; split it", YNODE_NODES_MAX);
        mark_error(b, m, text);
        b->stop = true;
        return NULL;
    }
    struct ynode *n = ARENA_NEW(b->arena, struct ynode);
    n->kind = kind;
    n->file = b->file;
    n->line = (unsigned)m->line + 1;
    n->column = (unsigned)m->column + 1;
    return n;
}

/* Anchors and tags: what a value may carry in YAML and may not carry here. */
static void check_properties(struct builder *b, const yaml_event_t *e, const yaml_char_t *anchor,
                             const yaml_char_t *tag, bool *is_text)
{
    if (anchor)
        mark_error(b, &e->start_mark,
                   "anchors (&name) are not supported; write the value where it is needed");
    *is_text = false;
    if (!tag)
        return;
    if (strcmp((const char *)tag, YAML_STR_TAG) == 0 || strcmp((const char *)tag, "!") == 0)
        *is_text = true;
    else
        mark_error(b, &e->start_mark,
                   "tags (!name) are not supported; leave it out, the key decides the type");
}

static struct ynode *build(struct builder *b, const yaml_event_t *e, unsigned depth);

/* The next event as a node, or NULL at `end` or when all is lost. */
static struct ynode *build_next(struct builder *b, yaml_event_type_t end, unsigned depth)
{
    yaml_event_t e;
    if (b->stop || !next_event(b, &e))
        return NULL;
    struct ynode *n = e.type == end ? NULL : build(b, &e, depth);
    yaml_event_delete(&e);
    return n;
}

static void build_list(struct builder *b, struct ynode *list, unsigned depth)
{
    struct ynode *item;
    while ((item = build_next(b, YAML_SEQUENCE_END_EVENT, depth))) {
        item->index = list->n;
        ynode_append(list, item);
    }
}

static void check_key(struct builder *b, struct map *seen, const struct ynode *key)
{
    char text[300];
    yaml_mark_t m = {0, key->line - 1, key->column - 1};
    if (str_eq_c(key->text, "<<") && !key->quoted)
        mark_error(b, &m, "merge keys (<<) are not supported; write the keys out");
    const struct ynode *other = map_put(seen, key->text, (void *)(uintptr_t)key);
    if (other) {
        snprintf(text, sizeof text, "duplicate key \"%.*s\" (first at line %u)",
                 key->text.n < 100 ? (int)key->text.n : 100, key->text.p, other->line);
        mark_error(b, &m, text);
    }
}

static void build_map(struct builder *b, struct ynode *map, unsigned depth)
{
    struct map seen = {0};
    struct ynode *key;
    while ((key = build_next(b, YAML_MAPPING_END_EVENT, depth))) {
        if (key->kind != YNODE_SCALAR) {
            yaml_mark_t m = {0, key->line - 1, key->column - 1};
            mark_error(b, &m, "a key must be a text");
            b->stop = true;
            break;
        }
        check_key(b, &seen, key);
        struct ynode *value = build_next(b, YAML_NO_EVENT, depth);
        if (!value)
            break;
        value->key = key->text;
        value->key_line = key->line;
        value->key_column = key->column;
        ynode_append(map, value);
    }
    map_finish(&seen);
}

static struct ynode *build_scalar(struct builder *b, const yaml_event_t *e)
{
    bool is_text;
    check_properties(b, e, e->data.scalar.anchor, e->data.scalar.tag, &is_text);
    struct ynode *n = new_node(b, YNODE_SCALAR, &e->start_mark);
    if (!n)
        return NULL;
    n->text = arena_str(b->arena,
                        (struct str){(const char *)e->data.scalar.value, e->data.scalar.length});
    n->quoted = is_text || e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(n->text.p, 0, n->text.n))
        mark_error(b, &e->start_mark, "a text cannot hold a NUL character (\\0)");
    return n;
}

static struct ynode *build(struct builder *b, const yaml_event_t *e, unsigned depth)
{
    bool is_text;
    bool is_list = e->type == YAML_SEQUENCE_START_EVENT;
    if (e->type == YAML_SCALAR_EVENT)
        return build_scalar(b, e);
    if (e->type == YAML_ALIAS_EVENT) {
        mark_error(b, &e->start_mark,
                   "aliases (*name) are not supported; write the value where it is needed");
        return new_node(b, YNODE_SCALAR, &e->start_mark);
    }
    if (is_list)
        check_properties(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag, &is_text);
    else
        check_properties(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag, &is_text);
    if (depth >= YNODE_DEPTH_MAX) {
        mark_error(b, &e->start_mark, "nested too deeply");
        b->stop = true;
        return NULL;
    }
    struct ynode *n = new_node(b, is_list ? YNODE_LIST : YNODE_MAP, &e->start_mark);
    if (!n)
        return NULL;
    if (is_list)
        build_list(b, n, depth + 1);
    else
        build_map(b, n, depth + 1);
    return n;
}

/* stream-start (document-start node document-end)? stream-end */
static struct ynode *build_document(struct builder *b)
{
    yaml_event_t e;
    yaml_mark_t start = {0, 0, 0};
    struct ynode *root = NULL;
    while (!b->stop && next_event(b, &e)) {
        yaml_event_type_t type = e.type;
        if (type == YAML_DOCUMENT_START_EVENT && root) {
            mark_error(b, &e.start_mark,
                       "a second document begins here; a file holds one document");
            b->stop = true;
        } else if (type == YAML_DOCUMENT_START_EVENT) {
            root = build_next(b, YAML_NO_EVENT, 0);
        }
        yaml_event_delete(&e);
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    if (b->stop)
        return NULL;
    return root && !ynode_is_null(root) ? root : new_node(b, YNODE_MAP, &start);
}

static bool check_utf8(struct builder *b)
{
    if (str_is_utf8(b->text))
        return true;
    unsigned line = 1, column = 1;
    size_t i = 0;
    for (size_t len; i < b->text.n && (len = str_utf8_seq(b->text, i)) > 0; i += len) {
        column++;
        if (b->text.p[i] == '\n') {
            line++;
            column = 1;
        }
    }
    diag_error(b->why, b->file, line, column, NULL, "not UTF-8 text (byte 0x%02x)",
               i < b->text.n ? (unsigned char)b->text.p[i] : 0);
    return false;
}

struct ynode *ynode_parse(struct arena *arena, const char *file, struct str text, struct diag *why)
{
    struct builder b = {.arena = arena, .file = file, .text = text, .why = why};
    size_t before = why->errors;
    if (text.n > YNODE_TEXT_MAX) {
        diag_error(why, file, 0, 0, NULL, "longer than %d MiB", YNODE_TEXT_MAX >> 20);
        return NULL;
    }
    /* An editor's byte order mark: libyaml would count it as a column. */
    if (str_starts(b.text, S("\xef\xbb\xbf")))
        b.text = str_sub(b.text, 3, b.text.n);
    if (!check_utf8(&b))
        return NULL;
    if (!yaml_parser_initialize(&b.parser)) {
        diag_error(why, file, 0, 0, NULL, "out of memory while reading YAML");
        return NULL;
    }
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)(b.text.p ? b.text.p : ""),
                                 b.text.n);
    struct ynode *root = build_document(&b);
    yaml_parser_delete(&b.parser);
    return why->errors == before ? root : NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool ynode_is_null(const struct ynode *n)
{
    if (n->kind != YNODE_SCALAR || n->quoted)
        return false;
    return n->text.n == 0 || str_eq_c(n->text, "~") || str_eq_c(n->text, "null") ||
           str_eq_c(n->text, "Null") || str_eq_c(n->text, "NULL");
}

struct ynode *ynode_get(const struct ynode *map, const char *key)
{
    if (map->kind != YNODE_MAP)
        return NULL;
    for (struct ynode *c = map->first; c; c = c->next)
        if (str_eq_c(c->key, key))
            return c;
    return NULL;
}

void ynode_append(struct ynode *parent, struct ynode *child)
{
    child->parent = parent;
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n++;
}

static void put_path(struct buf *b, const struct ynode *n)
{
    if (n->parent)
        put_path(b, n->parent);
    if (n->parent && n->parent->kind == YNODE_LIST) {
        (void)buf_printf(b, "[%zu]", n->index);
        return;
    }
    if (n->key.n == 0)
        return;
    if (b->n)
        (void)buf_put_char(b, '.');
    (void)buf_put_str(b, n->key.n <= 100 ? n->key : str_sub(n->key, 0, 100));
}

const char *ynode_path(struct arena *arena, const struct ynode *n)
{
    struct buf b;
    buf_init(&b, 4096);
    put_path(&b, n);
    const char *path = arena_str(arena, buf_str(&b)).p;
    buf_finish(&b);
    return path;
}

const char *ynode_what(const struct ynode *n)
{
    switch (n->kind) {
    case YNODE_LIST:
        return "a list";
    case YNODE_MAP:
        return "a mapping";
    case YNODE_SCALAR:
        break;
    }
    return ynode_is_null(n) ? "nothing" : "a text";
}
