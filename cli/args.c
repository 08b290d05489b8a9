/* args.c: take flags out of the command line. */
#include "cli/args.h"

#include "base/str.h"

#include <string.h>

/* The row of a flag as given ("--name", "--name=VALUE", "-n"); *value is behind the '='. */
static const struct flag *
find(const struct flag *const *tables, const char *given, const char **value)
{
    size_t length = strcspn(given, "=");

    for (; *tables != NULL; tables++)
        for (const struct flag *f = *tables; f->name != NULL; f++) {
            bool is_name = strlen(f->name) == length && strncmp(f->name, given, length) == 0;
            bool is_alias = f->alias != NULL && strcmp(f->alias, given) == 0;

            if (!is_name && !is_alias)
                continue;
            *value = is_name && given[length] == '=' ? given + length + 1 : NULL;
            return f;
        }
    return NULL;
}

static const char *
flag_name(const void *table, size_t i)
{
    return ((const struct flag *)table)[i].name;
}

static bool
unknown(const struct flag *const *tables, const char *given, struct err *e)
{
    const char *near = NULL;

    for (; *tables != NULL && near == NULL; tables++) {
        size_t count = 0;

        while ((*tables)[count].name != NULL)
            count++;
        near = str_nearest(given, flag_name, *tables, count);
    }
    return err_set(e, ERR_USAGE, "no option '%s'; %s%s%s", given,
                   near != NULL ? "did you mean '" : "try: pgcert help", near != NULL ? near : "",
                   near != NULL ? "'?" : "");
}

/* Takes one flag; *i moves to its last argument. */
static bool
take(const struct flag *const *tables, int argc, char **argv, int *i, struct err *e)
{
    const char *value = NULL;
    const char *given = argv[*i];
    const struct flag *f = find(tables, given, &value);

    if (f == NULL)
        return unknown(tables, given, e);
    if (f->present != NULL) {
        *f->present = true;
        return value == NULL || err_set(e, ERR_USAGE, "the option '%s' takes no value", f->name);
    }
    if (value == NULL && *i + 1 >= argc)
        return err_set(e, ERR_USAGE, "the option '%s' needs a value: %s", f->name, f->metavar);
    *f->value = value != NULL ? value : argv[++*i];
    return true;
}

bool
args_take(const struct flag *const *tables, bool first_only, int *argc, char **argv, struct err *e)
{
    int kept = 0;
    bool flags_end = false;

    for (int i = 0; i < *argc; i++) {
        bool is_flag = !flags_end && argv[i][0] == '-' && argv[i][1] != '\0';

        if (is_flag && strcmp(argv[i], "--") == 0) {
            flags_end = true;
        } else if (is_flag) {
            if (!take(tables, *argc, argv, &i, e))
                return false;
        } else {
            argv[kept++] = argv[i];
            if (first_only) {
                for (i++; i < *argc; i++)
                    argv[kept++] = argv[i];
            }
        }
    }
    *argc = kept;
    return true;
}
