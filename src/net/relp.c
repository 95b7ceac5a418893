/*
 * relp.c - RELP frames out of a byte stream, whatever pieces the bytes come in.
 * Owns: the syntax of a frame and its limits; the syntax of offers.
 * Never: knows sessions, sequences or answers (syslog_relp.c does).
 *
 *   TXNR --SP--> COMMAND --SP--> DATALEN --SP--> DATA --length reached--> TRAILER --LF--> TXNR
 *                                        '--LF, length 0--> TXNR
 * A blank after the length 0, which some clients send, is let pass.
 */
#include "triaged/net/relp.h"

enum state { TXNR, COMMAND, DATALEN, DATA, TRAILER };

void relp_scanner_init(struct relp_scanner *s, uint64_t max_data)
{
    *s = (struct relp_scanner){.max_data = max_data};
    buf_init(&s->data, max_data);
}

void relp_scanner_finish(struct relp_scanner *s)
{
    buf_finish(&s->data);
}

static bool fail(struct relp_scanner *s, const char *error)
{
    s->error = error;
    return false;
}

static bool emit(struct relp_scanner *s, struct str data, relp_frame_fn *fn, void *arg)
{
    struct relp_frame f = {s->txnr, {s->command, s->command_n}, data, s->cut};
    bool more = fn(arg, &f);

    buf_reset(&s->data);
    s->state = TXNR;
    s->txnr = 0;
    s->digits = s->command_n = 0;
    s->left = 0;
    s->cut = false;
    return more;
}

/* ---- header ---------------------------------------------------------------------------------- */

static bool put_digit(struct relp_scanner *s, char c)
{
    unsigned digit = (unsigned)(c - '0');

    if (++s->digits > RELP_DIGITS_MAX)
        return fail(s, "a number of more than nine digits");
    if (s->state == TXNR)
        s->txnr = s->txnr * 10 + digit;
    else
        s->left = s->left * 10 + digit;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool put_letter(struct relp_scanner *s, char c)
{
    if (!is_letter(c))
        return fail(s, "a command that is no word");
    if (s->command_n == RELP_COMMAND_MAX)
        return fail(s, "a command of more than 32 letters");
    s->command[s->command_n++] = c;
    return true;
}

/* A blank ends a field that has at least one byte. */
static bool end_field(struct relp_scanner *s)
{
    if (s->state == COMMAND ? s->command_n == 0 : s->digits == 0)
        return fail(s, "an empty field");
    s->digits = 0;
    if (s->state == TXNR)
        s->state = COMMAND;
    else if (s->state == COMMAND)
        s->state = DATALEN;
    else
        s->state = s->left > 0 ? DATA : TRAILER;
    return true;
}

static bool step_header(struct relp_scanner *s, char c, relp_frame_fn *fn, void *arg)
{
    if (c == ' ')
        return end_field(s);
    if (s->state == COMMAND)
        return put_letter(s, c);
    if (c >= '0' && c <= '9')
        return put_digit(s, c);
    if (c == '\n' && s->state == DATALEN && s->digits > 0 && s->left == 0)
        return emit(s, (struct str){"", 0}, fn, arg);
    return fail(s, s->state == TXNR ? "no transaction number" : "no data length");
}

/* ---- data ------------------------------------------------------------------------------------ */

/* What fits of it. */
static struct str fitting(struct relp_scanner *s, struct str part)
{
    uint64_t room = s->max_data - s->data.n;

    if (part.n <= room)
        return part;
    s->cut = true;
    return str_sub(part, 0, (size_t)room);
}

/* The data and its trailer are all here, and nothing of it was kept before: no copy. */
static bool whole(const struct relp_scanner *s, struct str bytes)
{
    return s->data.n == 0 && !s->cut && s->left < bytes.n && bytes.p[s->left] == '\n';
}

static bool step_data(struct relp_scanner *s, struct str *bytes, relp_frame_fn *fn, void *arg)
{
    size_t here = s->left < bytes->n ? (size_t)s->left : bytes->n;
    struct str part = str_sub(*bytes, 0, here);

    if (whole(s, *bytes)) {
        *bytes = str_sub(*bytes, here + 1, bytes->n);
        return emit(s, fitting(s, part), fn, arg);
    }
    part = fitting(s, part);
    (void)buf_put(&s->data, part.p, part.n);
    s->left -= here;
    if (s->left == 0)
        s->state = TRAILER;
    *bytes = str_sub(*bytes, here, bytes->n);
    return true;
}

bool relp_scanner_feed(struct relp_scanner *s, struct str bytes, relp_frame_fn *fn, void *arg)
{
    while (bytes.n > 0) {
        switch ((enum state)s->state) {
        case TXNR:
        case COMMAND:
        case DATALEN:
            if (!step_header(s, bytes.p[0], fn, arg))
                return false;
            bytes = str_sub(bytes, 1, bytes.n);
            break;
        case DATA:
            if (!step_data(s, &bytes, fn, arg))
                return false;
            break;
        case TRAILER:
            if (bytes.p[0] != '\n')
                return fail(s, "data that does not end where its length says");
            bytes = str_sub(bytes, 1, bytes.n);
            if (!emit(s, buf_str(&s->data), fn, arg))
                return false;
            break;
        }
    }
    return true;
}

/* ---- offers ---------------------------------------------------------------------------------- */

struct str relp_offer(struct str data, const char *name)
{
    while (data.n > 0) {
        struct str line = str_cut(data, '\n', &data), value;

        if (str_eq_c(str_cut(line, '=', &value), name))
            return value.p ? value : S("");
    }
    return STR_NONE;
}

bool relp_offers(struct str list, struct str word)
{
    while (list.n > 0)
        if (str_eq(str_cut(list, ',', &list), word))
            return true;
    return false;
}
