/* page.h: what status knows as one page, HTML, for people: `status --html`, [pgcert] status_page.
 */
#ifndef PGCERT_CLI_PAGE_H
#define PGCERT_CLI_PAGE_H

#include "cli/app.h"

/* What it is to tell; all borrowed. */
struct page_wish {
    struct app *app;
    struct certificate *const *selected; /* each once */
    size_t count;
    bool is_asked; /* ask every target what it serves, as status does; else as it was last proved */
    bool with_ca;  /* and of the private CA, where there is one */
};

/*
 * Writes the page to a file, whole or not at all, or to standard output ("-"). It is complete in
 * itself: no script, and nothing that is fetched from anywhere.
 *
 * Errors: ERR_INPUT  what is remembered of a certificate is damaged
 *         ERR_CREATE, ERR_SYSTEM, ERR_PERMISSION  of the file
 */
MUST_USE bool page_write(const struct page_wish *wish, const char *path, struct err *e);

/* Writes [pgcert] status_page at the end of a run, where it is set, of all there is; asks no
 * server. What goes wrong is told as a warning, for the run itself came to its end. */
void page_keep(struct app *app);

#endif
