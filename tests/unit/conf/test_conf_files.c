/* conf: files, includes, what merging means, and the hash of the content. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_tree.h"
#include "conf_util.h"

/* ---- a directory of files -------------------------------------------------------------------- */

static char dir[] = "/tmp/test_conf_files.XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int remove_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_dir(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_dir(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void make_subdir(const char *name)
{
    assert_int_equal(mkdir(in_dir(name), 0700), 0);
}

static struct conf *load(const char *name, struct diag *why)
{
    diag_init(why);
    return conf_load(in_dir(name), why);
}

/* `expected` with DIR for the directory. */
static void expect_here(const struct diag *why, const char *expected)
{
    char *got = findings(why), plain[8192];
    size_t n = 0;
    for (const char *p = got; *p && n < sizeof plain - 1;) {
        bool here = strncmp(p, dir, strlen(dir)) == 0;
        n += (size_t)snprintf(plain + n, sizeof plain - n, "%.*s", here ? 3 : 1, here ? "DIR" : p);
        p += here ? strlen(dir) : 1;
    }
    plain[n] = 0;
    if (strcmp(plain, expected) != 0)
        fail_msg("--- got\n%s--- expected\n%s", plain, expected);
    free(got);
}

static void expect_load_error(const char *name, const char *expected)
{
    struct diag why;
    struct conf *c = load(name, &why);
    expect_here(&why, expected);
    assert_null(c);
    diag_finish(&why);
}

static struct conf *expect_load(const char *name)
{
    struct diag why;
    struct conf *c = load(name, &why);
    expect_here(&why, "");
    assert_non_null(c);
    diag_finish(&why);
    return c;
}

/* ---- includes -------------------------------------------------------------------------------- */

static void files_merge_in_sorted_order(void **state)
{
    (void)state;
    make_subdir("rules.d");
    write_file("main.yaml", "rules: [{name: first, match: []}]\nsla: {P1: {acknowledge: 3m}}\n"
                            "services: {a: {}}\ncategories: [own]\nteams:\n");
    write_file("rules.d/20-b.yaml", "rules: [{name: b, match: [x]}]\nservices: {b: {}}\n");
    write_file("rules.d/10-a.yaml", "rules: [{name: a, match: []}, {name: a2, match: []}]\n"
                                    "sla: {P1: {grace: 1h}}\ncategories: [more]\n");
    write_file("rules.d/30-teams.yaml", "teams: {ops: {id: OPS}}\ndefault_team: ops\n");
    write_file("rules.d/40-empty.yaml", "# nothing\n");
    write_file("rules.d/50-none.yaml", "rules:\n");
    write_file("rules.d/.hidden.yaml", "nonsense: 1\n");
    write_file("rules.d/other.txt", "nonsense: 1\n");
    struct conf *c = expect_load("main.yaml");
    static const char *const names[] = {"first", "a", "a2", "b"};
    assert_int_equal(c->n_rules, 4);
    for (size_t i = 0; i < 4; i++)
        assert_str(c->rules[i].name, names[i]);
    /* places are those of the own file */
    assert_string_equal(c->rules[2].place.path, "rules[1]");
    assert_non_null(strstr(c->rules[2].place.file, "rules.d/10-a.yaml"));
    assert_string_equal(c->rules[3].match.v[0].place.path, "rules[0].match[0]");
    assert_int_equal(c->n_services, 2);
    assert_int_equal(c->n_categories, 2);
    assert_int_equal(c->sla[P1].acknowledge_ms, 180000);
    assert_int_equal(c->sla[P1].grace_ms, 3600000);
    assert_string_equal(c->teams[0].place.path, "teams.ops");
    conf_unref(c);
}

static void a_repeated_name_names_both_places(void **state)
{
    (void)state;
    write_file("main.yaml",
               "include: [b.yaml]\nteams: {ops: {id: OPS}}\ndefault_team: ops\nworkers: 2\n"
               "services: {web: {}}\nrules: [{name: r, match: []}]\nsla: {P1: {grace: 1h}}\n"
               "known_errors: [{id: K, match: [a]}]\nheartbeats: [{name: h, match: [a], every: 1m}]\n"
               "categories: [c]\nmaintenance: [{name: m, match: [], weekly: {days: [sun], from: "
               "1:00, to: 2:00}}]\nauth: {tokens: [{name: t, role: viewer, sha256: "
               "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}]}\n"
               "defaults: {group_by: {labels: [a]}}\n");
    write_file("b.yaml",
               "teams: {ops: {id: OPX}}\ndefault_team: ops\nworkers: 2\n"
               "services: {web: {}}\nrules: [{name: r, match: []}]\nsla: {P1: {grace: 2h}}\n"
               "known_errors: [{id: K, match: [a]}]\nheartbeats: [{name: h, match: [a], every: 1m}]\n"
               "categories: [c]\nmaintenance: [{name: m, match: [], weekly: {days: [sun], from: "
               "1:00, to: 2:00}}]\nauth: {tokens: [{name: t, role: viewer, sha256: "
               "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a09}]}\n"
               "defaults: {group_by: {labels: [b]}}\n");
    /* what the merge sees stops the load ... */
    expect_load_error(
        "main.yaml",
        "DIR/b.yaml:1:9: teams.ops: team \"ops\" already stands at DIR/main.yaml:2:9\n"
        "DIR/b.yaml:2:1: default_team: is already set at DIR/main.yaml:3:1\n"
        "DIR/b.yaml:3:1: workers: is already set at DIR/main.yaml:4:1\n"
        "DIR/b.yaml:4:12: services.web: service \"web\" already stands at DIR/main.yaml:5:12\n"
        "DIR/b.yaml:6:12: sla.P1.grace: is already set at DIR/main.yaml:7:12\n"
        "DIR/b.yaml:12:23: defaults.group_by.labels: is already set at DIR/main.yaml:13:23\n");
    /* ... and without that, what the walk sees. */
    write_file("b.yaml",
               "rules: [{name: r, match: []}]\n"
               "known_errors: [{id: K, match: [a]}]\nheartbeats: [{name: h, match: [a], every: 1m}]\n"
               "categories: [c]\nmaintenance: [{name: m, match: [], weekly: {days: [sun], from: "
               "1:00, to: 2:00}}]\nauth: {tokens: [{name: t, role: viewer, sha256: "
               "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a09}]}\n");
    expect_load_error(
        "main.yaml",
        "DIR/b.yaml:1:16: rules[0].name: rule \"r\" already stands at DIR/main.yaml:6:16\n"
        "DIR/b.yaml:2:21: known_errors[0].id: known error \"K\" already stands at "
        "DIR/main.yaml:8:21\n"
        "DIR/b.yaml:3:21: heartbeats[0].name: heartbeat \"h\" already stands at "
        "DIR/main.yaml:9:21\n"
        "DIR/b.yaml:4:14: categories[0]: category \"c\" already stands at DIR/main.yaml:10:14\n"
        "DIR/b.yaml:5:22: maintenance[0].name: maintenance window \"m\" already stands at "
        "DIR/main.yaml:11:22\n"
        "DIR/b.yaml:6:24: auth.tokens[0].name: token \"t\" already stands at "
        "DIR/main.yaml:12:24\n");
}

static void sections_of_different_types_do_not_merge(void **state)
{
    (void)state;
    write_file("main.yaml", "include: [b.yaml]\nrules: []\nsla: {}\nspool: x" TEAMS);
    write_file("b.yaml", "rules: {}\nsla: [a]\nspool: {sync: never}\n");
    expect_load_error("main.yaml",
                      "DIR/b.yaml:1:8: rules: must be a list of mappings, not a mapping\n"
                      "DIR/b.yaml:2:6: sla: must be a mapping of keys to values, not a list\n"
                      "DIR/main.yaml:4:8: spool: must be a mapping of keys to values, not a "
                      "text\n");
}

static void errors_of_all_files_are_told(void **state)
{
    (void)state;
    write_file("main.yaml", "include: ['*.yml', no.yaml, '', [x], 'none*.d/*']\nworkers: 0" TEAMS);
    write_file("a.yml", "rules: [\n");
    write_file("b.yml", "a: 1\na: 2\n");
    write_file("c.yml", "[list]\n");
    make_subdir("d.yml");
    expect_load_error(
        "main.yaml",
        "DIR/a.yml:2:1: expected a value here (a bracket is not closed, or a comma too many)\n"
        "DIR/b.yml:2:1: duplicate key \"a\" (first at line 1)\n"
        "DIR/c.yml:1:1: the file must hold keys, like \"teams:\", not a list\n"
        "DIR/main.yaml:1:11: include[0]: cannot read DIR/d.yml: it is a directory\n"
        "DIR/main.yaml:1:20: include[1]: cannot read DIR/no.yaml: No such file or directory\n"
        "DIR/main.yaml:1:29: include[2]: must be the name of a file or a pattern like "
        "rules.d/*.yaml\n"
        "DIR/main.yaml:1:33: include[3]: must be the name of a file or a pattern like "
        "rules.d/*.yaml\n"
        "DIR/main.yaml:1:38: warning: include: no file matches DIR/none*.d/*\n");
}

static void a_missing_main_file_is_named(void **state)
{
    (void)state;
    expect_load_error("no.yaml", "DIR/no.yaml: cannot be read: No such file or directory\n");
    expect_load_error(".", "DIR/.: cannot be read: it is a directory\n");
}

static void includes_only_read_regular_files(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in_dir("fifo.yaml"), 0600), 0);
    write_file("main.yaml", "include: [fifo.yaml]" TEAMS);
    expect_load_error("main.yaml", "DIR/main.yaml:1:11: include[0]: cannot read DIR/fifo.yaml: it "
                                   "is not a regular file\n");
}

/* A directory that is there and cannot be read must not look like one without rules. */
static void an_include_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(symlink("loop", in_dir("loop")), 0);
    write_file("main.yaml", "include: ['loop/*.yaml', 'absent/*.yaml']" TEAMS);
    expect_load_error("main.yaml", "DIR/main.yaml:1:11: include[0]: cannot read DIR/loop/*.yaml: "
                                   "Too many levels of symbolic links\n"
                                   "DIR/main.yaml:1:26: warning: include: no file matches "
                                   "DIR/absent/*.yaml\n");
}

static void includes_once_and_not_in_circles(void **state)
{
    (void)state;
    write_file("main.yaml", "include: ['*.yaml', 'b.*']" TEAMS);
    write_file("b.yaml", "workers: 2\n");
    struct conf *c = expect_load("main.yaml"); /* patterns match what is read already: fine */
    assert_int_equal(c->workers, 2);
    conf_unref(c);
    write_file("main.yaml", "include: [b.yaml, ./b.yaml, c.yaml]" TEAMS);
    write_file("c.yaml", "include: [main.yaml]\n");
    expect_load_error("main.yaml",
                      "DIR/main.yaml:1:19: include[1]: DIR/./b.yaml is included twice, or includes "
                      "itself\n"
                      "DIR/c.yaml:1:11: include[0]: DIR/main.yaml is included twice, or includes "
                      "itself\n");
}

/* main -> 1 -> 2 ... -> depth */
static bool nests(unsigned depth)
{
    char name[20], text[60];
    write_file("main.yaml", "include: [1.yaml]" TEAMS);
    for (unsigned i = 1; i <= depth; i++) {
        snprintf(name, sizeof name, "%u.yaml", i);
        snprintf(text, sizeof text, i < depth ? "include: [%u.yaml]\n" : "workers: %u\n",
                 i < depth ? i + 1 : 7);
        write_file(name, text);
    }
    struct diag why;
    struct conf *c = load("main.yaml", &why);
    bool good = c != NULL;
    if (good)
        assert_int_equal(c->workers, 7);
    else
        expect_here(&why, "DIR/8.yaml:1:11: include[0]: includes are nested more than 8 deep\n");
    conf_unref(c);
    diag_finish(&why);
    return good;
}

static void nesting_is_limited(void **state)
{
    (void)state;
    assert_true(nests(INCLUDE_DEPTH_MAX - 1));
    assert_true(nests(INCLUDE_DEPTH_MAX));
    assert_false(nests(INCLUDE_DEPTH_MAX + 1));
}

static void the_number_of_files_is_limited(void **state)
{
    (void)state;
    char name[40];
    make_subdir("rules.d"); /* the built-in default of include */
    write_file("main.yaml", TEAMS);
    for (int i = 1; i < INCLUDE_FILES_MAX; i++) {
        snprintf(name, sizeof name, "rules.d/%d.yaml", i);
        write_file(name, "#\n");
    }
    conf_unref(expect_load("main.yaml")); /* with the main file as many as allowed */
    write_file("rules.d/x.yaml", "#\n");
    expect_load_error("main.yaml", "include[0]: more than 1000 files are included\n");
}

static void paths_are_relative_to_their_file(void **state)
{
    (void)state;
    make_subdir("sub");
    write_file("main.yaml", "include: [sub/a.yaml]\nspool: {directory: spool}" TEAMS);
    write_file("sub/a.yaml", "include: [b.yaml]\nlisten: {http: [{address: \"127.0.0.1:1\", tls: "
                             "{certificate: c.pem, key: /etc/k.pem}}]}\n");
    write_file("sub/b.yaml", "workers: 3\n");
    struct conf *c = expect_load("main.yaml");
    assert_int_equal(c->workers, 3);
    assert_str(c->spool.directory, in_dir("spool"));
    assert_str(c->http[0].tls.certificate, in_dir("sub/c.pem"));
    assert_str(c->http[0].tls.key, "/etc/k.pem");
    conf_unref(c);
}

static void include_can_be_turned_off(void **state)
{
    (void)state;
    make_subdir("rules.d");
    write_file("rules.d/a.yaml", "nonsense: 1\n");
    write_file("main.yaml", "include: []" TEAMS);
    conf_unref(expect_load("main.yaml"));
    write_file("main.yaml", TEAMS);
    struct diag why;
    assert_null(load("main.yaml", &why));
    assert_int_equal(why.errors, 1);
    diag_finish(&why);
}

/* ---- hash ------------------------------------------------------------------------------------ */

static const struct {
    const char *a, *b;
    bool same, shared_same;
} hash_rows[] = {
    {"workers: 2", "# more\nworkers:   2 # two", true, true},
    {"sla: {P1: {grace: 1h}}", "sla:\n  P1:\n    'grace': \"1h\"\n", true, true},
    {"zone: UTC\nprefix: x", "prefix: x\nzone: UTC", true, true},
    {"include: [a]", "include: []", true, true},
    {"sla: {P1: {grace: 1h}}", "sla: {P1: {grace: 2h}}", false, false},
    {"sla: {P1: {grace: 1h}}", "sla: {P2: {grace: 1h}}", false, false},
    {"rules: [{name: a, match: []}, {name: b, match: []}]",
     "rules: [{name: b, match: []}, {name: a, match: []}]", false, false},
    {"rules: [{name: a, match: [b, c]}]", "rules: [{name: a, match: [bc]}]", false, false},
    {"workers: 2", "workers: 3", false, true},
    {"listen: {syslog: []}", "", false, true},
};

static void hashes_follow_the_content(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hash_rows); i++) {
        char *ta = NULL, *tb = NULL;
        assert_true(asprintf(&ta, "%s%s", hash_rows[i].a, TEAMS) > 0);
        assert_true(asprintf(&tb, "%s%s", hash_rows[i].b, TEAMS) > 0);
        struct conf *a = load_good(ta), *b = load_good(tb);
        assert_int_equal(strlen(a->hash), 16);
        if ((strcmp(a->hash, b->hash) == 0) != hash_rows[i].same ||
            (strcmp(a->shared_hash, b->shared_hash) == 0) != hash_rows[i].shared_same)
            fail_msg("%s | %s", hash_rows[i].a, hash_rows[i].b);
        conf_unref(a);
        conf_unref(b);
        free(ta);
        free(tb);
    }
}

static void hashes_do_not_depend_on_the_split(void **state)
{
    (void)state;
    struct conf *whole =
        load_good("rules: [{name: a, match: []}, {name: b, match: []}]\nworkers: 2" TEAMS);
    write_file("main.yaml", "include: [a.yaml]\nrules: [{name: a, match: []}]\n");
    write_file("a.yaml", "rules: [{name: b, match: []}]\nworkers: 2" TEAMS);
    struct conf *split = expect_load("main.yaml");
    assert_string_equal(whole->hash, split->hash);
    conf_unref(whole);
    conf_unref(split);
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        WITH_DIR(files_merge_in_sorted_order),
        WITH_DIR(a_repeated_name_names_both_places),
        WITH_DIR(sections_of_different_types_do_not_merge),
        WITH_DIR(errors_of_all_files_are_told),
        WITH_DIR(a_missing_main_file_is_named),
        WITH_DIR(includes_only_read_regular_files),
        WITH_DIR(an_include_that_cannot_be_read_is_an_error),
        WITH_DIR(includes_once_and_not_in_circles),
        WITH_DIR(nesting_is_limited),
        WITH_DIR(the_number_of_files_is_limited),
        WITH_DIR(paths_are_relative_to_their_file),
        WITH_DIR(include_can_be_turned_off),
        cmocka_unit_test(hashes_follow_the_content),
        WITH_DIR(hashes_do_not_depend_on_the_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
