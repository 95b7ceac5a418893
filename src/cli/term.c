/*
 * term.c - widths, colours and safe texts.
 * Owns nothing. Never: prints a byte of somebody else's text without looking at it.
 */
#include "term.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { WIDTH_MIN = 40, WIDTH_MAX = 1000, TEXT_MAX = 64 * 1024 * 1024 };

/* ---- the terminal ---------------------------------------------------------------------------- */

static size_t width_of(FILE *f)
{
    struct winsize size = {0};
    uint64_t columns = 0;

    if (!isatty(fileno(f)))
        return 0;
    if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns == 0 && !str_to_u64(str_c(getenv("COLUMNS")), &columns))
        columns = 80;
    return columns < WIDTH_MIN ? WIDTH_MIN : columns > WIDTH_MAX ? WIDTH_MAX : (size_t)columns;
}

static bool wants_colour(FILE *f, const char *color)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (color && strcmp(color, "auto") != 0)
        return strcmp(color, "always") == 0;
    if ((no_color && *no_color) || !isatty(fileno(f)))
        return false;
    return term && *term && strcmp(term, "dumb") != 0;
}

void term_init(struct term *t, FILE *f, const char *color)
{
    /* Only for wcwidth: its tables are those of the locale's character set. */
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        setlocale(LC_CTYPE, "");
    t->f = f;
    t->width = width_of(f);
    t->colour = wants_colour(f, color);
    t->now_ms = 0;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static uint32_t code_point(const char *p, size_t n)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (uint8_t)p[0] & masks[n];

    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((uint8_t)p[i] & 0x3f);
    return c;
}

/* Characters that turn the order of what stands around them, or are invisible on purpose. */
static bool is_deceptive(uint32_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
           c == 0x200f || c == 0x061c || (c >= 0xe0000 && c <= 0xe007f);
}

/* The character at s[i]: its bytes as they are printed, and its columns. */
struct glyph {
    struct str bytes;
    size_t length; /* bytes of s */
    size_t width;
    bool blank;
};

static struct glyph glyph_at(struct str s, size_t i)
{
    size_t n = str_utf8_seq(s, i);
    uint32_t c;
    int width;

    if (n == 0)
        return (struct glyph){S("\xef\xbf\xbd"), 1, 1, false};
    c = code_point(s.p + i, n);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
        return (struct glyph){S(" "), n, 1, true};
    if (is_deceptive(c))
        return (struct glyph){S("\xef\xbf\xbd"), n, 1, false};
    width = wcwidth((wchar_t)c);
    return (struct glyph){{s.p + i, n}, n, width < 0 ? 1 : (size_t)width, c == ' '};
}

size_t text_width(struct str s)
{
    size_t width = 0;

    for (size_t i = 0; i < s.n;) {
        struct glyph g = glyph_at(s, i);

        width += g.width;
        i += g.length;
    }
    return width;
}

size_t text_put(struct buf *b, struct str s, size_t width)
{
    bool cut = width && text_width(s) > width;
    size_t room = cut ? width - 1 : SIZE_MAX, used = 0;

    for (size_t i = 0; i < s.n;) {
        struct glyph g = glyph_at(s, i);

        if (used + g.width > room)
            break;
        buf_put_str(b, g.bytes);
        used += g.width;
        i += g.length;
    }
    if (cut) {
        buf_put_c(b, "…");
        used++;
    }
    return used;
}

/* Bytes of the next word of s, its width in *width. */
static size_t next_word(struct str s, size_t *width)
{
    size_t i = 0;

    *width = 0;
    while (i < s.n) {
        struct glyph g = glyph_at(s, i);

        if (g.blank)
            break;
        *width += g.width;
        i += g.length;
    }
    return i;
}

static void wrap_line(struct buf *b, struct str line, size_t indent, size_t width)
{
    size_t column = 0, word;
    bool first = true;

    while (line.n) {
        size_t n = next_word(line, &word);

        if (n && !first && width && column + 1 + word > width) {
            buf_printf(b, "\n%*s", (int)indent, "");
            column = 0;
        } else if (n && !first) {
            buf_put_char(b, ' ');
            column++;
        }
        column += text_put(b, str_sub(line, 0, n), 0);
        first = first && n == 0;
        line = str_sub(line, n + (n < line.n), line.n);
    }
}

void text_wrap(struct buf *b, struct str s, size_t indent, size_t width)
{
    width = width > indent + 10 ? width - indent : 0;
    while (s.n) {
        struct str line = str_cut(s, '\n', &s);

        wrap_line(b, line, indent, width);
        if (s.n)
            buf_printf(b, "\n%*s", (int)indent, "");
    }
}

/* ---- styles ---------------------------------------------------------------------------------- */

const char *style_on(const struct term *t, enum style s)
{
    static const char *const on[] = {
        [PLAIN] = "",         [BOLD] = "\033[1m",        [DIM] = "\033[2m",
        [RED] = "\033[31m",   [BOLD_RED] = "\033[1;31m", [YELLOW] = "\033[33m",
        [GREEN] = "\033[32m", [CYAN] = "\033[36m",       [MAGENTA] = "\033[35m",
    };
    return t->colour ? on[s] : "";
}

const char *style_off(const struct term *t, enum style s)
{
    return t->colour && s != PLAIN ? "\033[0m" : "";
}

void term_put(const struct term *t, enum style s, struct str text)
{
    struct buf b;

    buf_init(&b, TEXT_MAX);
    text_put(&b, text, 0);
    fprintf(t->f, "%s%.*s%s", style_on(t, s), (int)b.n, b.n ? b.p : "", style_off(t, s));
    buf_finish(&b);
}
