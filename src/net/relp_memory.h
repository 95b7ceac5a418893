/*
 * relp_memory.h - which RELP messages are kept here though their sender may not know it: if their
 * connection breaks, it sends them again. Shared by all workers of the process, and by the next
 * process when this one was killed. Private to src/net.
 */
#ifndef TRIAGED_SRC_NET_RELP_MEMORY_H
#define TRIAGED_SRC_NET_RELP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "triaged/base/str.h"
#include "triaged/net/syslog_server.h"

enum {
    RELP_MEMORY_SLOTS = 16384,
    RELP_MEMORY_MS = 10 * 60 * 1000, /* how long after its connection broke a message is known */
    RELP_WRITERS = 64,               /* those beyond share the last one's numbers */
    RELP_NO_SLOT = UINT32_MAX,
};

struct relp_mark { /* of one message of one sender */
    uint64_t peer, message;
};

/* Of a peer's name or of a message: never 0, the same in every process. */
uint64_t relp_hash(struct str s);

/* A reference to the process' memory. NULL is never returned. */
struct relp_memory *relp_memory_open(void);
void relp_memory_close(struct relp_memory *m); /* accepts NULL */
/* Keeps marks in this file from now on, so that they survive a kill, and takes over those that the
 * last process left there, unless the machine was started since. Does nothing when it has a file.
 * False with errno: goes on without the file, but with what was taken over. */
bool relp_memory_use_file(struct relp_memory *m, const char *path,
                          syslog_was_written_fn *was_written, void *arg);

/* Whoever writes messages down, and is asked for below. */
unsigned relp_memory_writer(struct relp_memory *m);
/* Remembers a message of a living session. The mark survives a kill of this process from the
 * writer's next commit on; the receipt is what relp_memory_durable counts. RELP_NO_SLOT when there
 * is no room. */
uint32_t relp_memory_note(struct relp_memory *m, unsigned writer, struct relp_mark mark,
                          uint64_t receipt);
/* All that the writer noted until now is about to be written to that place: if a kill comes before
 * one of the next two, the next process finds out by the place whether it was. */
void relp_memory_begin(struct relp_memory *m, unsigned writer, const struct syslog_place *place);
void relp_memory_give_up(struct relp_memory *m, unsigned writer); /* it was not */
void relp_memory_commit(struct relp_memory *m, unsigned writer);  /* it is */
/* What the writer gave receipts up to this one is durable. */
void relp_memory_durable(struct relp_memory *m, unsigned writer, uint64_t receipt);
/* Is that message? Whoever claimed it may be another worker than the one that writes it. */
bool relp_memory_is_durable(struct relp_memory *m, uint32_t slot);
/* The sender knows; RELP_NO_SLOT is accepted. */
void relp_memory_forget(struct relp_memory *m, uint32_t slot);
/* The session has ended: the message may come again. */
void relp_memory_orphan(struct relp_memory *m, uint32_t slot, int64_t now_ms);
/* Is it one that may come again? Then its slot is the caller's, noted as before; else RELP_NO_SLOT.
 */
uint32_t relp_memory_claim(struct relp_memory *m, struct relp_mark mark, int64_t now_ms);

#endif
