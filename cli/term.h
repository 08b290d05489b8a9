/* term.h: what a person sees: colours, and one live line while something is waited for. */
#ifndef PGCERT_CLI_TERM_H
#define PGCERT_CLI_TERM_H

#include "base/progress.h"
#include "base/str.h"

#include <stdbool.h>

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GOOD, TERM_BAD, TERM_WARN };

/* Looks at standard output and error, $NO_COLOR and $TERM. quiet: no live line. */
void term_init(bool quiet);

/* The escape sequence for standard output, "" where there are no colours. */
const char *term_on(enum term_style style);
const char *term_off(void);

/* The live line on standard error: what is waited for and how long already; a port for the rooms.
 * Nothing is shown where standard error is no terminal. */
struct progress *term_progress(void);

/* Is it shown? */
bool term_is_live(void);

/* Wipes the live line; to be called before anything else is written. */
void term_clear(void);

/* Is a person there to answer a question? */
bool term_can_ask(void);

/* Asks; true for yes. */
bool term_ask(const char *question);

/* Several words after a label on standard output, broken at 80 columns. */
void term_words(const char *label, const struct list *words);

#endif
