/* conf_text.c: read settings with libinih, strictly, and remember where each one came from. */
#include "base/conf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#define LINE_SIZE_MAX 4096
#define VALUE_SIZE_MAX (16 * 1024)
#define SECTION_COUNT_MAX 3000 /* a thousand certificates, each with its target */
#define VALUE_COUNT_MAX 1000
#define NAME_SIZE_MAX 200 /* a section's name becomes the name of a directory */

/* How the bytes that inih hands back belong to what it handed back before. */
enum joint { JOINT_NEW, JOINT_SPACE, JOINT_NONE };

/*
 * One file on its way through inih. inih splits `name = value`; all else is done before it sees a
 * line: it counts no lines for its handler, cuts a section's name after 49 bytes, does not report a
 * section without settings, knows `;` as the only comment after a value, and its longest line
 * depends on how it was built (200 bytes in Debian), so a longer one is handed over in pieces,
 * which it takes for continuation lines.
 */
struct reading {
    struct conf *conf;
    const char *label;
    bool is_foreign;      /* see conf_read_foreign() */
    const char *at, *end; /* what is left of the file */
    int line;
    size_t section; /* index + 1 of the current one; 0: none yet */
    bool in_value;  /* a setting came before in this section, which a line may continue */
    size_t value;   /* index of it */
    enum joint joint;
    char text[LINE_SIZE_MAX]; /* the current line, without comment and white space around */
    size_t size, given;       /* of it; what inih has got */
    struct err *e;
    bool failed;
};

static bool PRINTF(2, 3) refuse(struct reading *r, const char *format, ...)
{
    char sentence[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    r->failed = true;
    return err_set(r->e, ERR_CONFIG, "%s:%d: %s", r->label, r->line, sentence);
}

static bool
refuse_memory(struct reading *r)
{
    r->failed = true;
    return err_memory(r->e);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool
check_text(struct reading *r, const char *text, size_t size)
{
    const unsigned char *b = (const unsigned char *)text;

    for (size_t i = 0; i < size;) {
        size_t n = str_utf8_size(text + i, size - i);

        if (is_control(b[i]))
            return refuse(r, "byte %zu is a control character (0x%02x)", i + 1, b[i]);
        if (n == 0)
            return refuse(r, "byte %zu (0x%02x) is not UTF-8; save the file as UTF-8", i + 1, b[i]);
        i += n;
    }
    return true;
}

/* The comment begins at a '#' or ';' which is the first character or has white space before it. */
static size_t
size_without_comment(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((text[i] == '#' || text[i] == ';') && (i == 0 || is_blank(text[i - 1])))
            return i;
    return size;
}

/* Takes the next line of the file into r->text, trimmed. False at the end and on failure. */
static bool
take_line(struct reading *r, bool *indented)
{
    const char *start = r->at;
    const char *newline = start == r->end ? NULL : memchr(start, '\n', (size_t)(r->end - start));
    const char *stop = newline == NULL ? r->end : newline;
    size_t size = (size_t)(stop - start);

    if (start == r->end)
        return false;
    r->at = newline == NULL ? r->end : newline + 1;
    r->line++;
    if (size > 0 && start[size - 1] == '\r')
        size--;
    if (size >= LINE_SIZE_MAX)
        return refuse(r, "the line is longer than %d bytes; continue it on an indented line",
                      LINE_SIZE_MAX - 1);
    if (!check_text(r, start, size))
        return false;
    *indented = size > 0 && is_blank(start[0]);
    size = size_without_comment(start, size);
    for (; size > 0 && is_blank(start[0]); size--)
        start++;
    while (size > 0 && is_blank(start[size - 1]))
        size--;
    memcpy(r->text, start, size);
    r->text[size] = '\0';
    r->size = size;
    r->given = 0;
    return true;
}

/* ---- sections ---- */

static bool
add_section(struct reading *r, const char *kind, const char *name)
{
    struct conf *c = r->conf;
    struct conf_section *s = NULL;
    struct conf_section *grown = NULL;

    if (c->section_count == SECTION_COUNT_MAX)
        return refuse(r, "there are more than %d sections", SECTION_COUNT_MAX);
    grown = realloc(c->sections, (c->section_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return refuse_memory(r);
    c->sections = grown;
    s = &c->sections[c->section_count++];
    *s = (struct conf_section){
        .kind = strdup(kind), .name = strdup(name), .file = strdup(r->label), .line = r->line};
    return (s->kind != NULL && s->name != NULL && s->file != NULL) || refuse_memory(r);
}

/* Names become parts of paths, so they hold nothing that a path or a terminal could mistake. */
static bool
is_section_name(const char *name)
{
    return strlen(name) <= NAME_SIZE_MAX && name[0] != '.' && name[0] != '-' &&
           strpbrk(name, "/\\[]\"'` \t") == NULL;
}

/* Goes on in that section, made when it is new. */
static bool
enter_section(struct reading *r, const char *kind, const char *name)
{
    if (conf_find(r->conf, kind, name) == NULL && !add_section(r, kind, name))
        return false;
    r->section = (size_t)(conf_find(r->conf, kind, name) - r->conf->sections) + 1;
    r->in_value = false;
    return true;
}

/* "[KIND]" or "[KIND NAME]". */
static bool
open_section(struct reading *r)
{
    char *kind = r->text + 1;
    char *name = NULL;

    if (r->is_foreign && *kind == '[')
        return enter_section(r, "sub", "");
    if (r->text[r->size - 1] != ']')
        return refuse(r, "'%s' has no ']' at its end", r->text);
    r->text[r->size - 1] = '\0';
    kind += strspn(kind, " \t");
    name = kind + strspn(kind, "abcdefghijklmnopqrstuvwxyz_");
    if (name == kind || (*name != '\0' && !is_blank(*name)))
        return refuse(r, "'[%s]' is not a section; write [kind] or [kind name]", kind);
    while (is_blank(*name))
        *name++ = '\0';
    for (size_t i = strlen(name); i > 0 && is_blank(name[i - 1]); i--)
        name[i - 1] = '\0';
    if (!is_section_name(name))
        return refuse(r,
                      "'%s' cannot name a section: one word of at most %d bytes, no '/', quotes "
                      "or brackets, no '.' or '-' in front",
                      name, NAME_SIZE_MAX);
    return enter_section(r, kind, name);
}

/* ---- settings ---- */

/* Bytes of "name =" at the start of the line; 0 when it does not start so. */
static size_t
size_of_name(const char *text)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    size_t blank = strspn(text + name, " \t");

    return name > 0 && text[name + blank] == '=' ? name + blank + 1 : 0;
}

static bool
judge(struct reading *r, bool indented)
{
    bool is_setting = size_of_name(r->text) > 0;

    if (!is_setting && !(indented && r->in_value))
        return refuse(r, "'%.60s' is not a setting; write: name = value", r->text);
    if (r->section == 0 && r->is_foreign && !enter_section(r, "top", ""))
        return false;
    if (r->section == 0)
        return refuse(r, "'%.60s' stands before the first [section]", r->text);
    r->joint = is_setting ? JOINT_NEW : JOINT_SPACE;
    r->in_value = true;
    return true;
}

/* Where to cut a line so that inih, which trims its pieces and skips comments, loses nothing. */
static size_t
piece_size(const char *text, size_t left, size_t room)
{
    size_t size = left <= room ? left : room;

    while (size > 0 && size < left &&
           (is_blank(text[size]) || is_blank(text[size - 1]) || strchr("#;", text[size]) != NULL))
        size--;
    return size;
}

/* Hands the next piece of r->text to inih: its fgets(). */
static char *
give(struct reading *r, char *line, size_t room)
{
    size_t indent = r->joint != JOINT_NEW || r->given > 0;
    const char *text = r->text + r->given;
    size_t size = piece_size(text, r->size - r->given, room - indent - 2);

    if (r->given > 0)
        r->joint = JOINT_NONE;
    if (size == 0 || (indent == 0 && size < size_of_name(text))) {
        (void)refuse(r, "'%.60s...' is too long", text);
        return NULL;
    }
    line[0] = ' ';
    memcpy(line + indent, text, size);
    memcpy(line + indent + size, "\n", 2);
    r->given += size;
    return line;
}

static char *
next_piece(char *line, int room, void *stream)
{
    struct reading *r = stream;
    bool indented = false;

    while (!r->failed && r->given == r->size) {
        if (!take_line(r, &indented))
            return NULL;
        if (r->size == 0)
            continue;
        if (r->text[0] != '[' || (indented && r->in_value))
            (void)judge(r, indented);
        else if (open_section(r))
            r->size = 0; /* not for inih */
    }
    return r->failed ? NULL : give(r, line, (size_t)room);
}

static bool
set_text(struct reading *r, struct conf_value *v, char *text)
{
    if (text == NULL)
        return refuse_memory(r);
    free(v->text);
    v->text = text;
    if (strlen(text) > VALUE_SIZE_MAX)
        return refuse(r, "the value of '%s' is longer than %d bytes", v->name, VALUE_SIZE_MAX);
    return true;
}

static bool
add_value(struct reading *r, struct conf_section *s, const char *name)
{
    struct conf_value *grown = NULL;

    if (s->value_count == VALUE_COUNT_MAX)
        return refuse(r, "there are more than %d settings in a section", VALUE_COUNT_MAX);
    grown = realloc(s->values, (s->value_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return refuse_memory(r);
    s->values = grown;
    grown += s->value_count++;
    *grown = (struct conf_value){.name = strdup(name)};
    return grown->name != NULL || refuse_memory(r);
}

/* The setting's place in the section: where it was, or at the end. */
static bool
start_value(struct reading *r, struct conf_section *s, const char *name)
{
    struct conf_value *v = NULL;

    r->value = 0;
    while (r->value < s->value_count && strcmp(s->values[r->value].name, name) != 0)
        r->value++;
    if (r->value == s->value_count && !add_value(r, s, name))
        return false;
    v = &s->values[r->value];
    free(v->file);
    v->file = strdup(r->label);
    v->line = r->line;
    return v->file != NULL || refuse_memory(r);
}

/* inih's handler: 0 is failure. */
static int
take_setting(void *user, const char *section, const char *name, const char *text)
{
    struct reading *r = user;
    struct conf_section *s = &r->conf->sections[r->section - 1];
    struct conf_value *v = NULL;

    (void)section;
    if (r->joint == JOINT_NEW)
        return start_value(r, s, name) && set_text(r, &s->values[r->value], strdup(text));
    v = &s->values[r->value];
    return set_text(r, v,
                    str_format("%s%s%s", v->text,
                               r->joint == JOINT_SPACE && v->text[0] != '\0' ? " " : "", text));
}

static bool
read_text(struct reading *r, const char *text, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf"; /* the byte order mark of some editors */
    size_t skip = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    int failed_line = 0;

    if (!list_add(&r->conf->files, r->label))
        return err_memory(r->e);
    if (size == 0)
        return true;
    r->at = text + skip;
    r->end = text + size;
    failed_line = ini_parse_stream(next_piece, r, take_setting, r);
    if (!r->failed && failed_line != 0)
        return err_set(r->e, ERR_INTERNAL, "%s: libinih failed (%d)", r->label, failed_line);
    return !r->failed;
}

bool
conf_read_text(struct conf *c, const char *label, const char *text, size_t size, struct err *e)
{
    struct reading r = {.conf = c, .label = label, .e = e};

    return read_text(&r, text, size);
}

static void
unquote(char *text)
{
    size_t size = strlen(text);

    if (size >= 2 && (text[0] == '"' || text[0] == '\'') && text[size - 1] == text[0]) {
        memmove(text, text + 1, size - 2);
        text[size - 2] = '\0';
    }
}

bool
conf_read_foreign(struct conf *c, const char *label, const char *text, size_t size, struct err *e)
{
    struct reading r = {.conf = c, .label = label, .e = e, .is_foreign = true};

    if (!read_text(&r, text, size))
        return false;
    for (size_t i = 0; i < c->section_count; i++)
        for (size_t v = 0; v < c->sections[i].value_count; v++)
            unquote(c->sections[i].values[v].text);
    return true;
}
