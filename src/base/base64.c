/*
 * base64.c - bytes as text that survives a JSON string, and back.
 */
#include "triaged/base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_put(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;
        char out[4];

        if (i + 1 < s.n)
            v |= (uint32_t)(uint8_t)s.p[i + 1] << 8;
        if (i + 2 < s.n)
            v |= (uint8_t)s.p[i + 2];
        out[0] = digits[v >> 18];
        out[1] = digits[v >> 12 & 63];
        out[2] = i + 1 < s.n ? digits[v >> 6 & 63] : '=';
        out[3] = i + 2 < s.n ? digits[v & 63] : '=';
        buf_put(b, out, sizeof(out));
    }
    return !b->overflow;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_take(struct buf *b, struct str text)
{
    uint32_t bits = 0;
    unsigned n = 0;

    for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
        text.n--;
    if (text.n % 4 == 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        int v = value_of(text.p[i]);

        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_put_char(b, (char)(bits >> n & 0xff));
        }
    }
    return !b->overflow;
}
