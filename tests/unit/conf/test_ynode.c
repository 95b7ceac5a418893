/* ynode: the tree, its places, and what YAML may not do here. */
#include "conf_util.h"
#include "ynode.h"

static struct ynode *parse(struct arena *a, struct str text, struct diag *why)
{
    arena_init(a, 0);
    diag_init(why);
    return ynode_parse(a, "t.yaml", text, why);
}

static void tree_knows_places_and_paths(void **state)
{
    (void)state;
    struct arena a;
    struct diag why;
    struct ynode *root = parse(&a, S("# head\nrules:\n  - name: disk\n    match: ['a=\"b\"', x]\n"
                                     "  - {name: \"net\", set: {team: noc}}\n"),
                               &why);
    assert_non_null(root);
    struct ynode *rules = ynode_get(root, "rules");
    assert_int_equal(rules->n, 2);
    struct ynode *match = ynode_get(rules->first, "match");
    assert_int_equal(match->first->line, 4);
    assert_int_equal(match->first->column, 13);
    assert_true(match->first->quoted);
    assert_false(match->last->quoted);
    assert_string_equal(ynode_path(&a, match->last), "rules[0].match[1]");
    struct ynode *team = ynode_get(ynode_get(rules->last, "set"), "team");
    assert_string_equal(ynode_path(&a, team), "rules[1].set.team");
    assert_int_equal(team->key_line, 5);
    assert_int_equal(team->key_column, 25);
    assert_int_equal(team->column, 31);
    assert_string_equal(ynode_path(&a, root), "");
    arena_finish(&a);
}

static void columns_count_characters_and_skip_a_bom(void **state)
{
    (void)state;
    struct arena a;
    struct diag why;
    struct ynode *root = parse(&a, S("\xef\xbb\xbf{\"\xc3\xa4\xc3\xb6\": x}"), &why);
    assert_non_null(root);
    assert_int_equal(root->first->key_column, 2);
    assert_int_equal(root->first->column, 8);
    arena_finish(&a);
}

static void empty_documents_are_empty_maps(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "# only a comment\n", "---\n", "~\n", "---\n...\n"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct diag why;
        struct ynode *root = parse(&a, str_c(rows[i]), &why);
        assert_non_null(root);
        assert_int_equal(root->kind, YNODE_MAP);
        assert_int_equal(root->n, 0);
        arena_finish(&a);
    }
}

static void nulls_are_told_from_texts(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        bool null;
    } rows[] = {{"a:", true},      {"a: ~", true},     {"a: null", true},  {"a: ''", false},
                {"a: \"~\"", false}, {"a: 'null'", false}, {"a: !!str", false}, {"a: nul", false},
                {"a: []", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct diag why;
        struct ynode *root = parse(&a, str_c(rows[i].yaml), &why);
        assert_non_null(root);
        if (ynode_is_null(root->first) != rows[i].null)
            fail_msg("%s", rows[i].yaml);
        arena_finish(&a);
    }
}

static const struct {
    const char *yaml, *errors;
} refused[] = {
    {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: duplicate key \"a\" (first at line 1)\n"},
    {"{x: {a: 1, 'a': 2}}\n", "t.yaml:1:12: duplicate key \"a\" (first at line 1)\n"},
    {"a: &x 1\n", "t.yaml:1:4: anchors (&name) are not supported; write the value where it is "
                  "needed\n"},
    {"a: &x [1]\nb: *x\n",
     "t.yaml:1:4: anchors (&name) are not supported; write the value where it is needed\n"
     "t.yaml:2:4: aliases (*name) are not supported; write the value where it is needed\n"},
    {"a:\n  <<: {b: 1}\n", "t.yaml:2:3: merge keys (<<) are not supported; write the keys out\n"},
    {"a: !!int 5\n", "t.yaml:1:4: tags (!name) are not supported; leave it out, the key decides "
                     "the type\n"},
    {"a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document begins here; a file holds one document\n"},
    {"? [a]\n: 1\n", "t.yaml:1:3: a key must be a text\n"},
    {"a: \"x\\0y\"\n", "t.yaml:1:4: a text cannot hold a NUL character (\\0)\n"},
    {"a: ok\nb: \xff\n", "t.yaml:2:4: not UTF-8 text (byte 0xff)\n"},
    {"a: b: c\n", "t.yaml:1:5: a \": \" cannot stand here (wrong indentation, or a text with a "
                  "colon that needs quotes)\n"},
    {"a:\n\tb: 1\n", "t.yaml:2:1: a tab cannot stand here: YAML is indented with blanks\n"},
    {"a: @x\n", "t.yaml:1:4: this character cannot begin a value; put the text in quotes\n"},
    {"a: [1, 2\nb: 3\n", "t.yaml:2:2: this list needs a comma or its closing ] (in what begins "
                         "at line 1)\n"},
    {"a: \"x\n", "t.yaml:2:1: the file ends inside a quoted text (in what begins at line 1)\n"},
    {"a: \"\\S\"\n", "t.yaml:1:5: unknown escape in a double-quoted text (double the backslash, "
                     "or use single quotes)\n"},
};

static void yaml_that_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct arena a;
        struct diag why;
        struct ynode *root = parse(&a, str_c(refused[i].yaml), &why);
        expect_findings(refused[i].yaml, &why, refused[i].errors);
        assert_null(root);
        diag_finish(&why);
        arena_finish(&a);
    }
}

/* "[[[...]]]" of n brackets */
static bool nests(unsigned n)
{
    char text[200];
    struct arena a;
    struct diag why;
    assert_true(2 * n < sizeof text);
    memset(text, '[', n);
    memset(text + n, ']', n);
    bool good = parse(&a, (struct str){text, 2 * n}, &why) != NULL;
    diag_finish(&why);
    arena_finish(&a);
    return good;
}

static void depth_is_limited(void **state)
{
    (void)state;
    assert_true(nests(YNODE_DEPTH_MAX - 1));
    assert_true(nests(YNODE_DEPTH_MAX));
    assert_false(nests(YNODE_DEPTH_MAX + 1));
}

/* A list of n - 1 items: n nodes. */
static bool counts(size_t n)
{
    char *text = malloc(2 * n + 2);
    assert_non_null(text);
    size_t len = 0;
    text[len++] = '[';
    for (size_t i = 0; i + 1 < n; i++) {
        text[len++] = 'x';
        text[len++] = i + 2 < n ? ',' : ']';
    }
    struct arena a;
    struct diag why;
    bool good = parse(&a, (struct str){text, len}, &why) != NULL;
    if (!good)
        assert_string_equal(why.items[0].text, "more than 200000 values in one file; split it");
    diag_finish(&why);
    arena_finish(&a);
    free(text);
    return good;
}

static void nodes_are_limited(void **state)
{
    (void)state;
    assert_true(counts(YNODE_NODES_MAX - 1));
    assert_true(counts(YNODE_NODES_MAX));
    assert_false(counts(YNODE_NODES_MAX + 1));
}

static bool takes(size_t n)
{
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '\n', n);
    text[0] = '#';
    struct arena a;
    struct diag why;
    bool good = parse(&a, (struct str){text, n}, &why) != NULL;
    diag_finish(&why);
    arena_finish(&a);
    free(text);
    return good;
}

static void length_is_limited(void **state)
{
    (void)state;
    assert_true(takes(YNODE_TEXT_MAX));
    assert_false(takes(YNODE_TEXT_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_knows_places_and_paths),
        cmocka_unit_test(columns_count_characters_and_skip_a_bom),
        cmocka_unit_test(empty_documents_are_empty_maps),
        cmocka_unit_test(nulls_are_told_from_texts),
        cmocka_unit_test(yaml_that_is_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(nodes_are_limited),
        cmocka_unit_test(length_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
