/*
 * main.c - replays inputs through a fuzz target: every file given, and every file of a directory.
 * Each input is also tried cut short at a few places, which is where parsers overread. Inputs are
 * copied to blocks of exactly their size, so that the address sanitizer sees one byte too far.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 * 1024 * 1024 };

static unsigned long inputs;

static void feed(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    if (size)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs++;
}

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);
    if (!f || !data) {
        perror(path);
        if (f)
            fclose(f);
        free(data);
        return 1;
    }
    size_t n = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    feed(data, n);
    size_t step = n / 61 + 1;
    for (size_t cut = 0; cut < n; cut += step)
        feed(data, cut);
    free(data);
    return 0;
}

static int replay(const char *path)
{
    struct stat st;
    if (stat(path, &st)) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path);
    DIR *d = opendir(path);
    if (!d) {
        perror(path);
        return 1;
    }
    int failed = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char inner[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
        failed |= replay(inner);
    }
    closedir(d);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%lu inputs\n", inputs);
    return failed || !inputs;
}
