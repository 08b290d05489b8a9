/* term.c: colours and the live line. */
#include "cli/term.h"

#include "base/clock.h"
#include "base/fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool colours; /* on standard output */
    bool live;    /* on standard error */
    bool shown;
    int64_t began_ms;
    char line[256];
} term;

void
term_init(bool quiet)
{
    const char *name = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    bool dumb = name == NULL || strcmp(name, "dumb") == 0;

    term.colours = isatty(STDOUT_FILENO) && !dumb && (no_color == NULL || *no_color == '\0');
    term.live = isatty(STDERR_FILENO) && !dumb && !quiet;
}

const char *
term_on(enum term_style style)
{
    static const char *const sequences[] = {
        [TERM_PLAIN] = "",        [TERM_BOLD] = "\033[1m",   [TERM_DIM] = "\033[2m",
        [TERM_GOOD] = "\033[32m", [TERM_BAD] = "\033[1;31m", [TERM_WARN] = "\033[33m",
    };

    return term.colours ? sequences[style] : "";
}

const char *
term_off(void)
{
    return term.colours ? "\033[0m" : "";
}

static void
say(struct progress *p, const char *line)
{
    const char *name = fiber_name();
    char whole[sizeof(term.line)];
    char span[CLOCK_SPAN_SIZE];
    int64_t now_ms = clock_system.steady_ms(&clock_system);

    (void)p;
    if (!term.live)
        return;
    (void)snprintf(whole, sizeof(whole), "%.100s%s%s", name == NULL ? "" : name,
                   name == NULL ? "" : ": ", line);
    if (!term.shown || strcmp(term.line, whole) != 0)
        term.began_ms = now_ms;
    (void)snprintf(term.line, sizeof(term.line), "%s", whole);
    term.shown = true;
    clock_span(span, now_ms - term.began_ms);
    /* cut to 72 columns, so that one line stays one line */
    (void)fprintf(stderr, "\r\033[K%.*s (%s)", 66, whole, span);
    (void)fflush(stderr);
}

struct progress *
term_progress(void)
{
    static struct progress port = {say};

    return &port;
}

bool
term_is_live(void)
{
    return term.live;
}

void
term_clear(void)
{
    if (!term.shown)
        return;
    term.shown = false;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
}

bool
term_can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

bool
term_ask(const char *question)
{
    char answer[16] = "";

    (void)printf("%s [y/N] ", question);
    (void)fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

void
term_words(const char *label, const struct list *words)
{
    size_t column = 12;

    (void)printf("  %s%-9s%s", term_on(TERM_DIM), label, term_off());
    for (size_t i = 0; i < words->count; i++) {
        size_t width = strlen(words->items[i]) + 1;

        if (column + width > 80 && i > 0) {
            (void)printf("\n           ");
            column = 12;
        }
        (void)printf(" %s", words->items[i]);
        column += width;
    }
    (void)printf("\n");
}
