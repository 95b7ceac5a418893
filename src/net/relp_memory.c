/*
 * relp_memory.c - a table of marks (hash of sender, hash of message), mirrored in a mapped file.
 * Owns: the process-wide table behind a lock; the file; which marks make room for others.
 * Never: knows a connection.
 *
 * The file is shared memory with the next process: a mark that stands in it survives kill -9
 * without any system call. After a restart of the machine it is not believed, for then a mark may
 * have reached the disk and its message not; the boot id in its head tells.
 *
 * A mark is put into the file before its message is written down, with the number of that write
 * (of that writer: each worker is one). It counts if that write came about. The head says so: by
 * the last number that was written; or, when the kill came between a write and this note of it, by
 * the place of the write that was under way, where the next process looks for it.
 *
 * Whatever the head and a mark say in several words must be believed only when all are there: of a
 * mark `message` is written last and cleared first, of a write its number.
 *
 * The next process makes a file of its own and puts it in the place of the old one in one step, so
 * that a kill during the start loses nothing either.
 *
 * A slot is FREE, LIVE (its session lives) or an ORPHAN, which is on the list of orphans, oldest
 * first, and can be found by its mark.
 */
#include "relp_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "triaged/base/clock.h"
#include "triaged/base/hash.h"
#include "triaged/base/list.h"
#include "triaged/base/log.h"
#include "triaged/base/mem.h"

enum { BUCKETS = 4096, BOOT_ID_SIZE = 40 };

enum state { FREE, LIVE, ORPHAN };

struct slot {
    struct list node; /* free or orphans */
    struct list bucket;
    struct relp_mark mark;
    int64_t since_ms;
    enum state state;
    uint64_t number;  /* of its commit, and whose: see number_of */
    uint64_t receipt; /* of that writer; 0: of an earlier process, durable long since */
};

/* As it stands in the file. */
struct file_mark {
    uint64_t peer, number;
    _Atomic uint64_t message; /* 0: none */
};

struct file_write { /* under way */
    struct syslog_place place;
    _Atomic uint64_t number; /* 0: none */
};

struct file_head {
    char magic[8];
    char boot_id[BOOT_ID_SIZE];
    _Atomic uint64_t committed[RELP_WRITERS];
    struct file_write writes[RELP_WRITERS];
    struct file_mark marks[RELP_MEMORY_SLOTS];
};

struct relp_memory {
    unsigned refs, writers;
    uint64_t committed[RELP_WRITERS], durable[RELP_WRITERS];
    struct list free, orphans;
    struct list buckets[BUCKETS];
    struct slot slots[RELP_MEMORY_SLOTS];
    struct file_head *file; /* mapped, or NULL */
};

static const char magic[8] = "trgRELP3";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct relp_memory *memory;

/* A sender that makes two messages collide harms its own count only. */
uint64_t relp_hash(struct str s)
{
    static const uint8_t key[16] = "triaged-relp-key";
    uint64_t h = hash_sip64(key, s.p, s.n);

    return h ? h : 1;
}

/* ---- slots: all under the lock --------------------------------------------------------------- */

static struct list *bucket_of(struct relp_memory *m, struct relp_mark mark)
{
    return &m->buckets[(mark.peer ^ mark.message) % BUCKETS];
}

/* Number and writer in one; 0 always counts. */
static uint64_t number_of(uint64_t n, unsigned writer)
{
    return n * RELP_WRITERS + writer;
}

static void mirror(struct relp_memory *m, const struct slot *s)
{
    struct file_mark *f;

    if (!m->file)
        return;
    f = &m->file->marks[s - m->slots];
    if (s->state == FREE) {
        atomic_store(&f->message, 0);
    } else {
        f->peer = s->mark.peer;
        f->number = s->number;
        atomic_store(&f->message, s->mark.message);
    }
}

static void release(struct relp_memory *m, struct slot *s)
{
    list_remove(&s->node);
    list_remove(&s->bucket);
    s->state = FREE;
    list_prepend(&m->free, &s->node);
    mirror(m, s);
}

static void make_orphan(struct relp_memory *m, struct slot *s, int64_t now_ms)
{
    s->state = ORPHAN;
    s->since_ms = now_ms;
    list_append(&m->orphans, &s->node);
    list_append(bucket_of(m, s->mark), &s->bucket);
}

static void expire(struct relp_memory *m, int64_t now_ms)
{
    struct slot *s;

    while ((s = LIST_FIRST(&m->orphans, struct slot, node)) &&
           now_ms - s->since_ms >= RELP_MEMORY_MS)
        release(m, s);
}

/* A free slot; the oldest orphan's when none is left; NULL when all sessions live. */
static struct slot *take_slot(struct relp_memory *m)
{
    if (list_empty(&m->free) && !list_empty(&m->orphans))
        release(m, LIST_FIRST(&m->orphans, struct slot, node));
    struct slot *s = LIST_FIRST(&m->free, struct slot, node);

    if (s)
        list_remove(&s->node);
    return s;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct relp_memory *relp_memory_open(void)
{
    pthread_mutex_lock(&lock);
    if (!memory) {
        memory = NEW(struct relp_memory);
        list_init(&memory->free);
        list_init(&memory->orphans);
        for (size_t i = 0; i < BUCKETS; i++)
            list_init(&memory->buckets[i]);
        for (size_t i = 0; i < RELP_MEMORY_SLOTS; i++) {
            list_init(&memory->slots[i].bucket);
            list_append(&memory->free, &memory->slots[i].node);
        }
    }
    memory->refs++;
    pthread_mutex_unlock(&lock);
    return memory;
}

void relp_memory_close(struct relp_memory *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&lock);
    if (--m->refs == 0) {
        if (m->file)
            munmap(m->file, sizeof(*m->file));
        free(m);
        memory = NULL;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- file ------------------------------------------------------------------------------------ */

static bool read_boot_id(char out[BOOT_ID_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, BOOT_ID_SIZE);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    memset(out + n, 0, BOOT_ID_SIZE - (size_t)n);
    return true;
}

static struct file_head *map_new(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err;
    void *p = MAP_FAILED;

    if (fd < 0)
        return NULL;
    /* Allocated whole: a store into a hole of a full disk would kill us. */
    err = posix_fallocate(fd, 0, sizeof(struct file_head));
    if (err == 0)
        p = mmap(NULL, sizeof(struct file_head), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    else
        errno = err;
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

/* Up to n bytes of the file; says what cannot be read. */
static size_t read_file(const char *path, char *p, size_t n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t r = fd < 0 && errno != ENOENT ? -1 : 0;
    size_t got = 0;

    while (fd >= 0 && got < n && (r = read(fd, p + got, n - got)) > 0)
        got += (size_t)r;
    if (r < 0)
        log_warn("net", "%s: %s; RELP messages that are sent again now may count twice", path,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
    return got;
}

/* What the last process left, or NULL. */
static struct file_head *read_old(const char *path, const char boot_id[BOOT_ID_SIZE])
{
    struct file_head *old = xmalloc(sizeof(*old));

    if (read_file(path, (char *)old, sizeof(*old)) == sizeof(*old) &&
        memcmp(old->magic, magic, sizeof(magic)) == 0 &&
        memcmp(old->boot_id, boot_id, BOOT_ID_SIZE) == 0)
        return old;
    free(old);
    return NULL;
}

/* The write that was under way when the last process ended. */
static void finish_writes(struct file_head *old, syslog_was_written_fn *was_written, void *arg)
{
    for (unsigned i = 0; i < RELP_WRITERS; i++)
        if (old->writes[i].number > old->committed[i] && was_written(arg, &old->writes[i].place))
            old->committed[i] = old->writes[i].number;
}

static bool counts(const struct file_head *old, const struct file_mark *mark)
{
    return mark->message &&
           mark->number / RELP_WRITERS <= old->committed[mark->number % RELP_WRITERS];
}

/* It was killed or has stopped: its sessions have ended either way. */
static void adopt_marks(struct relp_memory *m, const struct file_head *old)
{
    int64_t now = clock_mono_ms();

    for (size_t i = 0; i < RELP_MEMORY_SLOTS; i++) {
        struct slot *s = counts(old, &old->marks[i]) ? take_slot(m) : NULL;

        if (!s)
            continue;
        s->mark = (struct relp_mark){old->marks[i].peer, old->marks[i].message};
        s->number = s->receipt = 0;
        make_orphan(m, s, now);
        mirror(m, s);
    }
}

/* m->file is mapped and empty. */
static void fill_file(struct relp_memory *m, const char boot_id[BOOT_ID_SIZE])
{
    memcpy(m->file->boot_id, boot_id, BOOT_ID_SIZE);
    memcpy(m->file->magic, magic, sizeof(magic));
    for (unsigned i = 0; i < RELP_WRITERS; i++)
        m->file->committed[i] = m->committed[i];
    for (size_t i = 0; i < RELP_MEMORY_SLOTS; i++)
        mirror(m, &m->slots[i]);
}

static bool start_file(struct relp_memory *m, const char *path, const char *fresh,
                       syslog_was_written_fn *was_written, void *arg)
{
    char boot_id[BOOT_ID_SIZE];
    struct file_head *old;
    int e;

    if (!read_boot_id(boot_id))
        return false;
    old = read_old(path, boot_id);
    if (old) {
        finish_writes(old, was_written, arg);
        adopt_marks(m, old);
        free(old);
    }
    m->file = map_new(fresh);
    if (m->file)
        fill_file(m, boot_id);
    if (m->file && rename(fresh, path) == 0)
        return true;
    e = errno;
    if (m->file)
        munmap(m->file, sizeof(*m->file));
    m->file = NULL;
    unlink(fresh);
    unlink(path); /* what it says is true no longer once we have taken messages */
    errno = e;
    return false;
}

bool relp_memory_use_file(struct relp_memory *m, const char *path,
                          syslog_was_written_fn *was_written, void *arg)
{
    char *fresh = xasprintf("%s.new", path);
    bool ok;

    pthread_mutex_lock(&lock);
    ok = m->file || start_file(m, path, fresh, was_written, arg);
    pthread_mutex_unlock(&lock);
    free(fresh);
    return ok;
}

/* ---- marks ----------------------------------------------------------------------------------- */

unsigned relp_memory_writer(struct relp_memory *m)
{
    unsigned writer;

    pthread_mutex_lock(&lock);
    writer = m->writers < RELP_WRITERS ? m->writers++ : RELP_WRITERS - 1;
    pthread_mutex_unlock(&lock);
    return writer;
}

void relp_memory_begin(struct relp_memory *m, unsigned writer, const struct syslog_place *place)
{
    struct file_write *f;

    pthread_mutex_lock(&lock);
    if (m->file) {
        f = &m->file->writes[writer];
        atomic_store(&f->number, 0);
        f->place = *place;
        atomic_store(&f->number, m->committed[writer] + 1);
    }
    pthread_mutex_unlock(&lock);
}

void relp_memory_give_up(struct relp_memory *m, unsigned writer)
{
    pthread_mutex_lock(&lock);
    if (m->file)
        atomic_store(&m->file->writes[writer].number, 0);
    pthread_mutex_unlock(&lock);
}

void relp_memory_commit(struct relp_memory *m, unsigned writer)
{
    pthread_mutex_lock(&lock);
    m->committed[writer]++;
    if (m->file)
        atomic_store(&m->file->committed[writer], m->committed[writer]);
    pthread_mutex_unlock(&lock);
}

void relp_memory_durable(struct relp_memory *m, unsigned writer, uint64_t receipt)
{
    pthread_mutex_lock(&lock);
    m->durable[writer] = receipt;
    pthread_mutex_unlock(&lock);
}

bool relp_memory_is_durable(struct relp_memory *m, uint32_t slot)
{
    bool is;

    pthread_mutex_lock(&lock);
    is = m->slots[slot].receipt <= m->durable[m->slots[slot].number % RELP_WRITERS];
    pthread_mutex_unlock(&lock);
    return is;
}

uint32_t relp_memory_note(struct relp_memory *m, unsigned writer, struct relp_mark mark,
                          uint64_t receipt)
{
    uint32_t at = RELP_NO_SLOT;
    struct slot *s;

    pthread_mutex_lock(&lock);
    s = take_slot(m);
    if (s) {
        s->state = LIVE;
        s->mark = mark;
        s->number = number_of(m->committed[writer] + 1, writer);
        s->receipt = receipt;
        mirror(m, s);
        at = (uint32_t)(s - m->slots);
    }
    pthread_mutex_unlock(&lock);
    return at;
}

void relp_memory_forget(struct relp_memory *m, uint32_t slot)
{
    if (slot == RELP_NO_SLOT)
        return;
    pthread_mutex_lock(&lock);
    release(m, &m->slots[slot]);
    pthread_mutex_unlock(&lock);
}

void relp_memory_orphan(struct relp_memory *m, uint32_t slot, int64_t now_ms)
{
    if (slot == RELP_NO_SLOT)
        return;
    pthread_mutex_lock(&lock);
    expire(m, now_ms);
    make_orphan(m, &m->slots[slot], now_ms);
    pthread_mutex_unlock(&lock);
}

uint32_t relp_memory_claim(struct relp_memory *m, struct relp_mark mark, int64_t now_ms)
{
    uint32_t at = RELP_NO_SLOT;

    pthread_mutex_lock(&lock);
    expire(m, now_ms);
    LIST_FOR_EACH (s, bucket_of(m, mark), struct slot, bucket) {
        if (s->mark.peer != mark.peer || s->mark.message != mark.message)
            continue;
        list_remove(&s->node);
        list_remove(&s->bucket);
        s->state = LIVE;
        at = (uint32_t)(s - m->slots);
        break;
    }
    pthread_mutex_unlock(&lock);
    return at;
}
