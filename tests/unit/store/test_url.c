/* test_url.c - the forms of the Redis url, and what is said about wrong ones. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "url.h"
#include "triaged/base/mem.h"
#include "triaged/store/store.h"

static const struct {
    const char *url;
    const char *path, *host, *user, *password, *master, *display;
    unsigned port, db, hosts;
} good[] = {
    {"redis://localhost", NULL, "localhost", NULL, NULL, NULL, "redis://localhost:6379/0", 6379, 0,
     1},
    {"redis://10.0.0.7:7000/3", NULL, "10.0.0.7", NULL, NULL, NULL, "redis://10.0.0.7:7000/3", 7000,
     3, 1},
    {"redis://:secret@h/", NULL, "h", NULL, "secret", NULL, "redis://h:6379/0", 6379, 0, 1},
    {"redis://me:se%40cr%25t@h:1", NULL, "h", "me", "se@cr%t", NULL, "redis://h:1/0", 1, 0, 1},
    {"redis://me:a:b@h:65535", NULL, "h", "me", "a:b", NULL, "redis://h:65535/0", 65535, 0, 1},
    {"redis://[::1]:6380/1", NULL, "::1", NULL, NULL, NULL, "redis://::1:6380/1", 6380, 1, 1},
    {"redis://[fe80::1]", NULL, "fe80::1", NULL, NULL, NULL, "redis://fe80::1:6379/0", 6379, 0, 1},
    {"unix:///run/redis/redis.sock", "/run/redis/redis.sock", NULL, NULL, NULL, NULL,
     "unix:///run/redis/redis.sock?db=0", 0, 0, 0},
    {"unix:///r.sock?db=7", "/r.sock", NULL, NULL, NULL, NULL, "unix:///r.sock?db=7", 0, 7, 0},
    {"unix://:pw@/r.sock", "/r.sock", NULL, NULL, "pw", NULL, "unix:///r.sock?db=0", 0, 0, 0},
    {"redis+sentinel://a,b:26380,[::1]:3/mymaster/2", NULL, "a", NULL, NULL, "mymaster",
     "redis+sentinel://a:26379,.../mymaster/2", 26379, 2, 3},
    {"rediss://:secret@[::1]/3", NULL, "::1", NULL, "secret", NULL, "rediss://::1:6379/3", 6379, 3,
     1},
    {"rediss+sentinel://a,b/m", NULL, "a", NULL, NULL, "m", "rediss+sentinel://a:26379,.../m/0",
     26379, 0, 2},
    {"redis+sentinel://u:p@a/m", NULL, "a", "u", "p", "m", "redis+sentinel://a:26379,.../m/0",
     26379, 0, 1},
};

static const struct {
    const char *url, *user, *password, *sentinel_user, *sentinel_password;
    unsigned db;
} sentinel_logins[] = {
    {"redis+sentinel://a/m?sentinel_password=pw", NULL, NULL, NULL, "pw", 0},
    {"rediss+sentinel://u:p@a,b/m/3?sentinel_user=s&sentinel_password=p%26%2f/=x", "u", "p", "s",
     "p&//=x", 3},
    {"redis+sentinel://:p@a/m?sentinel_password=x&sentinel_user=s", NULL, "p", "s", "x", 0},
    {"redis+sentinel://a/m/1?", NULL, NULL, NULL, NULL, 1},
    {"redis+sentinel://u:why?@a/m", "u", "why?", NULL, NULL, 0},
};

static void same(const char *a, const char *b)
{
    if (!a || !b)
        assert_true(a == b);
    else
        assert_string_equal(a, b);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct store_url u;
        struct diag why;

        diag_init(&why);
        if (!store_url_parse(good[i].url, &u, &why))
            fail_msg("%s: %s", good[i].url, why.items[0].text);
        same(u.path, good[i].path);
        same(u.hosts[0].name, good[i].host);
        same(u.user, good[i].user);
        same(u.password, good[i].password);
        same(u.master, good[i].master);
        same(u.display, good[i].display);
        assert_int_equal(u.hosts[0].port, good[i].port);
        assert_int_equal(u.db, good[i].db);
        assert_int_equal(u.n_hosts, good[i].hosts);
        assert_int_equal(u.sentinel, good[i].master != NULL);
        assert_int_equal(u.tls, strncmp(good[i].url, "rediss", 6) == 0);
        store_url_finish(&u);
        diag_finish(&why);
        assert_true(store_url_check(good[i].url, &why));
    }
}

static void test_login_of_the_sentinels(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sentinel_logins); i++) {
        struct store_url u;
        struct diag why;

        diag_init(&why);
        if (!store_url_parse(sentinel_logins[i].url, &u, &why))
            fail_msg("%s: %s", sentinel_logins[i].url, why.items[0].text);
        same(u.user, sentinel_logins[i].user);
        same(u.password, sentinel_logins[i].password);
        same(u.sentinel_user, sentinel_logins[i].sentinel_user);
        same(u.sentinel_password, sentinel_logins[i].sentinel_password);
        same(u.master, "m");
        assert_int_equal(u.db, sentinel_logins[i].db);
        assert_null(strstr(u.display, "sentinel_"));
        store_url_finish(&u);
        diag_finish(&why);
    }
}

static const struct {
    const char *url, *says;
} bad[] = {
    {"", "begins with redis://"},
    {"localhost:6379", "begins with redis://"},
    {"http://h", "begins with redis://"},
    {"redis://", "has no host"},
    {"redis://:6379", "has no host"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:x", "port"},
    {"redis://h/x", "number of the Redis database"},
    {"redis://h/-1", "number of the Redis database"},
    {"redis://h/1048577", "number of the Redis database"},
    {"redis://user@h", "no password"},
    {"redis://u:%4@h", "%25"},
    {"redis://u:%zz@h", "%25"},
    {"redis://u:%00@h", "%25"},
    {"redis://::1", "brackets"},
    {"redis://[::1", "no ]"},
    {"redis://[::1]x", "after ]"},
    {"unix://relative.sock", "absolute"},
    {"unix:///", "absolute"},
    {"unix:///r.sock?x=1", "db=NUMBER"},
    {"unix:///"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "a"
     "aaaaaaaaaaaaaaaaaaaaa",
     "107"},
    {"redis+sentinel://a", "MASTER"},
    {"redis+sentinel:///m", "MASTER"},
    {"redis+sentinel://a,b:x/m", "port"},
    {"redis+sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m", "16 hosts"},
    {"redis+sentinel://a/m?db=1", "only sentinel_user"},
    {"redis+sentinel://a/m?sentinel_password=a&sentinel_password=b", "once each"},
    {"redis+sentinel://a/m?sentinel_password=", "only sentinel_user"},
    {"redis+sentinel://a/m?sentinel_password=%4", "%25"},
    {"redis+sentinel://a/m?sentinel_user=me", "no sentinel_password"},
    {"rediss://", "has no host"},
    {"rediss+sentinel://a", "MASTER"},
    {"rediss+cluster://h", "not supported yet"},
    {"redis+cluster://h", "not supported yet"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct diag why;

        diag_init(&why);
        if (store_url_check(bad[i].url, &why))
            fail_msg("%s was taken", bad[i].url);
        assert_int_equal(why.errors, 1);
        if (!strstr(why.items[0].text, bad[i].says))
            fail_msg("%s: \"%s\" is not in: %s", bad[i].url, bad[i].says, why.items[0].text);
        diag_finish(&why);
    }
}

static void test_password_is_not_shown(void **state)
{
    static const char *const urls[] = {"redis://me:s3cret@h:x", "foo://me:s3cret@h",
                                       "redis://me:s3cret@h/db"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct diag why;

        diag_init(&why);
        assert_false(store_url_check(urls[i], &why));
        assert_null(strstr(why.items[0].text, "s3cret"));
        diag_finish(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_login_of_the_sentinels),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_password_is_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
