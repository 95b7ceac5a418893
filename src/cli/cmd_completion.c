/*
 * cmd_completion.c - completion bash|zsh: a script made from the table of commands.
 *
 * Both scripts hold one list, a line a command: its words, its options, the choices of those that
 * take one of a few, and what the daemon is asked for (triagectl complete): IDs and teams. Which
 * line holds is found by the words typed so far.
 */
#include "commands.h"

#include <string.h>

#include "args.h"

/* ---- the list -------------------------------------------------------------------------------- */

static void each_command(void (*fn)(const struct command *c))
{
    for (size_t g = 0; g < command_groups_n; g++)
        for (size_t i = 0; i < command_groups[g].n; i++)
            fn(command_groups[g].commands[i]);
}

static void put_option(void *arg, const struct cli_option *o)
{
    (void)arg;
    printf(" --%s", o->name);
}

/* "--state=open,resolved": the choices of an option */
static void put_choices(void *arg, const struct cli_option *o)
{
    (void)arg;
    if (!o->arg || !strchr(o->arg, '|'))
        return;
    printf(" --%s=", o->name);
    for (const char *p = o->arg; *p; p++)
        putchar(*p == '|' ? ',' : *p);
}

static void put_bash_rows(const struct command *c)
{
    printf("    ['%s']='", c->name);
    args_each_option(c, put_option, NULL);
    fputs("'\n", stdout);
}

static void put_bash_choices(const struct command *c)
{
    printf("    ['%s']='", c->name);
    args_each_option(c, put_choices, NULL);
    fputs("'\n", stdout);
}

/* What the words of a command are, for triagectl complete; or NULL. */
static const char *asked_for(const struct command *c)
{
    if (!c->is_client || strncmp(c->args, "ID", 2) != 0)
        return NULL;
    if (strncmp(c->name, "review ", 7) == 0)
        return "reviews";
    return strchr(c->name, ' ') ? NULL : "ids"; /* the others have IDs of another kind */
}

static void put_bash_words(const struct command *c)
{
    if (asked_for(c))
        printf("    ['%s']='%s'\n", c->name, asked_for(c));
}

/* ---- bash ------------------------------------------------------------------------------------ */

static const char bash_tail[] =
    ")\n"
    "_triagectl_ask() {\n"
    "    local i words more=()\n"
    "    read -ra words <<<\"$COMP_LINE\" # not COMP_WORDS: a URL is several words there\n"
    "    for ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
    "        case ${words[i]} in\n"
    "            --url | --token | --token-file | --ca-file) more+=(\"${words[i]}\" "
    "\"${words[i+1]}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" complete \"$1\" \"${more[@]}\" "
    "2>/dev/null)\" -- \"$cur\"))\n"
    "}\n"
    "_triagectl() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} name='' w i entry\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        w=${COMP_WORDS[i]}\n"
    "        [[ $w == -* ]] && continue\n"
    "        if [[ -n $name && -n ${_triagectl_options[\"$name $w\"]+x} ]]; then\n"
    "            name=\"$name $w\"; break\n"
    "        elif [[ -z $name ]]; then\n"
    "            name=$w\n"
    "        fi\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    if [[ $prev == --* ]]; then\n"
    "        for entry in ${_triagectl_choices[\"$name\"]}; do\n"
    "            if [[ ${entry%%=*} == \"$prev\" ]]; then\n"
    "                entry=${entry#*=}\n"
    "                COMPREPLY=($(compgen -W \"${entry//,/ }\" -- \"$cur\"))\n"
    "                return\n"
    "            fi\n"
    "        done\n"
    "        case $prev in --team) _triagectl_ask teams; return ;; esac\n"
    "        case $prev in --*file | --config) COMPREPLY=($(compgen -f -- \"$cur\")); return ;; "
    "esac\n"
    "    fi\n"
    "    if [[ $cur == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"${_triagectl_options[\"$name\"]}\" -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    if [[ -n $name && -n ${_triagectl_options[\"$name\"]+x} ]]; then\n"
    "        [[ $name == completion ]] && COMPREPLY=($(compgen -W 'bash zsh' -- \"$cur\"))\n"
    "    fi\n"
    "    if [[ -n $name && -n ${_triagectl_words[\"$name\"]} ]]; then\n"
    "        _triagectl_ask \"${_triagectl_words[\"$name\"]}\"\n"
    "        return\n"
    "    fi\n"
    "    if [[ -z ${COMPREPLY[0]} ]]; then\n"
    "        for entry in \"${!_triagectl_options[@]}\" help; do\n"
    "            if [[ -z $name || $name == help ]]; then\n"
    "                COMPREPLY+=($(compgen -W \"${entry%% *}\" -- \"$cur\"))\n"
    "            elif [[ $entry == \"$name \"* ]]; then\n"
    "                COMPREPLY+=($(compgen -W \"${entry#* }\" -- \"$cur\"))\n"
    "            fi\n"
    "        done\n"
    "    fi\n"
    "}\n"
    "complete -F _triagectl triagectl\n";

static void print_bash(void)
{
    fputs("# bash completion of triagectl; made by: triagectl completion bash\n"
          "declare -gA _triagectl_options=(\n",
          stdout);
    each_command(put_bash_rows);
    fputs(")\ndeclare -gA _triagectl_choices=(\n", stdout);
    each_command(put_bash_choices);
    fputs(")\ndeclare -gA _triagectl_words=(\n", stdout);
    each_command(put_bash_words);
    fputs(bash_tail, stdout);
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* For a text inside '…[…]…' of _arguments, or 'name:…' of _describe. */
static void put_quoted(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *p))
            printf("\\%c", *p);
        else
            putchar(*p);
    }
}

static void put_zsh_name(const struct command *c)
{
    const char *second = strchr(c->name, ' ');
    int n = (int)(second ? second - c->name : (ptrdiff_t)strlen(c->name));

    printf("    '%.*s:", n, c->name);
    put_quoted(c->summary);
    fputs("'\n", stdout);
}

static void put_zsh_option(void *arg, const struct cli_option *o)
{
    (void)arg;
    printf("                '*--%s[", o->name);
    put_quoted(o->help);
    putchar(']');
    if (o->arg && strchr(o->arg, '|')) {
        printf(":%s:(", o->name);
        for (const char *p = o->arg; *p; p++)
            putchar(*p == '|' ? ' ' : *p);
        putchar(')');
    } else if (o->arg) {
        printf(":%s:%s", o->name,
               strcmp(o->arg, "FILE") == 0   ? "_files"
               : strcmp(o->arg, "TEAM") == 0 ? "{_triagectl_ask teams}"
                                             : " ");
    }
    fputs("' \\\n", stdout);
}

static void put_zsh_case(const struct command *c)
{
    printf("        '%s')\n            _arguments -S \\\n", c->name);
    args_each_option(c, put_zsh_option, NULL);
    if (strcmp(c->name, "completion") == 0)
        fputs("                '1:shell:(bash zsh)' ;;\n", stdout);
    else if (asked_for(c))
        printf("                '*:ID:{_triagectl_ask %s}' ;;\n", asked_for(c));
    else
        fputs("                '*:word: ' ;;\n", stdout);
}

static void put_zsh_pair(const struct command *c)
{
    if (strchr(c->name, ' '))
        printf("    '%s'\n", c->name);
}

static void print_zsh(void)
{
    fputs("#compdef triagectl\n"
          "# zsh completion of triagectl; made by: triagectl completion zsh\n"
          "_triagectl_ask() {\n"
          "    compadd -- ${(f)\"$(triagectl complete $1 2>/dev/null)\"}\n"
          "}\n"
          "_triagectl() {\n"
          "    local -a names pairs\n"
          "    local name\n"
          "    names=(\n",
          stdout);
    each_command(put_zsh_name);
    fputs("    'help:Print the commands, or the options of one.'\n    )\n    pairs=(\n", stdout);
    each_command(put_zsh_pair);
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe -t commands 'command' names\n"
          "        return\n"
          "    fi\n"
          "    name=$words[2]\n"
          "    if (( CURRENT == 3 )) && [[ -n ${(M)pairs:#$name *} && $words[3] != -* ]]; then\n"
          "        compadd -- ${${(M)pairs:#$name *}#* }\n"
          "    fi\n"
          "    if (( CURRENT > 3 )) && (( ${pairs[(Ie)$name $words[3]]} )); then\n"
          "        name=\"$name $words[3]\"\n"
          "        shift words; (( CURRENT-- ))\n"
          "    fi\n"
          "    shift words; (( CURRENT-- ))\n"
          "    case $name in\n",
          stdout);
    each_command(put_zsh_case);
    fputs("    esac\n"
          "}\n"
          "_triagectl \"$@\"\n",
          stdout);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int print_script(const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else
        return cli_usage_error(&cmd_completion,
                               "there are scripts for bash and zsh, not for \"%s\"", shell);
    return CLI_OK;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_args args;
    int status = args_parse(self, argc, argv, &args);

    if (status >= 0)
        return status;
    if (args.n_words != 1)
        return cli_usage_error(self, "for which shell?");
    return print_script(args.words[0]);
}

static const struct cli_option options[] = {{"help", 'h', NULL, "print this"},
                                            {NULL, 0, NULL, NULL}};

const struct command cmd_completion = {
    .name = "completion",
    .args = "bash|zsh",
    .summary = "Print a script that completes commands and options in your shell.",
    .help = "Installed with triagectl; by hand: source <(triagectl completion bash)\n",
    .run = run,
    .options = options,
};
