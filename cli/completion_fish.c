/* completion_fish.c: the script for fish: one line for each thing that may be said. */
#include "cli/completion.h"

#include <stdio.h>

static const char head[] = "# fish completion for pgcert; made by: pgcert completion fish\n"
                           "\n"
                           "function __pgcert_takes_value\n"
                           "    switch $argv[1]\n"
                           "        case";

static const char middle[] =
    "\n"
    "            return 0\n"
    "    end\n"
    "    return 1\n"
    "end\n"
    "\n"
    "# The words before the cursor that are neither options nor their values.\n"
    "function __pgcert_arguments\n"
    "    set -l words (commandline -opc)\n"
    "    set -l value no\n"
    "    for word in $words[2..-1]\n"
    "        if test $value = yes\n"
    "            set value no\n"
    "        else if __pgcert_takes_value $word\n"
    "            set value yes\n"
    "        else if not string match -q -- '-*' $word\n"
    "            printf '%s\\n' $word\n"
    "        end\n"
    "    end\n"
    "end\n"
    "\n"
    "# Is it that command; and are we at its first argument, or at a later one?\n"
    "function __pgcert_at\n"
    "    set -l given (__pgcert_arguments)\n"
    "    test \"$given[1]\" = \"$argv[1]\"; or return 1\n"
    "    switch \"$argv[2]\"\n"
    "        case first\n"
    "            test (count $given) -eq 1\n"
    "        case later\n"
    "            test (count $given) -gt 1\n"
    "    end\n"
    "end\n"
    "\n"
    "# Names from the settings.\n"
    "function __pgcert_names\n"
    "    set -l words (commandline -opc)\n"
    "    set -l config\n"
    "    for i in (seq (count $words))\n"
    "        if contains -- $words[$i] -c --config; and test $i -lt (count $words)\n"
    "            set config -c (string replace -r '^~/' \"$HOME/\" -- $words[(math $i + 1)])\n"
    "        else if string match -q -- '--config=*' $words[$i]\n"
    "            set config -c (string replace -- --config= '' $words[$i])\n"
    "        end\n"
    "    end\n"
    "    command pgcert $config completion words $argv[1] 2>/dev/null\n"
    "end\n"
    "\n"
    "complete -c pgcert -f\n";

static void
print_text(const char *text)
{
    completion_print_quoted(text, "\\'", "\\");
}

static void
print_place(const struct place *p, bool is_value)
{
    switch (p->kind) {
    case PLACE_NAME:
        (void)printf(" -a '(__pgcert_names %s)'", p->section);
        break;
    case PLACE_WORD:
        (void)printf(" -a '");
        completion_print_words(p->word, " ");
        (void)printf("'");
        break;
    case PLACE_FILE:
        (void)printf(" -F");
        break;
    case PLACE_DIRECTORY:
        (void)printf(" -a '(__fish_complete_directories)'");
        break;
    case PLACE_ANYTHING:
        break;
    }
    if (is_value)
        (void)printf(p->kind == PLACE_FILE ? " -r" : " -x");
}

/* `command` NULL: of all. */
static void
print_flags(const char *command, const struct flag *flags)
{
    for (const struct flag *f = flags; f != NULL && f->name != NULL; f++) {
        struct place p = {PLACE_ANYTHING, NULL, NULL};

        (void)printf("complete -c pgcert");
        if (command != NULL)
            (void)printf(" -n '__pgcert_at %s'", command);
        (void)printf(" -l %s", f->name + 2);
        if (f->alias != NULL)
            (void)printf(" -s %s", f->alias + 1);
        if (f->value != NULL) {
            p = completion_value(f);
            print_place(&p, true);
        }
        (void)printf(" -d '");
        print_text(f->help);
        (void)printf("'\n");
    }
}

static void
print_arguments(const struct command *c)
{
    if (c->word != NULL) {
        (void)printf("complete -c pgcert -n '__pgcert_at %s first' -a '", c->name);
        completion_print_words(c->word, " ");
        (void)printf("'\n");
    }
    if (c->place.kind == PLACE_ANYTHING)
        return;
    (void)printf("complete -c pgcert -n '__pgcert_at %s%s'", c->name,
                 c->word != NULL ? " later" : "");
    print_place(&c->place, false);
    (void)printf("\n");
}

static void
print_name(const struct flag *f)
{
    (void)printf(" %s%s%s", f->alias == NULL ? "" : f->alias, f->alias == NULL ? "" : " ", f->name);
}

void
completion_fish(void)
{
    (void)fputs(head, stdout);
    completion_each_value(print_name);
    (void)fputs(middle, stdout);
    print_flags(NULL, command_global_flags);
    for (size_t i = 0; commands[i] != NULL; i++) {
        (void)printf("complete -c pgcert -n '__pgcert_at' -a %s -d '", commands[i]->name);
        print_text(commands[i]->summary);
        (void)printf("'\n");
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        print_flags(commands[i]->name, commands[i]->flags);
        print_arguments(commands[i]);
    }
}
