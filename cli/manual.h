/* manual.h: what the manuals have from the tables of the program, so that they cannot differ. */
#ifndef PGCERT_CLI_MANUAL_H
#define PGCERT_CLI_MANUAL_H

/*
 * Prints all of it on standard output as mdoc(7), in blocks. Each begins with a line that names it:
 *     .\" block: settings | settings dns NAME | commands | options | options COMMAND
 * tests/lint/manual.sh puts them into the pages, and tells when they differ.
 */
void manual_print(void);

#endif
