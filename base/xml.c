/* xml.c: the door to expat: a bounded tree, and no document types. */
#include "base/xml.h"

#include <stdlib.h>
#include <string.h>

#include <expat.h>

#define SIZE_MAX_XML (1024 * 1024)
#define DEPTH_MAX 32
#define COUNT_MAX 20000 /* elements and attributes */

struct attribute {
    char *name;
    char *value;
};

struct xml {
    char *name;
    struct str text;
    struct attribute *attributes;
    size_t attribute_count;
    struct xml *first, *last; /* in it */
    struct xml *next;         /* beside it */
};

/* What the callbacks share. */
struct reading {
    XML_Parser parser;
    struct xml *root;
    struct xml *open[DEPTH_MAX]; /* borrowed from root */
    size_t depth;
    size_t count;
    const char *problem; /* why a callback stopped the reading */
};

static void
stop(struct reading *r, const char *problem)
{
    if (r->problem == NULL)
        r->problem = problem;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static void
free_element(struct xml *x)
{
    while (x->first != NULL) {
        struct xml *child = x->first;

        x->first = child->next;
        free_element(child); /* no deeper than DEPTH_MAX */
    }
    for (size_t i = 0; i < x->attribute_count; i++) {
        free(x->attributes[i].name);
        free(x->attributes[i].value);
    }
    free(x->attributes);
    str_done(&x->text);
    free(x->name);
    free(x);
}

void
xml_drop(struct xml **x)
{
    if (*x != NULL)
        free_element(*x);
    *x = NULL;
}

/* Puts a new element where it belongs, so that it is freed with the tree whatever comes. */
static struct xml *
hang(struct reading *r)
{
    struct xml *x = calloc(1, sizeof(*x));
    struct xml *parent = r->depth == 0 ? NULL : r->open[r->depth - 1];

    if (x == NULL)
        return NULL;
    if (parent == NULL)
        r->root = x;
    else if (parent->first == NULL)
        parent->first = x;
    else
        parent->last->next = x;
    if (parent != NULL)
        parent->last = x;
    return x;
}

static bool
copy_attributes(struct xml *x, const XML_Char **pairs)
{
    size_t count = 0;

    while (pairs[2 * count] != NULL)
        count++;
    x->attributes = calloc(count + 1, sizeof(*x->attributes));
    if (x->attributes == NULL)
        return false;
    for (; x->attribute_count < count; x->attribute_count++) {
        struct attribute *a = &x->attributes[x->attribute_count];

        a->name = strdup(pairs[2 * x->attribute_count]);
        a->value = strdup(pairs[2 * x->attribute_count + 1]);
        if (a->name == NULL || a->value == NULL) {
            x->attribute_count++;
            return false;
        }
    }
    return true;
}

static void
start_element(void *user, const XML_Char *name, const XML_Char **pairs)
{
    struct reading *r = user;
    struct xml *x = NULL;

    if (r->problem != NULL)
        return;
    r->count++;
    for (size_t i = 0; pairs[i] != NULL; i += 2)
        r->count++;
    if (r->depth == DEPTH_MAX) {
        stop(r, "it is nested too deep");
        return;
    }
    if (r->count > COUNT_MAX) {
        stop(r, "it has too many elements");
        return;
    }
    x = hang(r);
    if (x != NULL)
        x->name = strdup(name);
    if (x == NULL || x->name == NULL || !copy_attributes(x, pairs)) {
        stop(r, "out of memory");
        return;
    }
    r->open[r->depth++] = x;
}

static void
end_element(void *user, const XML_Char *name)
{
    struct reading *r = user;

    (void)name;
    if (r->problem == NULL && r->depth > 0)
        r->depth--;
}

static void
take_text(void *user, const XML_Char *text, int size)
{
    struct reading *r = user;

    if (r->problem == NULL && r->depth > 0 &&
        !str_add(&r->open[r->depth - 1]->text, text, (size_t)size))
        stop(r, "out of memory");
}

static void
refuse_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
               const XML_Char *public_id, int has_internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal;
    stop(user, "it has a DOCTYPE");
}

struct xml *
xml_decode(const char *text, size_t size, struct err *e)
{
    own_xml struct xml *root = NULL;
    struct reading r = {0};
    enum XML_Status status = XML_STATUS_ERROR;

    if (size > SIZE_MAX_XML) {
        (void)err_set(e, ERR_PROTOCOL, "not XML: it is larger than 1 MiB");
        return NULL;
    }
    r.parser = XML_ParserCreate("UTF-8"); /* whatever the document says of itself */
    if (r.parser == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, start_element, end_element);
    XML_SetCharacterDataHandler(r.parser, take_text);
    XML_SetStartDoctypeDeclHandler(r.parser, refuse_doctype);
    status = XML_Parse(r.parser, text, (int)size, 1);
    root = r.root;
    if (status != XML_STATUS_OK)
        (void)err_set(e, ERR_PROTOCOL, "not XML: %s (line %lu)",
                      r.problem != NULL ? r.problem : XML_ErrorString(XML_GetErrorCode(r.parser)),
                      (unsigned long)XML_GetCurrentLineNumber(r.parser));
    XML_ParserFree(r.parser);
    return status == XML_STATUS_OK ? TAKE(root) : NULL;
}

/* ------------------------------------------------------------------ looking */

const char *
xml_name(const struct xml *x)
{
    return x == NULL ? NULL : x->name;
}

const char *
xml_text(const struct xml *x)
{
    if (x == NULL)
        return NULL;
    return x->text.text == NULL ? "" : x->text.text;
}

const char *
xml_attribute(const struct xml *x, const char *name)
{
    for (size_t i = 0; x != NULL && i < x->attribute_count; i++)
        if (strcmp(x->attributes[i].name, name) == 0)
            return x->attributes[i].value;
    return NULL;
}

static const struct xml *
of_name(const struct xml *x, const char *name)
{
    while (x != NULL && name != NULL && strcmp(x->name, name) != 0)
        x = x->next;
    return x;
}

const struct xml *
xml_child(const struct xml *x, const char *name)
{
    return x == NULL ? NULL : of_name(x->first, name);
}

const struct xml *
xml_next(const struct xml *x, const char *name)
{
    return x == NULL ? NULL : of_name(x->next, name);
}

const char *
xml_child_text(const struct xml *x, const char *name)
{
    return xml_text(xml_child(x, name));
}

/* ------------------------------------------------------------------ writing */

static const char *
escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return (unsigned char)c < 0x20 ? "?" : NULL;
    }
}

bool
xml_escape(struct str *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        const char *escape = escape_of(*c);

        if (!str_add(out, escape == NULL ? c : escape, escape == NULL ? 1 : strlen(escape)))
            return false;
    }
    return true;
}

const char *
xml_library(void)
{
    const char *version = strchr(XML_ExpatVersion(), '_'); /* "expat_2.5.0" */

    return version == NULL ? XML_ExpatVersion() : version + 1;
}
