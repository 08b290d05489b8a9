/* option.c: bind the settings of a section to a struct by a table. */
#include "base/option.h"

#include "base/option_value.h"

#include <string.h>

static void *
field_of(const struct option *o, void *into)
{
    return (char *)into + o->offset;
}

/* "[dns home] ttl" after "FILE:LINE: ", before what is wrong. Always returns false. */
static bool
tell_where(const struct conf_section *s, const char *file, int line, const char *name,
           struct err *e)
{
    return err_wrap(e, "%s:%d: [%s%s%s] %s", file, line, s->kind, s->name[0] == '\0' ? "" : " ",
                    s->name, name);
}

/* The text that counts: what was written, or the default; NULL: neither. */
static const char *
text_of(const struct option *o, const struct conf_value *v)
{
    if (v == NULL)
        return o->standard;
    if (v->text[0] == '\0')
        return option_value_can_be_empty(o) ? NULL : o->standard;
    return v->text;
}

static bool
bind_one(const struct conf_section *s, const struct option *o, void *into, struct err *e)
{
    const struct conf_value *v = s == NULL ? NULL : conf_value_find(s, o->name);
    const char *text = text_of(o, v);

    if (text != NULL && option_value_set(o, text, field_of(o, into), e))
        return true;
    if (text != NULL && (v == NULL || text != v->text)) /* no user's mistake */
        return e->code == ERR_CONFIG &&
               err_set(e, ERR_INTERNAL, "default of '%s': '%s' is wrong", o->name, text);
    if (text != NULL)
        return tell_where(s, v->file, v->line, o->name, e);
    if (!o->required || s == NULL)
        return true;
    (void)err_set(e, ERR_CONFIG, "must be set (%s)", o->help);
    return tell_where(s, v == NULL ? s->file : v->file, v == NULL ? s->line : v->line, o->name, e);
}

bool
option_bind(const struct conf_section *s, const struct option *table, void *into, struct err *e)
{
    for (const struct option *o = table; o->name != NULL; o++)
        if (!bind_one(s, o, into, e)) {
            option_done(table, into);
            return false;
        }
    return true;
}

/* ---- names ---- */

static const char *
name_at(const void *table, size_t i)
{
    for (const struct option *const *t = table; *t != NULL; t++)
        for (const struct option *o = *t; o->name != NULL; o++, i--)
            if (i == 0)
                return o->name;
    return NULL;
}

static size_t
count_names(const struct option *const *tables)
{
    size_t count = 0;

    while (name_at(tables, count) != NULL)
        count++;
    return count;
}

static bool
is_known(const char *name, const struct option *const *tables)
{
    for (const struct option *const *t = tables; *t != NULL; t++)
        for (const struct option *o = *t; o->name != NULL; o++)
            if (strcmp(name, o->name) == 0)
                return true;
    return false;
}

/* Always returns false. */
static bool
refuse_name(const struct conf_section *s, const struct conf_value *v,
            const struct option *const *tables, struct err *e)
{
    const char *nearest = str_nearest(v->name, name_at, tables, count_names(tables));
    own_str struct str known = {0};

    if (nearest != NULL)
        (void)err_set(e, ERR_CONFIG, "no such setting; did you mean '%s'?", nearest);
    else {
        for (size_t i = 0; i < count_names(tables); i++)
            if (!str_addf(&known, " %s", name_at(tables, i)))
                return err_memory(e);
        (void)err_set(e, ERR_CONFIG, "no such setting; there are:%s",
                      known.text != NULL ? known.text : " none");
    }
    return tell_where(s, v->file, v->line, v->name, e);
}

bool
option_check_names(const struct conf_section *s, const struct option *const *tables, struct err *e)
{
    for (size_t i = 0; i < s->value_count; i++)
        if (!is_known(s->values[i].name, tables))
            return refuse_name(s, &s->values[i], tables, e);
    return true;
}

void
option_done(const struct option *table, void *into)
{
    for (const struct option *o = table; o->name != NULL; o++)
        option_value_free(o, field_of(o, into));
}
