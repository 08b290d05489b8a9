/* html.h: a page as text that grows; whatever is put into it is text and nothing else. */
#ifndef PGCERT_CLI_HTML_H
#define PGCERT_CLI_HTML_H

#include "base/str.h"

/* `{0}` is empty. */
struct html {
    struct str text;
    bool has_failed; /* memory ran out; the text is of no use */
};

#define own_html __attribute__((cleanup(html_done)))

/*
 * Appends markup: the format is as it is, a literal of ours.
 *
 * Takes:  format  "%s" for a text, which is escaped for content and for attributes in double quotes
 *                 (NULL is empty); "%lld" and "%zu" for numbers; "%%"; no others
 * Source: HTML Living Standard, section 13.3, "escaping a string"
 */
void html_put(struct html *h, const char *format, ...) PRINTF(2, 3);

/* Appends a text, escaped. What is not UTF-8, and characters that control a terminal or the
 * direction of writing, which would make a name look like another one, become U+FFFD. */
void html_text(struct html *h, const char *text);

/* Frees and zeroes. */
void html_done(struct html *h);

#endif
