/*
 * test_auth.c - tokens: forms of the header, roles, and what a wrong one is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "auth.h"
#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

static char hashes[5][65];
static struct conf_token tokens[5];
static struct conf conf = {.tokens = tokens, .n_tokens = 5};
static const char *const secrets[] = {"i-secret", "v-secret", "r-secret", "m-secret", "a-secret"};

static int setup(void **state)
{
    static const char *const names[] = {"ingest", "viewer", "responder", "manager", "admin"};

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct str s = str_c(secrets[i]);

        hash_sha256_hex(s.p, s.n, hashes[i]);
        tokens[i] = (struct conf_token){
            .name = str_c(names[i]), .role = (enum role)i, .sha256 = str_c(hashes[i])};
    }
    return 0;
}

static void test_headers(void **state)
{
    static const struct {
        const char *header;
        enum auth_result want;
    } rows[] = {
        {"", AUTH_MISSING},
        {"Bearer", AUTH_MISSING},
        {"Bearer ", AUTH_MISSING},
        {"Bearer wrong", AUTH_WRONG},
        {"Bearer i-secret", AUTH_OK},
        {"bearer   i-secret  ", AUTH_OK},
        {"Digest i-secret", AUTH_MISSING},
        {"Basic aW5nZXN0Omktc2VjcmV0", AUTH_OK},    /* ingest:i-secret */
        {"Basic dmlld2VyOmktc2VjcmV0", AUTH_WRONG}, /* viewer:i-secret */
        {"Basic OmktLXNlY3JldA==", AUTH_WRONG},
        {"Basic ????", AUTH_MISSING},
        {"Basic aW5nZXN0", AUTH_MISSING}, /* no colon, no secret */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct conf_token *t;
        enum auth_result got = auth_check(&conf, str_c(rows[i].header), ACCESS_INGEST, &t);

        if (got != rows[i].want)
            fail_msg("\"%s\": %d, want %d", rows[i].header, got, rows[i].want);
        if (got == AUTH_OK)
            assert_ptr_equal(t, &tokens[0]);
    }
}

static void test_roles(void **state)
{
    /* rows: role; columns: anyone ingest metrics viewer responder manager admin */
    static const int allowed[5][7] = {
        {1, 1, 1, 0, 0, 0, 0}, {1, 0, 1, 1, 0, 0, 0}, {1, 0, 1, 1, 1, 0, 0},
        {1, 1, 1, 1, 1, 1, 0}, {1, 1, 1, 1, 1, 1, 1},
    };

    (void)state;
    for (int role = 0; role < 5; role++)
        for (int access = 0; access < 7; access++) {
            char header[64];
            const struct conf_token *t;
            enum auth_result got;

            snprintf(header, sizeof(header), "Bearer %s", secrets[role]);
            got = auth_check(&conf, str_c(header), (enum access)access, &t);
            if ((got == AUTH_OK) != allowed[role][access])
                fail_msg("role %d access %d: %d", role, access, got);
        }
}

static void test_without_tokens_everyone_is_let_in(void **state)
{
    const struct conf none = {0};
    const struct conf_token *t;

    (void)state;
    assert_int_equal(auth_check(&none, STR_NONE, ACCESS_ADMIN, &t), AUTH_OK);
    assert_null(t);
}

static void test_long_credentials(void **state)
{
    char header[4096] = "Basic ";
    const struct conf_token *t;

    (void)state;
    for (size_t i = 6; i < sizeof(header) - 1; i++)
        header[i] = 'A';
    assert_int_equal(auth_check(&conf, str_c(header), ACCESS_INGEST, &t), AUTH_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_without_tokens_everyone_is_let_in),
        cmocka_unit_test(test_long_credentials),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
