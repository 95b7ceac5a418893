/*
 * client.c - requests with their settings, answers with their errors.
 * Owns: the connection, the last answer. Called by: the commands that ask the daemon.
 */
#include "client.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "triaged/base/clock.h"

enum { REQUEST_MAX = 4 * 1024 * 1024, ATTEMPTS = 3 };

/* ---- life ------------------------------------------------------------------------------------ */

static int find_settings(struct client *c)
{
    struct diag why;
    bool ok;

    diag_init(&why);
    ok = settings_find(&c->settings, &c->arena, &c->args, &why);
    for (size_t i = 0; i < why.n; i++) {
        char *line = diag_item_render(&why.items[i]);

        cli_complain("%s", line);
        free(line);
    }
    diag_finish(&why);
    return ok ? -1 : CLI_USAGE;
}

int client_begin(struct client *c, const struct command *self, int argc, char **argv)
{
    struct api_options options;
    char why[API_WHY];
    int status;

    memset(c, 0, sizeof(*c));
    c->self = self;
    arena_init(&c->arena, 0);
    buf_init(&c->path, REQUEST_MAX);
    buf_init(&c->body, REQUEST_MAX);
    buf_init(&c->answer.body, API_ANSWER_MAX);
    status = args_parse(self, argc, argv, &c->args);
    if (status < 0)
        status = find_settings(c);
    if (status >= 0)
        return status;
    c->json = args_has(&c->args, "json");
    term_init(&c->term, stdout, args_get(&c->args, "color"));
    c->term.now_ms = clock_wall_ms();
    options = (struct api_options){c->settings.values[SET_URL], c->settings.values[SET_TOKEN],
                                   c->settings.values[SET_CA_FILE]};
    c->api = api_create(&options, why);
    if (!c->api) {
        cli_complain("%s (from %s)", why, c->settings.url_from);
        return CLI_USAGE;
    }
    return -1;
}

int client_end(struct client *c, int status)
{
    jx_free(c->doc);
    api_destroy(c->api);
    buf_finish(&c->path);
    buf_finish(&c->body);
    buf_finish(&c->answer.body);
    arena_finish(&c->arena);
    return status;
}

int client_words(const struct client *c, size_t n_min, size_t n_max, const char *what)
{
    if (c->args.n_words < n_min)
        return cli_usage_error(c->self, "%s is missing", what);
    if (c->args.n_words > n_max)
        return cli_usage_error(c->self, "unexpected argument \"%s\"", c->args.words[n_max]);
    return -1;
}

/* ---- paths and bodies ------------------------------------------------------------------------ */

void client_path(struct client *c, const char *word, ...)
{
    va_list ap;

    buf_reset(&c->path);
    buf_put_c(&c->path, "/api/v1");
    va_start(ap, word);
    for (; word; word = va_arg(ap, const char *))
        api_put_segment(&c->path, str_c(word));
    va_end(ap);
    buf_reset(&c->body);
}

void client_query(struct client *c, const char *name, const char *value)
{
    api_put_query(&c->path, name, str_c(value));
}

void client_query_option(struct client *c, const char *name)
{
    const char *value;

    for (size_t i = 0; (value = args_nth(&c->args, name, i)); i++)
        client_query(c, name, value);
}

static void put_name(struct client *c, const char *name)
{
    buf_put_char(&c->body, ',');
    buf_put_json(&c->body, str_c(name));
    buf_put_char(&c->body, ':');
}

void client_put(struct client *c, const char *name, const char *value)
{
    put_name(c, name);
    buf_put_json(&c->body, str_c(value));
}

void client_put_bool(struct client *c, const char *name, bool value)
{
    put_name(c, name);
    buf_put_c(&c->body, value ? "true" : "false");
}

void client_put_option(struct client *c, const char *option, const char *name)
{
    const char *value = args_get(&c->args, option);

    if (value)
        client_put(c, name, value);
}

void client_put_texts(struct client *c, const char *name, const char *const *values, size_t n)
{
    put_name(c, name);
    buf_put_char(&c->body, '[');
    for (size_t i = 0; i < n; i++) {
        buf_put_c(&c->body, i ? "," : "");
        buf_put_json(&c->body, str_c(values[i]));
    }
    buf_put_char(&c->body, ']');
}

void client_put_list(struct client *c, const char *option, const char *name)
{
    const char *values[ARGS_GIVEN_MAX];
    size_t n = 0;

    while (n < ARGS_GIVEN_MAX && (values[n] = args_nth(&c->args, option, n)))
        n++;
    if (n)
        client_put_texts(c, name, values, n);
}

bool client_put_time(struct client *c, const char *name, const char *value)
{
    char text[CLOCK_RFC3339_SIZE];
    int64_t us, span;

    if (clock_parse_rfc3339_us(str_c(value), &us)) {
        client_put(c, name, value);
        return true;
    }
    if (str_to_duration_ms(str_c(value), &span) && span < INT64_C(3155760000000)) {
        put_name(c, name);
        buf_put_json(&c->body, clock_format_ms(clock_wall_ms() + span, text));
        return true;
    }
    cli_complain("\"%s\" is neither a time (2026-11-24T18:00:00Z) nor a span from now (30m, 2d)",
                 value);
    return false;
}

/* Who does it when nothing else says so: without a token the daemon wants a name. */
static const char *login_name(void)
{
    const struct passwd *user = getpwuid(getuid());

    return user && user->pw_name && *user->pw_name ? user->pw_name : "nobody";
}

int client_actor(struct client *c, const char **out)
{
    const jx *answer;
    struct str name;
    int status;

    *out = c->settings.values[SET_ACTOR];
    if (!*out && !c->settings.values[SET_TOKEN])
        *out = login_name();
    if (*out)
        return CLI_OK;
    client_path(c, "whoami", NULL);
    status = client_get(c, &answer);
    if (status != CLI_OK)
        return status;
    name = arena_str(&c->arena, jx_str(jx_get(answer, "name")));
    if (!name.n) {
        cli_complain("the daemon knows no name for you; give one with --actor");
        return CLI_FAILED;
    }
    *out = name.p;
    return CLI_OK;
}

void client_body(struct client *c)
{
    const char *actor = c->settings.values[SET_ACTOR];
    uint8_t random[16] = {0};

    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        abort(); /* cannot be, for so few bytes */
    buf_reset(&c->body);
    buf_put_c(&c->body, "{\"request_id\":\"");
    for (size_t i = 0; i < sizeof(random); i++)
        buf_printf(&c->body, "%02x", random[i]);
    buf_put_char(&c->body, '"');
    if (!actor && !c->settings.values[SET_TOKEN])
        actor = login_name();
    if (actor)
        client_put(c, "actor", actor);
}

/* ---- answers --------------------------------------------------------------------------------- */

int client_unreachable(const struct client *c, const char *why)
{
    cli_complain("cannot reach triaged at %s: %s", c->settings.values[SET_URL], why);
    if (strcmp(c->settings.url_from, "default") == 0)
        fputs("  This is the default address. Say where it is with --url, TRIAGED_URL, or \"url\" "
              "in ~/.config/triagectl.yaml.\n",
              stderr);
    else
        fprintf(stderr, "  The address is from %s.\n", c->settings.url_from);
    return CLI_UNREACHABLE;
}

static int status_of(long http)
{
    if (http == 401 || http == 403)
        return CLI_DENIED;
    return http == 503 || http == 504 ? CLI_UNREACHABLE : CLI_FAILED;
}

/* The verbs that an incident allows now, by the names of our commands. */
static void say_allowed(const jx *allowed)
{
    if (jx_type(allowed) != JX_ARRAY)
        return;
    fputs("  Possible now:", stderr);
    for (size_t i = 0; i < jx_len(allowed); i++) {
        struct str verb = jx_str(jx_at(allowed, i));

        if (str_eq(verb, S("acknowledge")))
            verb = S("ack");
        fprintf(stderr, "%s %.*s", i ? "," : "", STR_ARG(verb));
    }
    fputs(jx_len(allowed) ? "\n" : " nothing\n", stderr);
}

static void say_hints(const struct client *c, const jx *error)
{
    struct str code = jx_str(jx_get(error, "code"));

    say_allowed(jx_get(error, "allowed"));
    if (str_eq(code, S("held")))
        fputs("  Take it over with --take.\n", stderr);
    if (str_eq(code, S("still_firing")))
        fputs("  If that was a workaround, say so: --workaround. Else wait for the monitor.\n",
              stderr);
    if (str_eq(code, S("count")))
        fputs("  If you mean them all, say how many: --expect N.\n", stderr);
    if (c->answer.status == 401 && !c->settings.values[SET_TOKEN])
        fputs("  Give a token: --token-file FILE, TRIAGED_TOKEN, or \"token\" in "
              "~/.config/triagectl.yaml.\n",
              stderr);
}

int client_refusal(struct client *c, const char *what)
{
    struct jx_error bad;
    struct buf text;
    const jx *error;
    struct str message, path;

    jx_free(c->doc);
    c->doc = jx_parse(buf_str(&c->answer.body), &bad);
    error = jx_get(c->doc, "error");
    message = jx_str(jx_get(error, "message"));
    path = jx_str(jx_get(error, "path"));
    if (c->json)
        client_print_json(c);
    if (!message.n) {
        cli_complain("%s answered %ld without a reason; is it triaged?",
                     c->settings.values[SET_URL], c->answer.status);
        return status_of(c->answer.status);
    }
    buf_init(&text, API_ANSWER_MAX);
    text_put(&text, path, 0);
    buf_put_c(&text, path.n ? ": " : "");
    text_put(&text, message, 0);
    cli_complain("%s%s%.*s", what ? what : "", what ? ": " : "", STR_ARG(buf_str(&text)));
    buf_finish(&text);
    say_hints(c, error);
    return status_of(c->answer.status);
}

void client_print_json(const struct client *c)
{
    const struct buf *b = &c->answer.body;

    fwrite(b->p, 1, b->n, stdout);
    if (b->n && b->p[b->n - 1] != '\n')
        putchar('\n');
}

int client_show(struct client *c, void (*print)(struct client *c, const jx *answer))
{
    const jx *answer = NULL;
    int status = client_get(c, &answer);

    if (status == CLI_OK && c->json)
        client_print_json(c);
    else if (status == CLI_OK)
        print(c, answer);
    return status;
}

/* The answer as JSON; of an empty one *out is NULL. */
static int take_answer(struct client *c, const char *what, const jx **out)
{
    struct jx_error bad;

    if (c->answer.status < 200 || c->answer.status > 299)
        return client_refusal(c, what);
    jx_free(c->doc);
    c->doc = NULL;
    if (c->answer.body.n) {
        c->doc = jx_parse(buf_str(&c->answer.body), &bad);
        if (!c->doc) {
            cli_complain("%s does not answer with JSON (%s); is it triaged?",
                         c->settings.values[SET_URL], bad.text);
            return CLI_FAILED;
        }
    }
    *out = c->doc;
    return CLI_OK;
}

static const char *terminated(struct buf *b)
{
    buf_put_char(b, '\0');
    b->n--;
    return b->p;
}

int client_get(struct client *c, const jx **out)
{
    char why[API_WHY];

    if (!api_call(c->api, terminated(&c->path), STR_NONE, NULL, &c->answer, why))
        return client_unreachable(c, why);
    return take_answer(c, NULL, out);
}

bool client_get_quietly(struct client *c, int ms, const jx **out)
{
    struct jx_error ignored;
    char why[API_WHY];

    api_give_up_after(c->api, ms);
    if (!api_call(c->api, terminated(&c->path), STR_NONE, NULL, &c->answer, why) ||
        c->answer.status != 200)
        return false;
    jx_free(c->doc);
    *out = c->doc = jx_parse(buf_str(&c->answer.body), &ignored);
    return c->doc != NULL;
}

int client_get_text(struct client *c, const char *accept)
{
    char why[API_WHY];

    if (!api_call(c->api, terminated(&c->path), STR_NONE, accept, &c->answer, why))
        return client_unreachable(c, why);
    return c->answer.status == 200 ? CLI_OK : client_refusal(c, NULL);
}

/* What was not answered in time is asked again: the request_id makes it one deed. */
int client_post(struct client *c, const char *what, const jx **out)
{
    char why[API_WHY];
    bool answered = false;

    buf_put_char(&c->body, '}');
    if (c->body.overflow) {
        cli_complain("this is longer than 4 MiB");
        return CLI_FAILED;
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        answered = api_call(c->api, terminated(&c->path), buf_str(&c->body), NULL, &c->answer, why);
        if (!answered || c->answer.status != 504)
            break;
    }
    if (!answered)
        return client_unreachable(c, why);
    return take_answer(c, what, out);
}
