/*
 * verb_forms.c - the tables of fields, a row a field.
 * Owns: what each verb takes. Never: decides what a state allows (the script does).
 * Called by: the routes that write.
 */
#include "verb_forms.h"

#include <stdio.h>

#include "api.h"
#include "known_errors.h"
#include "triaged/base/hash.h"
#include "triaged/base/mem.h"

static const char *const kinds[] = {"workaround", "fix", NULL};
static const char *const noises[] = {"false_positive", "not_actionable", "poor_details", NULL};
static const char *const problem_states[] = {"candidate", "open", "known", "closed", NULL};
static const char *const action_states[] = {"open", "done", NULL};

#define TEXT(name_)                                                                                \
    {                                                                                              \
        .name = name_, .type = FIELD_TEXT                                                          \
    }
#define NAME(name_)                                                                                \
    {                                                                                              \
        .name = name_, .type = FIELD_NAME                                                          \
    }
#define FLAG(name_)                                                                                \
    {                                                                                              \
        .name = name_, .type = FIELD_BOOL                                                          \
    }
#define WORD(name_, words_)                                                                        \
    {                                                                                              \
        .name = name_, .type = FIELD_WORD, .words = words_                                         \
    }
#define MUST(name_, type_)                                                                         \
    {                                                                                              \
        .name = name_, .type = type_, .flags = FORM_REQUIRED                                       \
    }
/* What the handler reads itself. */
#define OURS(name_, type_)                                                                         \
    {                                                                                              \
        .name = name_, .type = type_, .flags = FORM_UNWRITTEN                                      \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* item_who writes these two. */
static const struct field common_fields[] = {
    OURS("actor", FIELD_NAME),
    {.name = "request_id", .type = FIELD_NAME, .flags = FORM_UNWRITTEN, .max = FORM_REQUEST_ID_MAX},
    END,
};
const struct form form_common = {common_fields, NULL};

static const struct field every_fields[] = {
    {.name = "if_version", .type = FIELD_COUNT}, TEXT("text"), END};
static const struct form every = {every_fields, &form_common};

#define VERB(id, ...)                                                                              \
    static const struct field id##_fields[] = {__VA_ARGS__};                                       \
    static const struct form id##_form = {id##_fields, &every}

static const struct field update_fields[] = {
    MUST("text", FIELD_TEXT), {.name = "next_update_at", .type = FIELD_TIME}, END};
static const struct form update_form = {update_fields, &every};
VERB(none, END);
VERB(acknowledge, FLAG("take"), END);
VERB(assign, MUST("assignee", FIELD_NAME), END);
VERB(note, MUST("text", FIELD_TEXT), END);
VERB(escalate, WORD("from_tier", form_queue_tiers), WORD("tier", form_tiers), TEXT("reason"), END);
VERB(levels, WORD("impact", form_levels), WORD("urgency", form_levels), END);
VERB(snooze, {.name = "for", .type = FIELD_SPAN}, {.name = "until", .type = FIELD_TIME}, END);
VERB(resolve, TEXT("resolution"), WORD("kind", kinds), NAME("fix"), WORD("noise", noises), END);
VERB(confirm, MUST("by", FIELD_NAME), END);
VERB(close, FLAG("force"), TEXT("resolution"), WORD("kind", kinds), NAME("fix"),
     WORD("noise", noises), END);
VERB(merge, MUST("into", FIELD_NAME), END);

static const struct {
    const char *verb;
    const struct form *form;
} verbs[] = {
    {"acknowledge", &acknowledge_form},
    {"assign", &assign_form},
    {"close", &close_form},
    {"confirm", &confirm_form},
    {"escalate", &escalate_form},
    {"lower", &levels_form},
    {"merge", &merge_form},
    {"note", &note_form},
    {"raise", &levels_form},
    {"release", &none_form},
    {"reopen", &note_form},
    {"resolve", &resolve_form},
    {"snooze", &snooze_form},
    {"update", &update_form},
    {"verify", &none_form},
};

const struct form *verb_form(struct str verb)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (str_eq_c(verb, verbs[i].verb))
            return verbs[i].form;
    return NULL;
}

/* ---- other bodies ------------------------------------------------------------------------------
 */

static const struct field open_fields[] = {
    {.name = "title", .type = FIELD_TEXT, .flags = FORM_REQUIRED, .max = 1024},
    OURS("team", FIELD_NAME),
    NAME("category"),
    NAME("subcategory"),
    {.name = "impact", .type = FIELD_WORD, .flags = FORM_UNWRITTEN, .words = form_levels},
    {.name = "urgency", .type = FIELD_WORD, .flags = FORM_UNWRITTEN, .words = form_levels},
    TEXT("summary"),
    NAME("service"),
    {.name = "systems", .type = FIELD_NAMES, .max = 1000},
    NAME("reported_by"),
    END,
};
const struct form form_open = {open_fields, &form_common};

static const struct field next_fields[] = {
    TEXT("text"),
    {.name = "teams", .type = FIELD_NAMES, .flags = FORM_UNWRITTEN, .max = 100},
    {.name = "tiers", .type = FIELD_NAMES, .flags = FORM_UNWRITTEN, .max = 4},
    OURS("wait", FIELD_SPAN),
    END,
};
const struct form form_next = {next_fields, &form_common};

static const struct field known_error_in_fields[] = {
    {.name = "id", .type = FIELD_NAME, .flags = FORM_REQUIRED},
    {.name = "match", .type = FIELD_NAMES, .flags = FORM_REQUIRED, .max = 100, .item_max = 4096},
    {.name = "title", .type = FIELD_TEXT, .max = KNOWN_ERROR_TITLE_MAX},
    {.name = "workaround", .type = FIELD_TEXT, .max = KNOWN_ERROR_NOTE_MAX},
    {.name = "kb", .type = FIELD_TEXT, .max = KNOWN_ERROR_KB_MAX},
    END,
};
static const struct form known_error_in = {known_error_in_fields, NULL};

#define NOTE(name_, max_)                                                                          \
    {                                                                                              \
        .name = name_, .type = FIELD_TEXT, .flags = FORM_UNWRITTEN, .max = max_                    \
    }
static const struct field known_error_fields[] = {
    {.name = "id", .type = FIELD_NAME, .flags = FORM_REQUIRED | FORM_UNWRITTEN},
    {.name = "match", .type = FIELD_NAMES, .flags = FORM_UNWRITTEN, .max = 100, .item_max = 4096},
    NOTE("title", KNOWN_ERROR_TITLE_MAX),
    NOTE("workaround", KNOWN_ERROR_NOTE_MAX),
    NOTE("kb", KNOWN_ERROR_KB_MAX),
    OURS("team", FIELD_NAME),
    FLAG("delete"),
    END,
};
const struct form form_known_error = {known_error_fields, &form_common};

static const struct field action_in_fields[] = {
    MUST("text", FIELD_TEXT), NAME("owner"), {.name = "due_at", .type = FIELD_TIME}, END};
static const struct form action_in = {action_in_fields, NULL};

static const struct field review_fields[] = {
    TEXT("summary"),
    TEXT("impact_text"),
    TEXT("root_cause"),
    TEXT("contributing"),
    TEXT("detection"),
    TEXT("lessons"),
    TEXT("document"),
    {.name = "actions", .type = FIELD_FORMS, .max = 100, .of = &action_in},
    {.name = "known_error", .type = FIELD_FORM, .of = &known_error_in},
    FLAG("done"),
    END,
};
const struct form form_review = {review_fields, &form_common};

static const struct field new_action_fields[] = {
    OURS("team", FIELD_NAME),
    OURS("incident", FIELD_NAME),
    MUST("text", FIELD_TEXT),
    NAME("owner"),
    {.name = "due_at", .type = FIELD_TIME},
    END,
};
const struct form form_new_action = {new_action_fields, &form_common};

static const struct field action_fields[] = {
    OURS("team", FIELD_NAME),
    TEXT("text"),
    NAME("owner"),
    {.name = "due_at", .type = FIELD_TIME},
    WORD("state", action_states),
    END,
};
const struct form form_action = {action_fields, &form_common};

static const struct field problem_fields[] = {
    OURS("team", FIELD_NAME),
    WORD("state", problem_states),
    TEXT("title"),
    NAME("owner"),
    TEXT("root_cause"),
    TEXT("workaround"),
    NAME("known_error"),
    TEXT("text"),
    END,
};
const struct form form_problem = {problem_fields, &form_common};

#define LIST(name_)                                                                                \
    {                                                                                              \
        .name = name_, .type = FIELD_NAMES, .max = 100, .item_max = 4096                           \
    }
static const struct field where_fields[] = {
    LIST("team"),
    LIST("state"),
    LIST("priority"),
    LIST("category"),
    LIST("service"),
    LIST("assignee"),
    LIST("rule"),
    LIST("system"),
    LIST("filter"),
    FLAG("overdue"),
    END,
};
const struct form form_where = {where_fields, NULL};

/* ---- beyond single fields ----------------------------------------------------------------------
 */

static bool has(const jx *doc, const char *name)
{
    enum jx_type type = jx_type(jx_get(doc, name));

    return type != JX_NONE && type != JX_NULL;
}

static bool missing(struct form_error *why, const char *path, const char *sentence)
{
    snprintf(why->path, sizeof(why->path), "%s", path);
    snprintf(why->text, sizeof(why->text), "%s", sentence);
    return false;
}

bool verb_check(struct str verb, const jx *doc, struct form_error *why)
{
    if ((str_eq(verb, S("raise")) || str_eq(verb, S("lower"))) && !has(doc, "impact") &&
        !has(doc, "urgency"))
        return missing(why, "impact", "impact: impact or urgency is missing");
    if (str_eq(verb, S("snooze")) && !has(doc, "for") && !has(doc, "until"))
        return missing(why, "for", "for: for or until is missing");
    if (str_eq(verb, S("snooze")) && has(doc, "for") && has(doc, "until"))
        return missing(why, "for", "for: give for or until, not both");
    if (str_eq(verb, S("resolve")) && jx_str(jx_get(doc, "resolution")).n == 0 &&
        jx_str(jx_get(doc, "text")).n == 0)
        return missing(why, "resolution", "resolution: is missing: what was done?");
    return true;
}

/* ---- the item ----------------------------------------------------------------------------------
 */

static void put_text(struct buf *b, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    buf_printf(b, ",\"%s\":", name);
    buf_put_json(b, value);
}

void item_begin(struct buf *out, const struct item_head *head)
{
    buf_reset(out);
    buf_put_c(out, "{\"verb\":");
    buf_put_json(out, head->verb);
    buf_printf(out, ",\"at\":%lld,\"role\":\"%s\"", (long long)head->at_ms, api_role(head->token));
    put_text(out, "id", head->id);
    put_text(out, "uid", head->uid);
    if (head->if_version >= 0)
        buf_printf(out, ",\"if_version\":%lld", (long long)head->if_version);
}

bool item_who(struct buf *out, const jx *doc, const struct conf_token *token,
              char request_id[REQUEST_ID_SIZE], struct form_error *why)
{
    struct str actor = jx_str(jx_get(doc, "actor")), id = jx_str(jx_get(doc, "request_id"));
    unsigned char random[16];

    if (actor.n == 0 && token)
        actor = token->name;
    if (actor.n == 0)
        return missing(why, "actor", "actor: is missing: who are you?");
    if (id.n) {
        snprintf(request_id, REQUEST_ID_SIZE, "%.*s", STR_ARG(id));
    } else {
        hash_random(random, sizeof(random));
        for (size_t i = 0; i < sizeof(random); i++)
            snprintf(request_id + 2 * i, 3, "%02x", random[i]);
    }
    put_text(out, "actor", actor);
    return true;
}
