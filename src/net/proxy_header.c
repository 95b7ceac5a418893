/*
 * proxy_header.c - reads PROXY protocol headers (haproxy's proxy-protocol.txt, versions 1 and 2).
 * Owns: both forms and their limits. Never: decides who may send one; that is the listener's.
 */
#include "triaged/net/proxy_header.h"

#include <arpa/inet.h>

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum { V2_HEAD = 16, V2_LOCAL = 0, V2_PROXY = 1, V2_INET = 1, V2_INET6 = 2 };

static bool copy_host(int family, struct str s, char host[PROXY_HOST_SIZE])
{
    unsigned char address[16];

    if (s.n == 0 || s.n >= PROXY_HOST_SIZE)
        return false;
    memcpy(host, s.p, s.n);
    host[s.n] = '\0';
    return inet_pton(family, host, address) == 1;
}

static bool is_port(struct str s)
{
    uint64_t v;

    return str_to_u64(s, &v) && v <= 65535;
}

/* "PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\r\n"; loggen sends the LF alone. */
static enum proxy_result read_v1(struct str bytes, size_t *used, char host[PROXY_HOST_SIZE])
{
    struct str line = str_sub(bytes, 0, PROXY_V1_MAX), rest, part;
    size_t end = str_find_char(line, '\n');
    char other[PROXY_HOST_SIZE];
    int family;

    if (end == line.n)
        return line.n == PROXY_V1_MAX ? PROXY_BAD : PROXY_MORE;
    *used = end + 1;
    line = str_sub(line, 6, end);
    if (str_ends(line, S("\r")))
        line.n--;
    part = str_cut(line, ' ', &rest);
    if (str_eq(part, S("UNKNOWN")))
        return PROXY_OK;
    family = str_eq(part, S("TCP4")) ? AF_INET : AF_INET6;
    if (family == AF_INET6 && !str_eq(part, S("TCP6")))
        return PROXY_BAD;
    if (!copy_host(family, str_cut(rest, ' ', &rest), host) ||
        !copy_host(family, str_cut(rest, ' ', &rest), other) ||
        !is_port(str_cut(rest, ' ', &rest)) || !is_port(rest))
        return PROXY_BAD;
    return PROXY_OK;
}

static enum proxy_result read_v2(struct str bytes, size_t *used, char host[PROXY_HOST_SIZE])
{
    if (bytes.n < V2_HEAD)
        return PROXY_MORE;

    const unsigned char *p = (const unsigned char *)bytes.p;
    unsigned version = p[12] >> 4, command = p[12] & 15u, family = p[13] >> 4;
    size_t length = (size_t)p[14] << 8 | p[15];

    if (version != 2 || command > V2_PROXY || length > PROXY_V2_MAX - V2_HEAD)
        return PROXY_BAD;
    if (bytes.n < V2_HEAD + length)
        return PROXY_MORE;
    *used = V2_HEAD + length;
    if (command == V2_LOCAL || (family != V2_INET && family != V2_INET6))
        return PROXY_OK;
    if (length < (family == V2_INET ? 12u : 36u))
        return PROXY_BAD;
    if (!inet_ntop(family == V2_INET ? AF_INET : AF_INET6, p + V2_HEAD, host, PROXY_HOST_SIZE))
        return PROXY_BAD;
    return PROXY_OK;
}

enum proxy_result proxy_header_read(struct str bytes, size_t *out_used, char host[PROXY_HOST_SIZE])
{
    const struct str v1 = S("PROXY "), v2 = {signature, sizeof(signature)};
    enum proxy_result r = PROXY_BAD;
    size_t used = 0;

    host[0] = '\0';
    if (str_starts(v1, str_sub(bytes, 0, v1.n)))
        r = bytes.n < v1.n ? PROXY_MORE : read_v1(bytes, &used, host);
    else if (str_starts(v2, str_sub(bytes, 0, v2.n)))
        r = bytes.n < v2.n ? PROXY_MORE : read_v2(bytes, &used, host);
    if (r == PROXY_OK)
        *out_used = used;
    else
        host[0] = '\0';
    return r;
}
