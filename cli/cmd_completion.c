/* cmd_completion.c: a script for a shell, and the names that it asks for. */
#include "base/conf.h"
#include "cli/commands.h"
#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

/* A name with a control character would write on the terminal what it likes. */
static bool
is_plain(const char *name)
{
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return false;
    return true;
}

/* Only the names are read, so that a wrong setting elsewhere does not matter. */
static bool
print_names(const struct app *app, const char *kind, struct err *e)
{
    own_conf struct conf c = {0};

    if (!config_kind_is_named(kind))
        return err_set(e, ERR_USAGE, "the settings have no [%s NAME]", kind);
    if (!conf_read(&c, app->config_path, e))
        return false;
    for (size_t i = 0; i < c.section_count; i++)
        if (strcmp(c.sections[i].kind, kind) == 0 && is_plain(c.sections[i].name))
            (void)printf("%s\n", c.sections[i].name);
    return true;
}

static const struct {
    const char *word;
    void (*print)(void);
} words[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

static const char *
word(size_t i)
{
    return i < COUNT(words) ? words[i].word : NULL;
}

static bool
run(struct app *app, int argc, char **argv, struct err *e)
{
    if (argc == 2 && strcmp(argv[0], "words") == 0)
        return print_names(app, argv[1], e);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (argc != 1 || strcmp(words[i].word, argv[0]) != 0)
            continue;
        words[i].print();
        return true;
    }
    return err_set(e, ERR_USAGE,
                   "usage: pgcert completion bash|zsh|fish, or: pgcert completion words "
                   "certificate|issuer|target|dns");
}

const struct command cmd_completion = {
    .name = "completion",
    .arguments = "SHELL",
    .least = 1,
    .most = 2,
    .run = run,
    .word = word,
    .summary = "a script that completes commands: bash, zsh, fish",
    .details = "Packages install it. By hand:\n"
               "  bash  eval \"$(pgcert completion bash)\"\n"
               "  zsh   pgcert completion zsh >DIRECTORY/_pgcert, one of $fpath\n"
               "  fish  pgcert completion fish >~/.config/fish/completions/pgcert.fish\n"
               "The script asks for names by: pgcert completion words certificate (or issuer,\n"
               "target, dns), which reads the settings and nothing else.",
};
