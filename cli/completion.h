/* completion.h: scripts that let a shell complete our command line, made from the tables of
 * commands and flags. One file for each shell.
 *
 * A script knows commands, words and flags; names it asks for by `pgcert completion words`.
 */
#ifndef PGCERT_CLI_COMPLETION_H
#define PGCERT_CLI_COMPLETION_H

#include "cli/commands.h"

/* What the value of a flag is. */
struct place completion_value(const struct flag *f);

/* Calls back for each flag that takes a value, those of all commands, each name once. */
void completion_each_value(void (*one)(const struct flag *f));

/* Prints the words of a place, with `between` them. */
void completion_print_words(const char *(*word)(size_t i), const char *between);

/* Prints text for a string in single quotes: `quote` stands for what would end it, and a backslash
 * before each of `special`. */
void completion_print_quoted(const char *text, const char *quote, const char *special);

/* Each prints the script of one shell.
 * Source: bash(1) "Programmable Completion"; zshcompsys(1), _arguments; fish, complete(1) */
void completion_bash(void);
void completion_zsh(void);
void completion_fish(void);

#endif
