/*
 * skeleton_bench.c - prints the skeleton of each line of standard input; with -t, how long it took.
 *   skeleton_bench < lines        skeletons, a line each
 *   skeleton_bench -t < lines     nanoseconds a message: mean, slowest line
 */
#include <stdio.h>
#include <stdlib.h>

#include "triaged/base/clock.h"
#include "triaged/decode/skeleton.h"

static int64_t best_ns(struct str line, unsigned tries)
{
    char out[SKELETON_MAX];
    int64_t best = INT64_MAX;

    while (tries-- > 0) {
        int64_t start = clock_mono_ns();
        (void)skeleton_of(line, out);
        int64_t took = clock_mono_ns() - start;
        best = took < best ? took : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    bool timing = argc > 1 && strcmp(argv[1], "-t") == 0;
    char *line = NULL, out[SKELETON_MAX];
    size_t size = 0, lines = 0, bytes = 0;
    int64_t total = 0, slowest = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        struct str s = {line, (size_t)n};
        if (line[n - 1] == '\n')
            s.n--;
        if (timing) {
            int64_t took = best_ns(s, 5);
            total += took;
            slowest = took > slowest ? took : slowest;
        } else {
            printf("%.*s\n", (int)skeleton_of(s, out), out);
        }
        lines++;
        bytes += s.n;
    }
    if (timing && lines > 0)
        printf("%zu lines of %zu bytes: %lld ns each, slowest %lld ns\n", lines, bytes / lines,
               (long long)(total / (int64_t)lines), (long long)slowest);
    free(line);
    return 0;
}
