/* conf: the reference and the shipped triaged.yaml say what the tables say. */
#include <ctype.h>

#include "conf_tables.h"
#include "conf_util.h"

#define SHIPPED SOURCE_ROOT "/conf/triaged.yaml"

static char *read_shipped(void)
{
    FILE *f = fopen(SHIPPED, "r");
    assert_non_null(f);
    char *text = calloc(1, 64 * 1024);
    assert_non_null(text);
    assert_true(fread(text, 1, 64 * 1024 - 1, f) > 0);
    fclose(f);
    return text;
}

/* ---- every field of a equals that of b ------------------------------------------------------- */

static void expect_same(const struct schema *s, const char *a, const char *b, const char *path);

static void expect_same_texts(const struct conf_texts *a, const struct conf_texts *b,
                              const char *path)
{
    if (a->n != b->n)
        fail_msg("%s: %zu texts, default %zu", path, a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        if (!str_eq(a->v[i].s, b->v[i].s))
            fail_msg("%s[%zu]", path, i);
}

static void expect_same_items(const struct schema_row *row, const char *a, const char *b,
                              const char *path)
{
    size_t n = *(const size_t *)(a + row->count);
    if (n != *(const size_t *)(b + row->count))
        fail_msg("%s: %zu items", path, n);
    for (size_t i = 0; row->sub && i < n; i++)
        expect_same(row->sub, *(char *const *)(a + row->offset) + i * row->sub->size,
                    *(char *const *)(b + row->offset) + i * row->sub->size, path);
}

static bool same_value(enum schema_kind kind, const char *a, const char *b)
{
    switch (kind) {
    case K_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case K_UINT:
    case K_DURATION:
    case K_SIZE:
        return memcmp(a, b, 8) == 0;
    case K_ENUM:
        return memcmp(a, b, sizeof(int)) == 0;
    case K_TEXT:
    case K_PATH:
        return str_eq(*(const struct str *)a, *(const struct str *)b);
    default:
        return true;
    }
}

static void expect_same(const struct schema *s, const char *a, const char *b, const char *path)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        char here[200];
        snprintf(here, sizeof here, "%s.%s", path, row->key);
        if (row->kind == K_STRUCT)
            expect_same(row->sub, a + row->offset, b + row->offset, here);
        else if (row->kind == K_LIST || row->kind == K_MAP || row->kind == K_NAMES)
            expect_same_items(row, a, b, here);
        else if (row->kind == K_TEXTS)
            expect_same_texts((const void *)(a + row->offset), (const void *)(b + row->offset),
                              here);
        else if (!same_value(row->kind, a + row->offset, b + row->offset))
            fail_msg("%s is not the default", here);
    }
}

/* ---- the shipped file ------------------------------------------------------------------------ */

static struct conf *load_with_teams(const char *yaml)
{
    char *text = NULL;
    assert_true(asprintf(&text, "%s%s", yaml, TEAMS) > 0);
    struct conf *c = load_good(text);
    free(text);
    return c;
}

static void shipped_values_are_the_defaults(void **state)
{
    (void)state;
    char *yaml = read_shipped();
    struct conf *shipped = load_with_teams(yaml), *plain = load_with_teams("");
    expect_same(&schema_root, (const char *)shipped, (const char *)plain, "");
    conf_unref(shipped);
    conf_unref(plain);
    free(yaml);
}

/* Sections whose keys stand in conf/rules.d. */
static bool is_policy(const char *key)
{
    static const char *const keys[] = {"categories",   "priority", "sla",      "flap",
                                       "teams",        "default_team", "defaults", "services",
                                       "rules",        "known_errors", "heartbeats", "maintenance"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static void expect_keys(const struct schema *s, const char *yaml)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        char key[80];
        snprintf(key, sizeof key, "%s:", row->key);
        if (s == &schema_root && is_policy(row->key))
            continue;
        if (!strstr(yaml, key))
            fail_msg("conf/triaged.yaml does not show %s", row->key);
        if (row->sub)
            expect_keys(row->sub, yaml);
    }
}

static void shipped_file_shows_every_key(void **state)
{
    (void)state;
    char *yaml = read_shipped();
    expect_keys(&schema_root, yaml);
    free(yaml);
}

/* "  # key: value" and "  # - item" are examples; other comments are prose. */
static bool is_example(const char *comment)
{
    const char *p = comment + 1;
    while (*p == ' ')
        p++;
    if (strncmp(p, "- ", 2) == 0)
        return true;
    const char *word = p;
    while (islower((unsigned char)*p) || *p == '_')
        p++;
    return p > word && *p == ':' && p[1] == ' ';
}

static void append_line(char *out, const char *line, unsigned *digests)
{
    const char *hash = line + strspn(line, " ");
    const char *digest = strstr(line, "64 hex digits");
    if (*hash == '#' && is_example(hash) && digest)
        sprintf(out + strlen(out), "%.*s%.*s%064x%s\n", (int)(hash - line), line,
                (int)(digest - hash - 2), hash + 2, ++*digests, digest + 13);
    else if (*hash == '#' && is_example(hash))
        sprintf(out + strlen(out), "%.*s%s\n", (int)(hash - line), line, hash + 2);
    else
        sprintf(out + strlen(out), "%s\n", line);
}

static void shipped_examples_are_right_too(void **state)
{
    (void)state;
    char *yaml = read_shipped(), *save = NULL;
    char *out = calloc(1, 128 * 1024);
    unsigned digests = 0;
    assert_non_null(out);
    for (char *line = strtok_r(yaml, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        append_line(out, line, &digests);
    struct conf *c = load_with_teams(out);
    assert_int_equal(c->n_tokens, 2);
    assert_int_equal(c->n_mappings, 1);
    assert_int_equal(c->n_syslog, 4);
    assert_true(c->http[0].tls.client_ca.n > 0);
    conf_unref(c);
    free(out);
    free(yaml);
}

/* ---- the reference --------------------------------------------------------------------------- */

static char *reference(void)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    conf_print_reference(f);
    fclose(f);
    return text;
}

static void reference_has_every_kind_of_row(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\nworkers (number 1 to 64; default 1; changes at a restart)\n    Threads, ",
        "\nlisten.syslog[].address (text; required)\n",
        "\nspool.sync (always, interval or never; default always; changes at a restart)\n",
        "\nlimits.syslog_idle (duration or none; default none)\n",
        "\nteams.NAME.id (text; required)\n",
        "\npriority.matrix.high.low (P1, P2, P3 or P4; required)\n",
        "\nsla.P3.confirm (required or optional; default optional)\n",
        "\nrules[].threshold.per (list of texts)\n",
        "\nrules[].drop (true or false; default false)\n",
        "\nmaintenance[].weekly.days (list of days; required)\n",
        "\nwebhooks[].labels (mapping of names to texts; required)\n",
        "\nservices (sections by name)\n",
    };
    char *text = reference();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strstr(text, rows[i]))
            fail_msg("no row %s", rows[i]);
    free(text);
}

/* What the walk relies on. */
static void expect_sound(const struct schema *s)
{
    assert_true(s->n <= 64);
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_row *row = &s->rows[i];
        bool holds = row->kind == K_STRUCT || row->kind == K_LIST || row->kind == K_MAP;
        if (!row->help || !*row->help || row->help[strlen(row->help) - 1] == '.')
            fail_msg("%s: help", row->key);
        if (holds != (row->sub != NULL) || (row->kind == K_ENUM) > (row->names != NULL) ||
            (row->kind == K_CUSTOM) != (row->read != NULL))
            fail_msg("%s: row", row->key);
        if (row->kind == K_NAMES && (!row->what || !row->count))
            fail_msg("%s: names", row->key);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->key, s->rows[j].key);
        if (row->sub)
            expect_sound(row->sub);
    }
}

static void tables_are_sound(void **state)
{
    (void)state;
    expect_sound(&schema_root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_values_are_the_defaults),
        cmocka_unit_test(shipped_file_shows_every_key),
        cmocka_unit_test(shipped_examples_are_right_too),
        cmocka_unit_test(reference_has_every_kind_of_row),
        cmocka_unit_test(tables_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
