/*
 * segment.h - the file format of a spool segment, as pure functions over bytes. Private to spool.
 *
 * A file is a header, then records back to back. Numbers are little endian.
 *   header: magic "TRGSPL1\n" · u32 size of the header · u32 crc · stream id (16 bytes) ·
 *           u64 number · i64 created_ms · u32 n_teams · n_teams times {u64 last seq, u16 n, name}
 *   record: magic "\xF1TrR" · u32 n of the payload · u16 n of the team · u16 flags · u64 seq ·
 *           u64 prev · i64 appended_ms · u32 crc of the body · u32 crc of the head · team · payload
 * The CRCs (CRC-32C) of a record begin with the stream id, so that blocks of another segment that
 * a crash left in the file are not taken for records of this one. The head has its own, so that a
 * damaged body can be stepped over exactly.
 * Flag 1: the record belongs to a group, of which the next record is a part too. A group whose last
 * record is missing at the end of a file is an unfinished write.
 *
 * Behind the records may stand zeros, written ahead of those to come (fill.c). So a write that was
 * not finished need not be short: the disk may lack its end or any sector of it, with zeros there.
 */
#ifndef TRIAGED_SPOOL_SEGMENT_H
#define TRIAGED_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/buf.h"
#include "triaged/base/str.h"

enum {
    STREAM_ID_SIZE = 16,
    SEGMENT_HEAD_MIN = 52,
    SEGMENT_HEAD_MAX = 2 * 1024 * 1024, /* 4096 teams with the longest names: 1.1 MB */
    RECORD_HEAD = 44,
    SECTOR = 512, /* what a disk writes as a whole, or a multiple of it */
};

struct segment_head {
    uint8_t stream[STREAM_ID_SIZE];
    uint64_t number;
    int64_t created_ms;
    uint32_t n_teams;
    struct str teams; /* the encoded table; walk it with segment_head_team */
};

struct segment_record {
    uint64_t seq, prev;
    int64_t at_ms;
    bool more; /* of its group follows */
    struct str team, payload;
};

/* Appends a header without teams; segment_put_team each, then segment_end_head. */
void segment_begin_head(struct buf *b, const uint8_t stream[STREAM_ID_SIZE], uint64_t number,
                        int64_t created_ms);
void segment_put_team(struct buf *b, uint64_t last_seq, struct str name);
/* b must hold nothing but the header. */
void segment_end_head(struct buf *b, uint32_t n_teams);
/* False when the bytes do not begin with a whole, sound header. *size = its length. */
bool segment_read_head(struct str bytes, struct segment_head *out, size_t *size);
/* Takes the next team from h->teams. False at the end. */
bool segment_head_team(struct segment_head *h, uint64_t *last_seq, struct str *name);

static inline size_t segment_record_size(struct str team, struct str payload)
{
    return RECORD_HEAD + team.n + payload.n;
}
/* Appends a record. team and payload are within their limits (spool.h). */
bool segment_put_record(struct buf *b, const uint8_t stream[STREAM_ID_SIZE],
                        const struct segment_record *r);

/* Makes the record at p, written with `more`, the last of its group. */
void segment_end_group(char *p, const uint8_t stream[STREAM_ID_SIZE]);

enum segment_found {
    FOUND_RECORD,
    FOUND_SHORT,    /* the bytes end within the record */
    FOUND_BAD_BODY, /* a sound head with a damaged body; *size = what to step over */
    FOUND_NOTHING   /* no sound head here */
};
/* What stands at the beginning of bytes. *size = the record's length (RECORD, BAD_BODY). */
enum segment_found segment_read_record(struct str bytes, const uint8_t stream[STREAM_ID_SIZE],
                                       struct segment_record *out, size_t *size);

struct segment_visitor {
    void (*on_record)(void *arg, size_t offset, size_t size, const struct segment_record *r);
    /* Bytes [from, to) are no records. torn: an unfinished write, the last of the file. */
    void (*on_bad)(void *arg, size_t from, size_t to, bool torn);
    void *arg;
};
/* Walks all records from offset `from` on, past damage. Linear in the size of the file. Returns the
 * end of the last sound record (or `from`): what follows was told to on_bad, or is zeros to the end
 * of the file. */
size_t segment_scan(struct str file, const uint8_t stream[STREAM_ID_SIZE], size_t from,
                    const struct segment_visitor *v);

/* File names: NUMBER-STREAM.seg, 16 and 32 hex digits, so that the order and the stream survive a
 * damaged header. */
enum { SEGMENT_NAME_SIZE = 16 + 1 + 32 + 4 + 1 };
void segment_name(uint64_t number, const char stream_hex[33], char out[SEGMENT_NAME_SIZE]);
bool segment_parse_name(struct str name, uint64_t *number, uint8_t stream[STREAM_ID_SIZE]);
void segment_stream_hex(const uint8_t stream[STREAM_ID_SIZE], char out[33]);

#endif
