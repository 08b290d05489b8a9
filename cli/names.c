/* names.c: read a file with a name a line. */
#include "cli/names.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_HERE 1024 /* no name is as long */

static void
file_drop(FILE **file)
{
    if (*file != NULL && *file != stdin)
        (void)fclose(*file);
}

#define own_file __attribute__((cleanup(file_drop)))

struct line {
    char text[LINE_MAX_HERE + 1];
    size_t size;
    bool is_long;
};

/* Up to the end of the line; false at the end of the file. */
static bool
read_line(FILE *file, struct line *line)
{
    int c = getc_unlocked(file);
    bool any = c != EOF;

    line->size = 0;
    line->is_long = false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(file))
        if (line->size < LINE_MAX_HERE)
            line->text[line->size++] = (char)c;
        else
            line->is_long = true;
    line->text[line->size] = '\0';
    return any;
}

static bool
take_line(struct line *line, size_t number, names_take *take, void *context, struct err *e)
{
    struct err wrong = {0};

    if (line->is_long)
        (void)err_set(&wrong, ERR_INPUT, "it is too long for a name");
    else if (strlen(line->text) != line->size)
        (void)err_set(&wrong, ERR_INPUT, "a byte is NUL");
    else if (line->size > 0 && line->text[line->size - 1] == '\r')
        line->text[--line->size] = '\0';
    return line->size == 0 || take(context, number, line->text, &wrong, e);
}

bool
names_read(const char *path, names_take *take, void *context, struct err *e)
{
    own_file FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    struct line line;

    if (file == NULL)
        return err_errno(e, "read '%s'", path);
    for (size_t number = 1; read_line(file, &line); number++)
        if (!take_line(&line, number, take, context, e))
            return false;
    return ferror(file) == 0 || err_errno(e, "read '%s'", path);
}
