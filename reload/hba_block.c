/* hba_block.c: find and replace a block between two markers. */
#include "reload/hba_block.h"

#include "reload/reload.h"

#include <string.h>

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Is the line that marker, whatever blanks an editor has put around it? */
static bool
is_marker(const char *line, size_t size, const char *marker)
{
    while (size > 0 && is_blank(line[size - 1]))
        size--;
    while (size > 0 && is_blank(*line)) {
        line++;
        size--;
    }
    return size == strlen(marker) && memcmp(line, marker, size) == 0;
}

static bool
damaged(struct err *e, int line, const char *what)
{
    return err_set(e, ERR_CONFIG,
                   "line %d: %s; which lines are pgcert's cannot be known: take them out by hand, "
                   "with both markers",
                   line, what);
}

bool
hba_block_find(struct hba_block *b, const char *text, size_t size, struct err *e)
{
    struct hba_block found = {0};
    bool inside = false;
    int number = 1, begun = 0;

    for (size_t at = 0; at < size; number++) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', size - at);
        size_t length = newline == NULL ? size - at : (size_t)(newline - line);
        bool begins = is_marker(line, length, HBA_BLOCK_BEGIN);
        bool ends = is_marker(line, length, HBA_BLOCK_END);
        size_t next = at + length + (newline != NULL);

        if (begins && begun > 0)
            return damaged(e, number, "a second '" HBA_BLOCK_BEGIN "'");
        if (ends && !inside)
            return damaged(e, number, "an '" HBA_BLOCK_END "' without its beginning");
        if (begins) {
            found.start = at;
            begun = number;
        }
        if (ends)
            found.end = next;
        inside = (inside || begins) && !ends;
        at = next;
    }
    if (inside)
        return damaged(e, begun, "a '" HBA_BLOCK_BEGIN "' without its end");
    *b = found;
    return true;
}

/* The words after the mark, when the line has it. */
static bool
read_from(const char *line, size_t size, struct list *sources, struct err *e)
{
    size_t mark = strlen(HBA_BLOCK_FROM);
    own_mem char *rest = NULL;
    own_list struct list words = {0};

    if (size < mark || memcmp(line, HBA_BLOCK_FROM, mark) != 0)
        return true;
    rest = strndup(line + mark, size - mark);
    if (rest == NULL || !list_add_words(&words, rest))
        return err_memory(e);
    for (size_t i = 0; i < words.count; i++) {
        own_mem char *source = NULL;

        if (!reload_hba_source(words.items[i], &source, e)) {
            e->code = ERR_CONFIG;
            return err_wrap(e, "the line '" HBA_BLOCK_FROM "' in pgcert's block");
        }
        if (!list_add(sources, source))
            return err_memory(e);
    }
    return true;
}

bool
hba_block_sources(const struct str *file, struct list *sources, struct err *e)
{
    struct hba_block b = {0};
    const char *text = file->text == NULL ? "" : file->text;

    if (!hba_block_find(&b, text, file->size, e))
        return false;
    for (size_t at = b.start; at < b.end;) {
        const char *newline = memchr(text + at, '\n', b.end - at);
        size_t next = newline == NULL ? b.end : (size_t)(newline - text) + 1;
        size_t size = next - at;

        while (size > 0 && (text[at + size - 1] == '\n' || is_blank(text[at + size - 1])))
            size--;
        if (!read_from(text + at, size, sources, e))
            return false;
        at = next;
    }
    return true;
}

bool
hba_block_replace(const struct str *file, const struct str *lines, struct str *out, struct err *e)
{
    struct hba_block b = {0};
    const char *text = file->text == NULL ? "" : file->text;

    if (!hba_block_find(&b, text, file->size, e))
        return false;
    if (lines->size > 0 &&
        (!str_addf(out, "%s\n%s\n", HBA_BLOCK_BEGIN, HBA_BLOCK_NOTE) ||
         !str_add(out, lines->text, lines->size) || !str_addf(out, "%s\n", HBA_BLOCK_END)))
        return err_memory(e);
    return (str_add(out, text, b.start) && str_add(out, text + b.end, file->size - b.end)) ||
           err_memory(e);
}
