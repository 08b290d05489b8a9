/* manual.c: settings, commands and options as mdoc(7), from the tables of the program. */
#include "cli/manual.h"

#include "cli/commands.h"
#include "cli/event.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A one-line help as a sentence. Two hyphens are an option's, which must stay what they are. */
static void
sentence(const char *help)
{
    size_t size = strlen(help);

    (void)putchar(toupper((unsigned char)help[0]));
    for (size_t i = 1; i < size; i++)
        if (strncmp(help + i, "--", 2) == 0 && help[i - 1] == ' ') {
            (void)fputs("\\-\\-", stdout);
            i++;
        } else {
            (void)putchar(help[i]);
        }
    (void)puts(size > 3 && strcmp(help + size - 3, "...") == 0 ? "" : ".");
}

static void
print_option(const struct option *o)
{
    (void)printf(".It Cm %s\n", o->name);
    sentence(o->help);
    if (o->words != NULL) {
        (void)printf("One of");
        for (size_t w = 0; o->words[w] != NULL; w++)
            (void)printf("%s\n.Cm %s", w > 0 ? " ," : "", o->words[w]);
        (void)printf(" .\n");
    }
    if (o->standard != NULL)
        (void)printf("Default:\n.Ql %s .\n", o->standard);
    else if (o->required)
        (void)printf("It must be given.\n");
}

static void
print_list(const struct option *table)
{
    (void)printf(".Bl -tag -width Ds\n");
    for (const struct option *o = table; o->name != NULL; o++)
        print_option(o);
    (void)printf(".El\n");
}

/* What is in the page of its own that tells of providers, and not in pgcert.conf(5)? */
static bool
is_of_provider(const char *kind, const char *variant)
{
    return variant != NULL && strcmp(kind, "dns") == 0;
}

static void
print_settings(void)
{
    const char *kind = NULL, *variant = NULL;
    const struct option *table = NULL;

    (void)puts(".\\\" block: settings");
    for (size_t i = 0; config_kind(i, &kind, &variant, &table); i++) {
        /* a variant may have no settings of its own */
        if (table->name == NULL || is_of_provider(kind, variant))
            continue;
        if (variant != NULL)
            (void)printf(".Ss Settings of %s %s\n", kind, variant);
        else
            (void)printf(".Ss [%s%s]\n", kind, config_kind_is_named(kind) ? " NAME" : "");
        print_list(table);
    }
}

/* Each provider is a block, for its own section. */
static void
print_providers(void)
{
    const char *kind = NULL, *variant = NULL;
    const struct option *table = NULL;

    for (size_t i = 0; config_kind(i, &kind, &variant, &table); i++)
        if (is_of_provider(kind, variant) && table->name != NULL) {
            (void)printf(".\\\" block: settings %s %s\n", kind, variant);
            print_list(table);
        }
}

static void
print_commands(void)
{
    (void)puts(".\\\" block: commands\n.Bl -tag -width Ds");
    for (size_t i = 0; commands[i] != NULL; i++) {
        (void)printf(".It Xr pgcert-%s 1\n", commands[i]->name);
        sentence(commands[i]->summary);
    }
    (void)puts(".El");
}

static void
print_flags(const struct flag *flags)
{
    (void)puts(".Bl -tag -width Ds");
    for (const struct flag *f = flags; f->name != NULL; f++) {
        bool value = f->metavar != NULL;

        (void)printf(".It");
        if (f->alias != NULL)
            (void)printf(" Fl %s%s%s ,", f->alias + 1, value ? " Ar " : "",
                         value ? f->metavar : "");
        (void)printf(" Fl %s%s%s\n", f->name + 1, value ? " Ar " : "", value ? f->metavar : "");
        sentence(f->help);
    }
    (void)puts(".El");
}

static void
print_events(void)
{
    const char *word = NULL, *id = NULL, *help = NULL;

    (void)puts(".\\\" block: events\n.Bl -tag -width Ds");
    for (size_t i = 0; event_kind(i, &word, &id, &help); i++) {
        (void)printf(".It Cm %s , Li %s\n", word, id);
        sentence(help);
    }
    (void)puts(".El");
}

void
manual_print(void)
{
    print_settings();
    print_providers();
    print_commands();
    print_events();
    (void)puts(".\\\" block: options");
    print_flags(command_global_flags);
    for (size_t i = 0; commands[i] != NULL; i++)
        if (commands[i]->flags != NULL) {
            (void)printf(".\\\" block: options %s\n", commands[i]->name);
            print_flags(commands[i]->flags);
        }
}
