/* completion_bash.c: the script for bash; it needs nothing of the package bash-completion. */
#include "cli/completion.h"

#include <stdio.h>

/* Names are never expanded: what is in a file of settings is not the shell's to run. */
static const char head[] =
    "# bash completion for pgcert; made by: pgcert completion bash\n"
    "\n"
    "# Offers the lines on standard input that begin as what is there.\n"
    "_pgcert_offer()\n"
    "{\n"
    "    local line quoted\n"
    "    while IFS= read -r line; do\n"
    "        printf -v quoted %q \"$line\"\n"
    "        if [[ $line == \"$cur\"* || $quoted == \"$cur\"* ]]; then\n"
    "            COMPREPLY+=(\"$quoted\")\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_pgcert_words()\n"
    "{\n"
    "    _pgcert_offer < <(printf '%s\\n' \"$@\")\n"
    "}\n"
    "\n"
    "# Names from the settings.\n"
    "_pgcert_names()\n"
    "{\n"
    "    _pgcert_offer < <(command pgcert ${config:+-c \"$config\"} completion words \"$1\" "
    "2>/dev/null)\n"
    "}\n"
    "\n"
    "_pgcert_files()\n"
    "{\n"
    "    compopt -o \"$1\" 2>/dev/null\n"
    "}\n"
    "\n"
    "# What the value of an option may be; false: it is none that takes one.\n"
    "_pgcert_value()\n"
    "{\n"
    "    case $1 in\n";

static const char takes_value[] = "    *) return 1 ;;\n"
                                  "    esac\n"
                                  "}\n"
                                  "\n"
                                  "_pgcert_takes_value()\n"
                                  "{\n"
                                  "    case $1 in\n"
                                  "    ";

static const char middle[] =
    ") return 0 ;;\n"
    "    esac\n"
    "    return 1\n"
    "}\n"
    "\n"
    "# Finds the command, and how many arguments are behind it.\n"
    "_pgcert_parse()\n"
    "{\n"
    "    local i word\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if _pgcert_takes_value \"$word\"; then\n"
    "            i=$((i + 1))\n"
    "            [[ ${COMP_WORDS[i]} != = ]] || i=$((i + 1))\n"
    "            [[ $word != -c && $word != --config ]] || config=${COMP_WORDS[i]/#\\~\\//$HOME/}\n"
    "        elif [[ $word == -* ]]; then\n"
    "            :\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$word\n"
    "        else\n"
    "            arguments=$((arguments + 1))\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_pgcert()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local config='' command='' arguments=0\n"
    "    COMPREPLY=()\n"
    "    _pgcert_parse\n"
    "    # --option=value comes as three words\n"
    "    [[ $cur != = ]] || cur=''\n"
    "    [[ $previous != = ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    ! _pgcert_value \"$previous\" || return 0\n"
    "    if [[ $cur == -* ]]; then\n"
    "        _pgcert_words";

static const char middle_of_flags[] = "\n"
                                      "        case $command in\n";

static const char after_flags[] = "        esac\n"
                                  "        return 0\n"
                                  "    fi\n"
                                  "    case $command:$arguments in\n"
                                  "    :*) _pgcert_words";

static void
print_place(const struct place *p)
{
    switch (p->kind) {
    case PLACE_NAME:
        (void)printf("_pgcert_names %s", p->section);
        return;
    case PLACE_WORD:
        (void)printf("_pgcert_words ");
        completion_print_words(p->word, " ");
        return;
    case PLACE_FILE:
        (void)printf("_pgcert_files default");
        return;
    case PLACE_DIRECTORY:
        (void)printf("_pgcert_files dirnames");
        return;
    case PLACE_ANYTHING:
        (void)printf(":");
        return;
    }
}

static void
print_name(const struct flag *f)
{
    (void)printf("%s%s%s", f->alias == NULL ? "" : f->alias, f->alias == NULL ? "" : " | ",
                 f->name);
}

static void
print_value(const struct flag *f)
{
    struct place p = completion_value(f);

    (void)printf("    ");
    print_name(f);
    (void)printf(") ");
    print_place(&p);
    (void)printf(" ;;\n");
}

static void
print_next_name(const struct flag *f)
{
    if (f != command_global_flags)
        (void)printf(" | ");
    print_name(f);
}

static void
print_names(const struct flag *flags)
{
    for (const struct flag *f = flags; f->name != NULL; f++)
        (void)printf(" %s", f->name);
}

static void
print_flags(const struct command *c)
{
    if (c->flags == NULL)
        return;
    (void)printf("        %s) _pgcert_words", c->name);
    print_names(c->flags);
    (void)printf(" ;;\n");
}

static void
print_arguments(const struct command *c)
{
    if (c->word != NULL) {
        (void)printf("    %s:0) _pgcert_words ", c->name);
        completion_print_words(c->word, " ");
        (void)printf(" ;;\n");
    }
    if (c->place.kind == PLACE_ANYTHING)
        return;
    (void)printf("    %s:*) ", c->name);
    print_place(&c->place);
    (void)printf(" ;;\n");
}

void
completion_bash(void)
{
    (void)fputs(head, stdout);
    completion_each_value(print_value);
    (void)fputs(takes_value, stdout);
    completion_each_value(print_next_name);
    (void)fputs(middle, stdout);
    print_names(command_global_flags);
    (void)fputs(middle_of_flags, stdout);
    for (size_t i = 0; commands[i] != NULL; i++)
        print_flags(commands[i]);
    (void)fputs(after_flags, stdout);
    for (size_t i = 0; commands[i] != NULL; i++)
        (void)printf(" %s", commands[i]->name);
    (void)printf(" ;;\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        print_arguments(commands[i]);
    (void)printf("    esac\n    return 0\n}\n\ncomplete -F _pgcert pgcert\n");
}
