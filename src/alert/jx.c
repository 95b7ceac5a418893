/*
 * jx.c - the only door to Jansson.
 * Owns: parsing with limits (depth and number of values, checked before a byte is allocated), and
 * the repairs that keep a sender's slip from costing a whole batch: bytes that are no UTF-8 and
 * lone surrogates become U+FFFD (as every Go program reads them), integers beyond 64 bits become
 * reals; and the memory of a document. Never: lets a Jansson type or error out of this file.
 * What is done to the text before: jx_text.c.
 *
 * Jansson takes a block of memory for each value, name and string and gives each back. Here all of
 * a document's blocks come out of one arena and giving one back does nothing: jx_free lets go of
 * the arena as a whole, without a walk over the document. Each block knows its arena by the word in
 * front of it.
 */
#include "triaged/alert/jx.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "jx_text.h"
#include "triaged/base/arena.h"
#include "triaged/base/buf.h"
#include "triaged/base/mem.h"

enum { CHUNK = 64 * 1024 };

/* ---- memory ---------------------------------------------------------------------------------- */

struct block {           /* in front of what Jansson gets; 16 bytes, as malloc aligns */
    struct arena *arena; /* NULL: from malloc */
    void *unused;
};

static _Thread_local struct arena *current; /* of the document being parsed, or NULL */

static void *take_block(size_t n)
{
    struct block *b = current ? arena_alloc(current, sizeof(*b) + n) : xmalloc(sizeof(*b) + n);

    b->arena = current;
    return b + 1;
}

static void give_block(void *p)
{
    struct block *b = (struct block *)p - 1;

    if (p && !b->arena)
        free(b);
}

static void set_memory(void)
{
    json_set_alloc_funcs(take_block, give_block);
}

static pthread_once_t memory_once = PTHREAD_ONCE_INIT;

static struct arena *arena_create(void)
{
    struct arena *a = NEW(struct arena);

    pthread_once(&memory_once, set_memory);
    arena_init(a, CHUNK);
    return a;
}

static void arena_destroy(struct arena *a)
{
    arena_finish(a);
    free(a);
}

/* true, false and null are Jansson's own objects and lie in no arena. */
static bool is_constant(const jx *v)
{
    return json_typeof(v) >= JSON_TRUE;
}

/* ---- parsing --------------------------------------------------------------------------------- */

static jx *load(struct str s, json_error_t *e)
{
    /* no JSON_DISABLE_EOF_CHECK: text behind the value is an error; of equal names the last wins */
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    jx *doc = json_loadb(s.n ? s.p : "", s.n, flags, e);
    if (!doc && json_error_code(e) == json_error_numeric_overflow)
        doc = json_loadb(s.p, s.n, flags | JSON_DECODE_INT_AS_REAL, e);
    return doc;
}

/* Puts the texts back for which strings of v stand. */
static void put_back(jx *v, const struct jx_short *s)
{
    struct str text;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it))
            put_back(json_object_iter_value(it), s);
        break;
    case JSON_ARRAY:
        for (size_t i = 0, n = json_array_size(v); i < n; i++)
            put_back(json_array_get(v, i), s);
        break;
    case JSON_STRING:
        if (jx_text_stands_for(s, jx_str(v), &text))
            json_string_setn_nocheck(v, text.p, text.n);
        break;
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
}

/* The document with its plain strings taken out while Jansson reads it. NULL: to be read as it is,
 * which tells what is wrong with it and where. */
static jx *load_short(struct str bytes, struct arena *a)
{
    struct jx_short s;
    json_error_t e;
    jx *doc = jx_text_shorten(bytes, a, &s) ? load(s.text, &e) : NULL;
    if (doc && s.n)
        put_back(doc, &s);
    free(s.strings);
    return doc;
}

jx *jx_parse(struct str bytes, struct jx_error *why)
{
    struct arena *arena;
    json_error_t e;

    if (str_starts(bytes, S("\xEF\xBB\xBF"))) /* a byte order mark, as some Windows tools send */
        bytes = str_sub(bytes, 3, bytes.n);
    if (!jx_text_within_limits(bytes, why))
        return NULL;
    arena = current = arena_create();
    jx *doc = load_short(bytes, arena);
    if (!doc) {
        arena_reset(arena);
        doc = load(bytes, &e);
    }
    if (!doc) {
        struct buf copy;
        buf_init(&copy, bytes.n * 3 + 1);
        if (jx_text_repair(bytes, &copy))
            doc = load(buf_str(&copy), &e);
        buf_finish(&copy);
    }
    current = NULL;
    if (!doc || is_constant(doc))
        arena_destroy(arena);
    if (!doc) {
        why->path[0] = 0;
        snprintf(why->text, sizeof(why->text), "%.120s (line %d, column %d, byte %d)", e.text,
                 e.line, e.column, e.position);
    }
    return doc;
}

void jx_free(jx *doc)
{
    if (doc && !is_constant(doc))
        arena_destroy(((struct block *)doc - 1)->arena);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

enum jx_type jx_type(const jx *v)
{
    if (!v)
        return JX_NONE;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return JX_OBJECT;
    case JSON_ARRAY:
        return JX_ARRAY;
    case JSON_STRING:
        return JX_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return JX_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return JX_BOOL;
    case JSON_NULL:
        return JX_NULL;
    }
    return JX_NONE;
}

const char *jx_type_name(enum jx_type t)
{
    static const char *const names[] = {
        [JX_NONE] = "nothing",  [JX_NULL] = "null",     [JX_BOOL] = "bool",
        [JX_NUMBER] = "number", [JX_STRING] = "string", [JX_ARRAY] = "array",
        [JX_OBJECT] = "object",
    };
    return (size_t)t < ARRAY_LEN(names) ? names[t] : "nothing";
}

const jx *jx_get(const jx *object, const char *key)
{
    return json_object_get(object, key);
}

const jx *jx_get_str(const jx *object, struct str key)
{
    return key.p ? json_object_getn(object, key.p, key.n) : NULL;
}

size_t jx_len(const jx *v)
{
    return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const jx *jx_at(const jx *array, size_t i)
{
    return json_array_get(array, i);
}

bool jx_next(const jx *object, void **it, struct str *key, const jx **value)
{
    jx *o = (jx *)(uintptr_t)object; /* Jansson's iterators take no const object */
    *it = *it ? json_object_iter_next(o, *it) : json_object_iter(o);
    if (!*it)
        return false;
    *key = (struct str){json_object_iter_key(*it), json_object_iter_key_len(*it)};
    *value = json_object_iter_value(*it);
    return true;
}

struct str jx_str(const jx *v)
{
    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR_NONE;
}

bool jx_bool(const jx *v, bool otherwise)
{
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool jx_int(const jx *v, int64_t *out)
{
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return true;
    }
    /* a real that is a whole number and exact, as 1.7e9 */
    double d = json_is_real(v) ? json_real_value(v) : 0.5;
    if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != (double)(int64_t)d)
        return false;
    *out = (int64_t)d;
    return true;
}

double jx_num(const jx *v, double otherwise)
{
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

char *jx_dump(const jx *v)
{
    char *text, *copy;

    if (!v)
        return NULL;
    /* 15 digits: 0.57 stays 0.57 */
    text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    copy = text ? xstrdup(text) : NULL; /* the caller frees it with free */
    give_block(text);
    return copy;
}
