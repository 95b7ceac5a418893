/*
 * syslog_frame.c - messages out of a byte stream (RFC 6587), whatever pieces the bytes come in.
 * Owns: telling octet counting from LF framing, anew for each frame; the limits of a frame.
 * Never: knows sockets, or looks at a message beyond its PRI.
 *
 * A frame is octet-counted only if it begins `COUNT SP < 1-3 digits >` with a COUNT of 1 to 9
 * digits: text may begin with a number too ("2019-02-19T12:02:54 …", "54 <1 minute"). A count that
 * is over the limit, but not beyond belief, keeps us in step: its head is kept, its rest skipped.
 *
 *   BETWEEN --first byte--> PREFIX --decided--> LINE --LF, NUL--> BETWEEN
 *                                  |              '--over limit--> SKIP_LINE --LF, NUL--> BETWEEN
 *                                  '----------> OCTETS --count reached--> BETWEEN
 *                                                 '--over limit--> SKIP_OCTETS --> BETWEEN
 * PREFIX is left within the same call unless the bytes end before it can be decided.
 */
#include "triaged/net/syslog_frame.h"

enum state { BETWEEN, PREFIX, LINE, OCTETS, SKIP_LINE, SKIP_OCTETS };

enum {
    COUNT_DIGITS_MAX = 9,
    PREFIX_MAX = COUNT_DIGITS_MAX + 1 + 5, /* "123456789 <191>" */
    BELIEVABLE = 16,                       /* counts up to this many times the limit */
    DEFAULT_MAX_MESSAGE = 64 * 1024,
};

enum verdict {
    V_MORE, /* undecided: wait for more bytes */
    V_SKIP, /* one byte between frames */
    V_LINE,
    V_COUNT, /* octet counted */
    V_BAD_COUNT,
    V_TLS,
};

void syslog_framer_init(struct syslog_framer *f, uint64_t max_message)
{
    *f = (struct syslog_framer){.max_message = max_message ? max_message : DEFAULT_MAX_MESSAGE};
    /* One byte over the limit may be a line end that does not count. */
    buf_init(&f->pending, f->max_message + 1 > PREFIX_MAX ? f->max_message + 1 : PREFIX_MAX);
}

void syslog_framer_finish(struct syslog_framer *f)
{
    buf_finish(&f->pending);
}

/* ---- how a frame begins ---------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

/* `COUNT SP <PRI>` at p. The header (count and SP) is *header bytes long. */
static enum verdict classify_count(const char *p, size_t n, uint64_t max, uint64_t *count,
                                   size_t *header)
{
    size_t i = 0, pri;

    *count = 0;
    for (; i < n && is_digit(p[i]); i++) {
        if (i == COUNT_DIGITS_MAX)
            return V_LINE;
        *count = *count * 10 + (uint64_t)(p[i] - '0');
    }
    if (i == n)
        return V_MORE;
    if (p[i++] != ' ')
        return V_LINE;
    *header = pri = i;
    if (i < n && p[i++] != '<')
        return V_LINE;
    for (; i < n && is_digit(p[i]); i++) {
        if (i - pri > 3)
            return V_LINE;
    }
    if (i == n)
        return V_MORE;
    if (p[i] != '>' || i - pri == 1)
        return V_LINE;
    /* It must reach past its own PRI, and be no more than BELIEVABLE limits. */
    if (*count < i + 1 - pri || (*count + BELIEVABLE - 1) / BELIEVABLE > max)
        return V_BAD_COUNT;
    return V_COUNT;
}

static enum verdict classify(const struct syslog_framer *f, const char *p, size_t n,
                             uint64_t *count, size_t *header)
{
    if (p[0] == '<')
        return V_LINE;
    if (is_separator(p[0]))
        return V_SKIP;
    if (p[0] >= '1' && p[0] <= '9')
        return classify_count(p, n, f->max_message, count, header);
    if (p[0] == ' ') { /* some senders put a blank between octet-counted frames */
        if (n < 2)
            return V_MORE;
        return p[1] == '<' || is_digit(p[1]) || is_separator(p[1]) ? V_SKIP : V_LINE;
    }
    if (p[0] == 0x16 && !f->started) { /* TLS handshake record, SSL 3.0 or later */
        if (n < 2)
            return V_MORE;
        return p[1] == 3 ? V_TLS : V_LINE;
    }
    return V_LINE;
}

/* ---- delivery ------------------------------------------------------------------------------- */

/* Bytes of the frame that may still be kept: the limit, and one that may be a line end. */
static uint64_t room(const struct syslog_framer *f)
{
    return f->pending.n > f->max_message ? 0 : f->max_message + 1 - f->pending.n;
}

static void deliver(struct syslog_framer *f, struct str frame, unsigned flags, syslog_frame_fn *fn,
                    void *arg)
{
    if (frame.n > f->max_message + 1) {
        frame.n = (size_t)f->max_message + 1;
        flags |= FRAME_TRUNCATED;
    }
    while (frame.n > 0 && is_separator(frame.p[frame.n - 1]))
        frame.n--;
    if (frame.n > f->max_message) {
        frame.n = (size_t)f->max_message;
        flags |= FRAME_TRUNCATED;
    }
    if (frame.n > 0)
        fn(arg, frame, flags | f->flags);
}

static void deliver_pending(struct syslog_framer *f, unsigned flags, syslog_frame_fn *fn, void *arg)
{
    deliver(f, buf_str(&f->pending), flags, fn, arg);
    buf_reset(&f->pending);
}

static void begin(struct syslog_framer *f, enum state state, unsigned flags)
{
    f->state = state;
    f->flags = flags;
    f->started = true;
}

/* ---- one step of each state: takes bytes off the front of *s --------------------------------- */

static bool step_prefix(struct syslog_framer *f, struct str *s)
{
    char joined[PREFIX_MAX];
    const char *p = s->p;
    size_t n = s->n, held = f->pending.n, header = 0;
    uint64_t count = 0;

    if (held > 0) { /* the prefix came in pieces: look at them together */
        size_t more = PREFIX_MAX - held < s->n ? PREFIX_MAX - held : s->n;
        memcpy(joined, f->pending.p, held);
        memcpy(joined + held, s->p, more);
        p = joined;
        n = held + more;
    }
    switch (classify(f, p, n, &count, &header)) {
    case V_MORE:
        (void)buf_put(&f->pending, s->p, s->n); /* shorter than PREFIX_MAX, or it were decided */
        *s = str_sub(*s, s->n, s->n);
        f->state = PREFIX;
        break;
    case V_SKIP:
        if (held > 0)
            buf_reset(&f->pending);
        else
            *s = str_sub(*s, 1, s->n);
        f->state = BETWEEN;
        break;
    case V_LINE:
        begin(f, LINE, 0);
        break;
    case V_BAD_COUNT:
        begin(f, LINE, FRAME_BAD_COUNT);
        break;
    case V_COUNT:
        begin(f, OCTETS, FRAME_OCTET);
        if (header >= held) {
            buf_reset(&f->pending);
            *s = str_sub(*s, header - held, s->n);
        } else {
            buf_drop(&f->pending, header);
        }
        f->left = count - f->pending.n;
        break;
    case V_TLS:
        f->flags = FRAME_TLS_BYTES;
        f->state = BETWEEN;
        return false;
    }
    return true;
}

/* Index of the first LF or NUL, or n. */
static size_t find_line_end(struct str s)
{
    size_t n = str_find_char(s, '\n');

    return str_find_char((struct str){s.p, n}, '\0');
}

static void step_line(struct syslog_framer *f, struct str *s, syslog_frame_fn *fn, void *arg)
{
    size_t end = find_line_end(*s);

    if (end < s->n && f->pending.n == 0) { /* whole within these bytes */
        deliver(f, str_sub(*s, 0, end), 0, fn, arg);
        f->state = BETWEEN;
    } else {
        bool over = end > room(f);
        (void)buf_put(&f->pending, s->p, over ? (size_t)room(f) : end);
        if (end < s->n || over) {
            deliver_pending(f, over ? FRAME_TRUNCATED : 0, fn, arg);
            f->state = end < s->n ? BETWEEN : SKIP_LINE;
        }
    }
    *s = str_sub(*s, end < s->n ? end + 1 : end, s->n);
}

static void step_octets(struct syslog_framer *f, struct str *s, syslog_frame_fn *fn, void *arg)
{
    size_t here = f->left < s->n ? (size_t)f->left : s->n;

    if (here == f->left && f->pending.n == 0) {
        deliver(f, str_sub(*s, 0, here), 0, fn, arg);
        f->left = 0;
        f->state = BETWEEN;
    } else {
        bool over = here > room(f);
        (void)buf_put(&f->pending, s->p, over ? (size_t)room(f) : here);
        f->left -= here;
        if (over || f->left == 0) {
            deliver_pending(f, over ? FRAME_TRUNCATED : 0, fn, arg);
            f->state = f->left > 0 ? SKIP_OCTETS : BETWEEN;
        }
    }
    *s = str_sub(*s, here, s->n);
}

static void step_skip(struct syslog_framer *f, struct str *s)
{
    if (f->state == SKIP_OCTETS) {
        size_t here = f->left < s->n ? (size_t)f->left : s->n;
        f->left -= here;
        *s = str_sub(*s, here, s->n);
        if (f->left == 0)
            f->state = BETWEEN;
    } else {
        size_t end = find_line_end(*s);
        if (end < s->n)
            f->state = BETWEEN;
        *s = str_sub(*s, end < s->n ? end + 1 : end, s->n);
    }
}

bool syslog_framer_feed(struct syslog_framer *f, struct str bytes, syslog_frame_fn *frame,
                        void *arg)
{
    if (f->flags & FRAME_TLS_BYTES)
        return false;
    while (bytes.n > 0) {
        switch ((enum state)f->state) {
        case BETWEEN:
        case PREFIX:
            if (!step_prefix(f, &bytes))
                return false;
            break;
        case LINE:
            step_line(f, &bytes, frame, arg);
            break;
        case OCTETS:
            step_octets(f, &bytes, frame, arg);
            break;
        case SKIP_LINE:
        case SKIP_OCTETS:
            step_skip(f, &bytes);
            break;
        }
    }
    return true;
}

void syslog_framer_close(struct syslog_framer *f, syslog_frame_fn *frame, void *arg)
{
    if (f->state == PREFIX)
        f->flags = 0;
    if (!(f->flags & FRAME_TLS_BYTES))
        deliver_pending(f, f->state == OCTETS ? FRAME_TRUNCATED : 0, frame, arg);
    f->state = BETWEEN;
}
