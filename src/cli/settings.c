/*
 * settings.c - finds the client's settings.
 * Owns nothing. Called by: client.c. The files are YAML: url, token, token_file, ca_file, team,
 * actor.
 */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/ynode.h"
#include "triaged/base/buf.h"

#define SYSTEM_FILE TRIAGED_SYSCONFDIR "/triaged/triagectl.yaml"

enum { FILE_MAX = 64 * 1024, TOKEN_MAX = 4096 };

static const struct {
    const char *key, *option, *variable;
} names[SETTINGS_N] = {
    [SET_URL] = {"url", "url", "TRIAGED_URL"},
    [SET_TOKEN] = {"token", "token", "TRIAGED_TOKEN"},
    [SET_TOKEN_FILE] = {"token_file", "token-file", "TRIAGED_TOKEN_FILE"},
    [SET_CA_FILE] = {"ca_file", "ca-file", "TRIAGED_CA_FILE"},
    [SET_TEAM] = {"team", "team", "TRIAGED_TEAM"},
    [SET_ACTOR] = {"actor", "actor", "TRIAGED_ACTOR"},
};

/* ---- files ----------------------------------------------------------------------------------- */

static void unknown_key(struct diag *why, const struct ynode *n)
{
    const char *keys[SETTINGS_N], *near;

    for (size_t i = 0; i < SETTINGS_N; i++)
        keys[i] = names[i].key;
    near = str_nearest(n->key, keys, SETTINGS_N);
    ynode_key_error(why, n, "unknown key%s%s%s", near ? " (did you mean \"" : "", near ? near : "",
                    near ? "\"?)" : "; there are url, token, token_file, ca_file, team and actor");
}

/* A token of a nearer place is not displaced by another kind of token of a farther one. */
static bool is_settled(const struct settings *before, size_t i)
{
    if (i == SET_TOKEN || i == SET_TOKEN_FILE)
        return before->values[SET_TOKEN] || before->values[SET_TOKEN_FILE];
    return before->values[i] != NULL;
}

bool settings_read(struct settings *s, struct arena *arena, const char *file, struct str text,
                   struct diag *why)
{
    const struct settings before = *s;
    size_t errors = why->errors;
    struct ynode *root = ynode_parse(arena, file, text, why);

    if (!root)
        return false;
    if (root->kind != YNODE_MAP) {
        ynode_error(why, root, "must be a mapping: url, token, team, actor");
        return false;
    }
    for (const struct ynode *n = root->first; n; n = n->next) {
        size_t i = 0;

        while (i < SETTINGS_N && !str_eq_c(n->key, names[i].key))
            i++;
        if (i == SETTINGS_N)
            unknown_key(why, n);
        else if (n->kind != YNODE_SCALAR)
            ynode_error(why, n, "must be a text");
        else if (!is_settled(&before, i) && !ynode_is_null(n) && n->text.n)
            s->values[i] = arena_str(arena, n->text).p;
    }
    if (!before.values[SET_URL] && s->values[SET_URL])
        s->url_from = file;
    return why->errors == errors;
}

/* 1 read, 0 there is none, -1 said what is wrong. */
static int read_file(const char *file, size_t max, struct buf *b, struct diag *why)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC), error = 0;
    ssize_t n = 0;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    buf_init(b, max + 4096);
    while (fd >= 0 && buf_reserve(b, 4096) && (n = read(fd, b->p + b->n, 4096)) > 0)
        b->n += (size_t)n;
    if (fd < 0 || n < 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    if (!error && b->n <= max && !b->overflow)
        return 1;
    diag_error(why, file, 0, 0, NULL, "%s", error ? strerror(error) : "the file is too long");
    buf_finish(b);
    return -1;
}

static bool add_file(struct settings *s, struct arena *arena, const char *file, struct diag *why)
{
    struct buf b;
    int found = read_file(file, FILE_MAX, &b, why);
    bool ok;

    if (found <= 0)
        return found == 0;
    ok = settings_read(s, arena, file, buf_str(&b), why);
    buf_finish(&b);
    return ok;
}

/* ~/.config/triagectl.yaml, or NULL when nobody is at home. */
static const char *user_file(struct arena *arena)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (config && *config == '/')
        return arena_printf(arena, "%s/triagectl.yaml", config).p;
    if (home && *home == '/')
        return arena_printf(arena, "%s/.config/triagectl.yaml", home).p;
    return NULL;
}

/* ---- options and environment ----------------------------------------------------------------- */

static void add_options(struct settings *s, const struct cli_args *args)
{
    for (size_t i = 0; i < SETTINGS_N; i++)
        s->values[i] = args_get(args, names[i].option);
    if (s->values[SET_URL])
        s->url_from = "--url";
}

static void add_environment(struct settings *s)
{
    const struct settings before = *s;

    for (size_t i = 0; i < SETTINGS_N; i++) {
        const char *value = getenv(names[i].variable);

        if (value && *value && !is_settled(&before, i))
            s->values[i] = value;
    }
    if (!before.values[SET_URL] && s->values[SET_URL])
        s->url_from = "TRIAGED_URL";
}

/* ---- the token ------------------------------------------------------------------------------- */

static bool read_token_file(struct settings *s, struct arena *arena, struct diag *why)
{
    const char *file = s->values[SET_TOKEN_FILE];
    struct buf b;
    int found = read_file(file, TOKEN_MAX, &b, why);

    if (found == 0)
        diag_error(why, file, 0, 0, NULL, "there is no such token file");
    if (found <= 0)
        return false;
    s->values[SET_TOKEN] = arena_str(arena, str_trim(buf_str(&b))).p;
    buf_finish(&b);
    return true;
}

/* It becomes a line of a header. */
static bool check_token(const char *token, struct diag *why)
{
    for (const char *p = token; *p; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f) {
            diag_error(why, NULL, 0, 0, "token", "must be printable ASCII without blanks");
            return false;
        }
    }
    if (!*token)
        diag_error(why, NULL, 0, 0, "token", "is empty");
    return *token;
}

bool settings_find(struct settings *s, struct arena *arena, const struct cli_args *args,
                   struct diag *why)
{
    const char *user = user_file(arena);

    *s = (struct settings){0};
    add_options(s, args);
    add_environment(s);
    if ((user && !add_file(s, arena, user, why)) || !add_file(s, arena, SYSTEM_FILE, why))
        return false;
    if (!s->values[SET_URL]) {
        s->values[SET_URL] = SETTINGS_URL;
        s->url_from = "default";
    }
    if (!s->values[SET_TOKEN] && s->values[SET_TOKEN_FILE] && !read_token_file(s, arena, why))
        return false;
    return !s->values[SET_TOKEN] || check_token(s->values[SET_TOKEN], why);
}
