/*
 * jx.c - looking into parsed JSON, and writing it again.
 * Owns: nothing; values belong to the document (jx_parse.c).
 * Never: fails on a value of another type: it is then as if it were absent.
 */
#include "triaged/alert/jx.h"

#include <stdlib.h>

#include "jx_value.h"
#include "triaged/base/buf.h"
#include "triaged/base/mem.h"

enum jx_type jx_type(const jx *v)
{
    return v ? (enum jx_type)v->type : JX_NONE;
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

/* Objects of alerts have a dozen members: looking at each beats any index. */
const jx *jx_get_str(const jx *object, struct str key)
{
    if (jx_type(object) != JX_OBJECT || !key.p)
        return NULL;
    for (uint32_t i = 0; i < object->n; i++) {
        const struct jx_member *m = &object->members[i];
        if (m->name_n == key.n && !memcmp(m->name, key.p, key.n))
            return &m->value;
    }
    return NULL;
}

const jx *jx_get(const jx *object, const char *key)
{
    return jx_get_str(object, str_c(key));
}

size_t jx_len(const jx *v)
{
    enum jx_type t = jx_type(v);
    return t == JX_ARRAY || t == JX_OBJECT ? v->n : 0;
}

const jx *jx_at(const jx *array, size_t i)
{
    return jx_type(array) == JX_ARRAY && i < array->n ? &array->elements[i] : NULL;
}

bool jx_next(const jx *object, void **it, struct str *key, const jx **value)
{
    if (jx_type(object) != JX_OBJECT || !object->n)
        return false;
    struct jx_member *m = *it ? (struct jx_member *)*it + 1 : object->members;
    if (m == object->members + object->n)
        return false;
    *it = m;
    *key = (struct str){m->name, m->name_n};
    *value = &m->value;
    return true;
}

struct str jx_str(const jx *v)
{
    return jx_type(v) == JX_STRING ? (struct str){v->text, v->n} : STR_NONE;
}

bool jx_bool(const jx *v, bool otherwise)
{
    return jx_type(v) == JX_BOOL ? v->truth : otherwise;
}

bool jx_int(const jx *v, int64_t *out)
{
    const double exact = 9007199254740992.0; /* 2^53: beyond it a double skips integers */
    if (jx_type(v) != JX_NUMBER)
        return false;
    if (!v->is_whole) {
        if (!(v->real >= -exact && v->real <= exact) || v->real != (double)(int64_t)v->real)
            return false;
        *out = (int64_t)v->real;
        return true;
    }
    *out = v->whole;
    return true;
}

double jx_num(const jx *v, double otherwise)
{
    if (jx_type(v) != JX_NUMBER)
        return otherwise;
    return v->is_whole ? (double)v->whole : v->real;
}

/* Recursion is bounded by JX_DEPTH_MAX. */
static void put(struct buf *b, const jx *v)
{
    switch (jx_type(v)) {
    case JX_STRING:
        buf_put_json(b, jx_str(v));
        break;
    case JX_BOOL:
        buf_put_c(b, v->truth ? "true" : "false");
        break;
    case JX_NUMBER:
        if (v->is_whole)
            buf_put_i64(b, v->whole);
        else
            buf_printf(b, "%.15g", v->real); /* 15 digits: 0.57 stays 0.57 */
        break;
    case JX_ARRAY:
        for (uint32_t i = 0; i < v->n; i++) {
            buf_put_char(b, i ? ',' : '[');
            put(b, &v->elements[i]);
        }
        buf_put_c(b, v->n ? "]" : "[]");
        break;
    case JX_OBJECT:
        for (uint32_t i = 0; i < v->n; i++) {
            buf_put_char(b, i ? ',' : '{');
            buf_put_json(b, (struct str){v->members[i].name, v->members[i].name_n});
            buf_put_char(b, ':');
            put(b, &v->members[i].value);
        }
        buf_put_c(b, v->n ? "}" : "{}");
        break;
    case JX_NONE:
    case JX_NULL:
        buf_put_c(b, "null");
        break;
    }
}

char *jx_dump(const jx *v)
{
    struct buf b;
    if (!v)
        return NULL;
    buf_init(&b, SIZE_MAX / 2); /* at most a few times what was parsed */
    put(&b, v);
    buf_put_char(&b, 0);
    return b.p;
}
