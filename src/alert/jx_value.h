/*
 * jx_value.h - how a parsed JSON value lies in memory. Private to jx.c and jx_parse.c.
 */
#ifndef TRIAGED_ALERT_JX_VALUE_H
#define TRIAGED_ALERT_JX_VALUE_H

#include "triaged/alert/jx.h"

struct jx_member;

struct jx {
    uint8_t type;  /* enum jx_type */
    bool is_whole; /* a number that is kept in `whole` */
    uint32_t n;    /* bytes of a string, elements, members */
    union {
        const char *text; /* NUL-terminated, n does not count the NUL */
        int64_t whole;
        double real;
        bool truth;
        struct jx *elements;
        struct jx_member *members;
    };
};

struct jx_member {
    const char *name; /* NUL-terminated */
    uint32_t name_n;
    struct jx value;
};

#endif
