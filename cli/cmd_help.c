/* cmd_help.c: the commands, or one of them. */
#include "cli/commands.h"
#include "cli/term.h"

#include <stdio.h>

static void
print_flags(const struct flag *flags)
{
    for (const struct flag *f = flags; f != NULL && f->name != NULL; f++) {
        char left[40];

        (void)snprintf(left, sizeof(left), "%s%s%s%s%s", f->alias != NULL ? f->alias : "",
                       f->alias != NULL ? ", " : "", f->name, f->metavar != NULL ? " " : "",
                       f->metavar != NULL ? f->metavar : "");
        (void)printf("  %-22s %s\n", left, f->help);
    }
}

static void
explain(const struct command *c)
{
    (void)printf("%susage:%s pgcert %s%s%s\n\n%s\n", term_on(TERM_BOLD), term_off(), c->name,
                 *c->arguments != '\0' ? " " : "", c->arguments, c->summary);
    if (c->details != NULL)
        (void)printf("\n%s\n", c->details);
    if (c->flags != NULL) {
        (void)printf("\n%soptions%s\n", term_on(TERM_BOLD), term_off());
        print_flags(c->flags);
    }
}

static void
overview(void)
{
    (void)printf("pgcert keeps the TLS certificates of PostgreSQL fresh, without a restart.\n\n"
                 "%susage:%s pgcert [OPTION...] COMMAND [ARGUMENT...]\n\n%scommands%s\n",
                 term_on(TERM_BOLD), term_off(), term_on(TERM_BOLD), term_off());
    for (size_t i = 0; commands[i] != NULL; i++) {
        char left[40];

        (void)snprintf(left, sizeof(left), "%s %s", commands[i]->name, commands[i]->arguments);
        (void)printf("  %-22s %s\n", left, commands[i]->summary);
    }
    (void)printf("\n%soptions%s\n", term_on(TERM_BOLD), term_off());
    print_flags(command_global_flags);
    (void)printf("\nfirst steps: pgcert help setup. Manuals: pgcert(1), pgcert-COMMAND(1)\n");
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    const struct command *c = argc > 0 ? command_find(argv[0]) : NULL;

    (void)app;
    if (argc > 0 && c == NULL)
        return command_unknown(argv[0], e);
    if (c != NULL)
        explain(c);
    else
        overview();
    return true;
}

static const char *
word(size_t i)
{
    return commands[i] == NULL ? NULL : commands[i]->name;
}

const struct command cmd_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .most = 1,
    .run = run,
    .place = {PLACE_WORD, NULL, word},
    .summary = "explain a command",
};
