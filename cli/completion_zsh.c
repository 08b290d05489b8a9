/* completion_zsh.c: the script for zsh, for its function _arguments. */
#include "cli/completion.h"

#include <stdio.h>

static const char head[] =
    "#compdef pgcert\n"
    "# made by: pgcert completion zsh\n"
    "\n"
    "# Names from the settings.\n"
    "_pgcert_names() {\n"
    "  local -a names\n"
    "  names=(${(f)\"$(command pgcert $config completion words $1 2>/dev/null)\"})\n"
    "  compadd -a names\n"
    "}\n"
    "\n"
    "_pgcert() {\n"
    "  local curcontext=\"$curcontext\" state line i\n"
    "  local -a config global commands\n"
    "  typeset -A opt_args\n"
    "  for ((i = 2; i < CURRENT; i++)); do\n"
    "    case $words[i] in\n"
    "      (-c|--config) config=(-c \"${(Q)words[i+1]/#\\~\\//$HOME/}\") ;;\n"
    "      (--config=*) config=(-c \"${(Q)words[i]#*=}\") ;;\n"
    "    esac\n"
    "  done\n";

static void
print_text(const char *text, const char *special)
{
    completion_print_quoted(text, "'\\''", special);
}

static void
print_place(const struct place *p)
{
    switch (p->kind) {
    case PLACE_NAME:
        (void)printf(" _pgcert_names %s", p->section);
        return;
    case PLACE_WORD:
        (void)printf("(");
        completion_print_words(p->word, " ");
        (void)printf(")");
        return;
    case PLACE_FILE:
        (void)printf("_files");
        return;
    case PLACE_DIRECTORY:
        (void)printf("_files -/");
        return;
    case PLACE_ANYTHING:
        (void)printf(" ");
        return;
    }
}

/* (-c --config)'{-c,--config=}'[read FILE]:FILE:_files */
static void
print_flag(const struct flag *f)
{
    const char *end = f->value != NULL ? "=" : "";
    struct place p = {PLACE_ANYTHING, NULL, NULL};

    if (f->alias != NULL)
        (void)printf(" '(%s %s)'{%s,%s%s}'[", f->alias, f->name, f->alias, f->name, end);
    else
        (void)printf(" '%s%s[", f->name, end);
    print_text(f->help, "[]:\\");
    (void)printf("]");
    if (f->value != NULL) {
        (void)printf(":%s:", f->metavar);
        p = completion_value(f);
        print_place(&p);
    }
    (void)printf("'");
}

static void
print_command(const struct command *c)
{
    (void)printf("    (%s) _arguments $global", c->name);
    for (const struct flag *f = c->flags; f != NULL && f->name != NULL; f++)
        print_flag(f);
    if (c->word != NULL) {
        (void)printf(" '1: :(");
        completion_print_words(c->word, " ");
        (void)printf(")'");
    }
    if (c->place.kind != PLACE_ANYTHING) {
        (void)printf(" '*: :");
        print_place(&c->place);
        (void)printf("'");
    }
    (void)printf(" ;;\n");
}

void
completion_zsh(void)
{
    (void)fputs(head, stdout);
    (void)printf("  global=(");
    for (const struct flag *f = command_global_flags; f->name != NULL; f++)
        print_flag(f);
    (void)printf(" )\n  commands=(");
    for (size_t i = 0; commands[i] != NULL; i++) {
        (void)printf("\n    '%s:", commands[i]->name);
        print_text(commands[i]->summary, ":\\");
        (void)printf("'");
    }
    (void)printf("\n  )\n"
                 "  _arguments -C $global '1: :->command' '*:: :->argument' && return\n"
                 "  if [[ $state == command ]]; then\n"
                 "    _describe command commands\n"
                 "    return\n"
                 "  fi\n"
                 "  case $words[1] in\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        print_command(commands[i]);
    (void)printf("  esac\n}\n\n"
                 "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
                 "  _pgcert \"$@\"\n"
                 "else\n"
                 "  compdef _pgcert pgcert\n"
                 "fi\n");
}
