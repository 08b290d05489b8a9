/* xml.h: XML that a service answers, as a tree of elements. The only door to expat. */
#ifndef PGCERT_BASE_XML_H
#define PGCERT_BASE_XML_H

#include "base/err.h"
#include "base/str.h"

/* An element. Its name is as it is written, with its prefix if it has one; namespaces are not
 * looked at. */
struct xml;

#define own_xml __attribute__((cleanup(xml_drop)))

/*
 * Reads one document from foreign text.
 *
 * Takes:  size  at most 1 MiB is read
 * Gives:  the outermost element; xml_drop() it
 * Errors: ERR_PROTOCOL  not XML, not UTF-8, nested deeper than 32, more than 20000 elements and
 *                       attributes, or a DOCTYPE: what entities stand for is nobody's to decide
 */
MUST_USE struct xml *xml_decode(const char *text, size_t size, struct err *e);

/* Looking: borrowed from the element, which may be NULL: so is the result then. */
const char *xml_name(const struct xml *x);

/* The characters between its tags, those of the elements in it left out; "" for none. */
const char *xml_text(const struct xml *x);

/* NULL when it has no such attribute. */
const char *xml_attribute(const struct xml *x, const char *name);

/* The first element right in it of that name; of any name for NULL. NULL when there is none. */
const struct xml *xml_child(const struct xml *x, const char *name);

/* The next one beside it. */
const struct xml *xml_next(const struct xml *x, const char *name);

/* xml_text() of xml_child(); NULL when there is none. */
const char *xml_child_text(const struct xml *x, const char *name);

/* Adds text for a place between tags, or between the quotation marks of an attribute: what means
 * something there is escaped. Control characters, which XML cannot have, become '?'. False: out of
 * memory. */
MUST_USE bool xml_escape(struct str *out, const char *text);

void xml_drop(struct xml **x);

/* The version of Expat that runs. */
const char *xml_library(void);

#endif
