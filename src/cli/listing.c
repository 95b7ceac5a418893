/*
 * listing.c - asks for all pages of a list, and prints them. Owns nothing.
 */
#include "listing.h"

enum { PAGES_MAX = 1000 };

static int ask(struct client *c, const struct listing *l, const char *cursor, const jx **out)
{
    client_path(c, l->path, NULL);
    for (const char *const *q = l->queries; *q; q++)
        client_query_option(c, *q);
    if (*cursor)
        client_query(c, "cursor", cursor);
    return client_get(c, out);
}

static int all_pages(struct client *c, const struct listing *l, struct table *t)
{
    const char *cursor = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        const jx *answer, *list;
        struct str next;
        int status = ask(c, l, cursor, &answer);

        if (status != CLI_OK)
            return status;
        if (c->json)
            client_print_json(c);
        list = jx_get(answer, l->member);
        for (size_t i = 0; i < jx_len(list); i++)
            l->add(c, t, jx_at(list, i));
        next = jx_str(jx_get(answer, "next"));
        if (!next.n)
            break;
        cursor = arena_str(&c->arena, next).p;
    }
    return CLI_OK;
}

int listing_run(const struct command *self, int argc, char **argv)
{
    const struct listing *l = self->data;
    struct table *t = table_create(l->columns, l->n_columns);
    struct client c;
    int status = client_begin(&c, self, argc, argv);

    if (status < 0)
        status = client_words(&c, 0, 0, "");
    if (status < 0) {
        status = all_pages(&c, l, t);
        if (status == CLI_OK && !c.json)
            table_print(t, &c.term, l->nothing);
    }
    table_destroy(t);
    return client_end(&c, status);
}
