/*
 * segment.c - encoding, decoding and scanning of segment files (format: segment.h).
 * Never: does I/O, keeps state, logs.
 * Called by: write.c (encode), recover.c, index.c, reader.c (decode), the fuzz target.
 */
#include "segment.h"

#include <stdio.h>
#include <string.h>

#include "triaged/base/hash.h"
#include "triaged/spool/spool.h"

static const char head_magic[8] = {'T', 'R', 'G', 'S', 'P', 'L', '1', '\n'};
static const char record_magic[4] = {'\xF1', 'T', 'r', 'R'};

enum { /* offsets */
       HEAD_SIZE = 8,
       HEAD_CRC = 12,
       HEAD_STREAM = 16,
       HEAD_NUMBER = 32,
       HEAD_CREATED = 40,
       HEAD_TEAMS_N = 48,
       REC_PAYLOAD_N = 4,
       REC_TEAM_N = 8,
       REC_FLAGS = 10,
       REC_SEQ = 12,
       REC_PREV = 20,
       REC_AT = 28,
       REC_BODY_CRC = 36,
       REC_HEAD_CRC = 40,
};

enum { FLAG_MORE = 1 };

static uint16_t get_u16(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;

    return (uint16_t)(b[0] | b[1] << 8);
}

static uint32_t get_u32(const char *p)
{
    return (uint32_t)get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

static uint64_t get_u64(const char *p)
{
    return (uint64_t)get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

static void set_u32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (8 * i));
}

static void set_u64(char *p, uint64_t v)
{
    set_u32(p, (uint32_t)v);
    set_u32(p + 4, (uint32_t)(v >> 32));
}

static void put_u16(struct buf *b, size_t v)
{
    char p[2] = {(char)v, (char)(v >> 8)};

    buf_put(b, p, sizeof(p));
}

/* ---- header -------------------------------------------------------------------------------------
 */

void segment_begin_head(struct buf *b, const uint8_t stream[STREAM_ID_SIZE], uint64_t number,
                        int64_t created_ms)
{
    buf_put(b, head_magic, sizeof(head_magic));
    buf_put_u32le(b, 0);
    buf_put_u32le(b, 0);
    buf_put(b, stream, STREAM_ID_SIZE);
    buf_put_u64le(b, number);
    buf_put_u64le(b, (uint64_t)created_ms);
    buf_put_u32le(b, 0);
}

void segment_put_team(struct buf *b, uint64_t last_seq, struct str name)
{
    buf_put_u64le(b, last_seq);
    put_u16(b, name.n);
    buf_put_str(b, name);
}

/* Over everything but the CRC field itself. */
static uint32_t head_crc(const char *p, size_t n)
{
    uint32_t crc = hash_crc32c(0, p, HEAD_CRC);

    return hash_crc32c(crc, p + HEAD_STREAM, n - HEAD_STREAM);
}

void segment_end_head(struct buf *b, uint32_t n_teams)
{
    set_u32(b->p + HEAD_SIZE, (uint32_t)b->n);
    set_u32(b->p + HEAD_TEAMS_N, n_teams);
    set_u32(b->p + HEAD_CRC, head_crc(b->p, b->n));
}

bool segment_read_head(struct str bytes, struct segment_head *out, size_t *size)
{
    uint32_t n;

    if (bytes.n < SEGMENT_HEAD_MIN || memcmp(bytes.p, head_magic, sizeof(head_magic)) != 0)
        return false;
    n = get_u32(bytes.p + HEAD_SIZE);
    if (n < SEGMENT_HEAD_MIN || n > SEGMENT_HEAD_MAX || n > bytes.n ||
        get_u32(bytes.p + HEAD_CRC) != head_crc(bytes.p, n))
        return false;
    memcpy(out->stream, bytes.p + HEAD_STREAM, STREAM_ID_SIZE);
    out->number = get_u64(bytes.p + HEAD_NUMBER);
    out->created_ms = (int64_t)get_u64(bytes.p + HEAD_CREATED);
    out->n_teams = get_u32(bytes.p + HEAD_TEAMS_N);
    out->teams = (struct str){bytes.p + SEGMENT_HEAD_MIN, n - SEGMENT_HEAD_MIN};
    *size = n;
    return true;
}

bool segment_head_team(struct segment_head *h, uint64_t *last_seq, struct str *name)
{
    size_t n;

    if (h->n_teams == 0 || h->teams.n < 10)
        return false;
    n = get_u16(h->teams.p + 8);
    if (h->teams.n < 10 + n)
        return false;
    *last_seq = get_u64(h->teams.p);
    *name = (struct str){h->teams.p + 10, n};
    h->teams.p += 10 + n;
    h->teams.n -= 10 + n;
    h->n_teams--;
    return true;
}

/* ---- records ------------------------------------------------------------------------------------
 */

static uint32_t record_crc(const uint8_t stream[STREAM_ID_SIZE], const char *p, size_t n)
{
    return hash_crc32c(hash_crc32c(0, stream, STREAM_ID_SIZE), p, n);
}

bool segment_put_record(struct buf *b, const uint8_t stream[STREAM_ID_SIZE],
                        const struct segment_record *r)
{
    size_t size = segment_record_size(r->team, r->payload);
    char *p;

    if (!buf_reserve(b, size))
        return false;
    p = b->p + b->n;
    memcpy(p, record_magic, sizeof(record_magic));
    set_u32(p + REC_PAYLOAD_N, (uint32_t)r->payload.n);
    set_u32(p + REC_TEAM_N, (uint32_t)r->team.n | (r->more ? FLAG_MORE : 0u) << 16); /* and flags */
    set_u64(p + REC_SEQ, r->seq);
    set_u64(p + REC_PREV, r->prev);
    set_u64(p + REC_AT, (uint64_t)r->at_ms);
    memcpy(p + RECORD_HEAD, r->team.p, r->team.n);
    if (r->payload.n)
        memcpy(p + RECORD_HEAD + r->team.n, r->payload.p, r->payload.n);
    set_u32(p + REC_BODY_CRC, record_crc(stream, p + RECORD_HEAD, size - RECORD_HEAD));
    set_u32(p + REC_HEAD_CRC, record_crc(stream, p, REC_HEAD_CRC));
    b->n += size;
    return true;
}

void segment_end_group(char *p, const uint8_t stream[STREAM_ID_SIZE])
{
    set_u32(p + REC_TEAM_N, get_u16(p + REC_TEAM_N));
    set_u32(p + REC_HEAD_CRC, record_crc(stream, p, REC_HEAD_CRC));
}

/* A sound head: magic, CRC, and sizes within their limits. */
static bool sound_head(const char *p, const uint8_t stream[STREAM_ID_SIZE])
{
    return memcmp(p, record_magic, sizeof(record_magic)) == 0 &&
           get_u32(p + REC_HEAD_CRC) == record_crc(stream, p, REC_HEAD_CRC) &&
           get_u32(p + REC_PAYLOAD_N) <= SPOOL_PAYLOAD_MAX && get_u16(p + REC_TEAM_N) > 0 &&
           get_u16(p + REC_TEAM_N) <= SPOOL_TEAM_MAX && get_u16(p + REC_FLAGS) <= FLAG_MORE;
}

enum segment_found segment_read_record(struct str bytes, const uint8_t stream[STREAM_ID_SIZE],
                                       struct segment_record *out, size_t *size)
{
    size_t team_n, payload_n;

    if (bytes.n < RECORD_HEAD)
        return FOUND_SHORT;
    if (!sound_head(bytes.p, stream))
        return FOUND_NOTHING;
    team_n = get_u16(bytes.p + REC_TEAM_N);
    payload_n = get_u32(bytes.p + REC_PAYLOAD_N);
    *size = RECORD_HEAD + team_n + payload_n;
    if (*size > bytes.n)
        return FOUND_SHORT;
    out->seq = get_u64(bytes.p + REC_SEQ);
    out->prev = get_u64(bytes.p + REC_PREV);
    out->at_ms = (int64_t)get_u64(bytes.p + REC_AT);
    out->more = get_u16(bytes.p + REC_FLAGS) & FLAG_MORE;
    out->team = (struct str){bytes.p + RECORD_HEAD, team_n};
    out->payload = (struct str){bytes.p + RECORD_HEAD + team_n, payload_n};
    if (get_u32(bytes.p + REC_BODY_CRC) != record_crc(stream, out->team.p, team_n + payload_n))
        return FOUND_BAD_BODY;
    return FOUND_RECORD;
}

/* Offset of the next sound head at or after `from`, or file.n. */
static size_t next_head(struct str file, const uint8_t stream[STREAM_ID_SIZE], size_t from)
{
    while (from + RECORD_HEAD <= file.n) {
        const char *hit = memmem(file.p + from, file.n - from, record_magic, sizeof(record_magic));

        if (!hit || (size_t)(hit - file.p) + RECORD_HEAD > file.n)
            return file.n;
        if (sound_head(hit, stream))
            return (size_t)(hit - file.p);
        from = (size_t)(hit - file.p) + 1;
    }
    return file.n;
}

/* The end of the bytes from `from` on without the zeros behind them. */
static size_t end_of_bytes(struct str file, size_t from)
{
    size_t end = file.n;

    while (end > from && file.p[end - 1] == 0)
        end--;
    return end;
}

static bool all_zero(const char *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Whether a sector that [from, to) touches is missing: zeros, though a write reached behind it or
 * should have. From `end` on there are zeros only. */
static bool lacks_sector(struct str file, size_t from, size_t to, size_t end)
{
    for (size_t at = from; at < to;) {
        size_t next = (at / SECTOR + 1) * SECTOR;

        if (at >= end || (next < end && all_zero(file.p + at, next - at)))
            return true;
        at = next;
    }
    return false;
}

/* Nothing sound follows the bytes [from, end), and from `end` on there are zeros only. A write that
 * was not finished lacks a sector, or the file ends before it does. What has a bit of each of its
 * sectors was whole and was damaged later; that it ends with zeros says nothing, so may a payload.
 */
static bool is_unfinished(struct str file, const uint8_t stream[STREAM_ID_SIZE], size_t from,
                          size_t end)
{
    const char *p = file.p + from;
    size_t size;

    if (end - from < RECORD_HEAD) /* and behind the head would be the name of a team */
        return true;
    if (!sound_head(p, stream)) /* how far the record goes is not known */
        return lacks_sector(file, from, from + RECORD_HEAD, end);
    size = RECORD_HEAD + get_u16(p + REC_TEAM_N) + (size_t)get_u32(p + REC_PAYLOAD_N);
    return size > file.n - from || lacks_sector(file, from, from + size, end);
}

size_t segment_scan(struct str file, const uint8_t stream[STREAM_ID_SIZE], size_t from,
                    const struct segment_visitor *v)
{
    size_t at = from, end = from, bad_from = 0;
    bool bad = false;

    while (at < file.n) {
        struct segment_record r;
        size_t size = 0;
        enum segment_found f =
            segment_read_record((struct str){file.p + at, file.n - at}, stream, &r, &size);

        if (f == FOUND_RECORD) {
            if (bad)
                v->on_bad(v->arg, bad_from, at, false);
            bad = false;
            v->on_record(v->arg, at, size, &r);
            at += size;
            end = at;
            continue;
        }
        if (!bad) {
            bad = true;
            bad_from = at;
        }
        at = f == FOUND_BAD_BODY ? at + size : next_head(file, stream, at + 1);
    }
    if (bad && (at = end_of_bytes(file, bad_from)) > bad_from)
        v->on_bad(v->arg, bad_from, at, is_unfinished(file, stream, bad_from, at));
    return end;
}

/* ---- names --------------------------------------------------------------------------------------
 */

void segment_stream_hex(const uint8_t stream[STREAM_ID_SIZE], char out[33])
{
    for (int i = 0; i < STREAM_ID_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", stream[i]);
}

void segment_name(uint64_t number, const char stream_hex[33], char out[SEGMENT_NAME_SIZE])
{
    snprintf(out, SEGMENT_NAME_SIZE, "%016llx-%.32s.seg", (unsigned long long)number, stream_hex);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool segment_parse_name(struct str name, uint64_t *number, uint8_t stream[STREAM_ID_SIZE])
{
    *number = 0;
    if (name.n != SEGMENT_NAME_SIZE - 1 || name.p[16] != '-' || !str_ends(name, S(".seg")))
        return false;
    for (size_t i = 0; i < 49; i++) {
        int d = hex_digit(name.p[i]);
        size_t nibble = i - 17;

        if (i == 16)
            continue;
        if (d < 0)
            return false;
        if (i < 16)
            *number = *number << 4 | (uint64_t)d;
        else if (nibble % 2 == 0)
            stream[nibble / 2] = (uint8_t)(d << 4);
        else
            stream[nibble / 2] = (uint8_t)(stream[nibble / 2] | d);
    }
    return true;
}
