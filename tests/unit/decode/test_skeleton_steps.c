/* Every look-ahead of the scanner is bounded: no message costs much more than an ordinary one of
 * its length. Counted in bytes looked at and tokens gone over, not in time: the scanner is compiled
 * into this test with its counter on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "triaged/base/mem.h"
#include "triaged/decode/skeleton.h"

/* A step is a few instructions: 2 KiB at this bound are below 20 us. tests/bench/skeleton_bench
 * measures the time. */
enum { STEPS_PER_BYTE_MAX = 6, PATTERN_MAX = 24 };

unsigned long skeleton_steps;

static unsigned long worst;
static char worst_pattern[PATTERN_MAX];

static void try_pattern(const char *pattern, size_t n)
{
    char in[SKELETON_INPUT_MAX], out[SKELETON_MAX];

    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = pattern[i % n];
    skeleton_steps = 0;
    (void)skeleton_of((struct str){in, sizeof(in)}, out);
    if (skeleton_steps > worst) {
        worst = skeleton_steps;
        memcpy(worst_pattern, pattern, n);
        worst_pattern[n] = '\0';
    }
}

static void test_steps(void **state)
{
    (void)state;
    static const char alphabet[] = "a1:/.=\"'[](){},- %~@\\<";
    static const char *const patterns[] = {
        "\"a' ",     "a=\"",           "for a from ", "by ",      "a=(",  "[::",      "[a:",
        "%A-1-",     "C:\\A A ",       "{\"msg\":\"", "msg=\"",   "a : ", "user 'a ", "name: ",
        "1 errors ", "process 1 (a) ", "a.b.Error ",  "SHA256:a", "a[1-", "a[1,2",    "{\"a\":",
        "a=\\\"",    "x://",           "\xff",
    };
    char p[3];

    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        try_pattern(patterns[i], strlen(patterns[i]));
    for (size_t i = 0; i < sizeof(alphabet) - 1; i++) {
        p[0] = alphabet[i];
        for (size_t k = 0; k < sizeof(alphabet) - 1; k++) {
            p[1] = alphabet[k];
            try_pattern(p, 2);
            for (size_t m = 0; m < sizeof(alphabet) - 1; m++) {
                p[2] = alphabet[m];
                try_pattern(p, 3);
            }
        }
    }
    print_message("worst: %lu steps a byte, of \"%s\"\n", worst / SKELETON_INPUT_MAX,
                  worst_pattern);
    assert_true(worst > SKELETON_INPUT_MAX / 4); /* it does count */
    if (worst > (unsigned long)STEPS_PER_BYTE_MAX * SKELETON_INPUT_MAX)
        fail_msg("\"%s\": %lu steps", worst_pattern, worst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
