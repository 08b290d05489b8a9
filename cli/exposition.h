/* exposition.h: metrics as text for Prometheus: one metric after the other, each with its samples.
 */
#ifndef PGCERT_CLI_EXPOSITION_H
#define PGCERT_CLI_EXPOSITION_H

#include "base/str.h"

#include <stdint.h>

/* A text that grows. `{0}` is empty. */
struct exposition {
    struct str text;
    const char *name, *type, *help; /* of the metric that is written now; borrowed */
    bool is_named;                  /* its HELP and TYPE are written */
    bool has_failed;                /* memory ran out; the text is of no use */
};

#define own_exposition __attribute__((cleanup(exposition_done)))

/* Of a sample; whatever text the value is. Ended by a row without name. */
struct exposition_label {
    const char *name, *value;
};

/*
 * Begins a metric; it is not in the text until it has a sample.
 *
 * Takes:  type  "gauge" "counter"; all three are borrowed until the next one begins
 * Source: Prometheus, "Exposition formats", "Text-based format"
 */
void exposition_begin(struct exposition *x, const char *name, const char *type, const char *help);

/* Adds a sample. What is not UTF-8 in a value of a label becomes '?', for one such byte makes
 * readers refuse the whole file. */
void exposition_add(struct exposition *x, const struct exposition_label *labels, int64_t value);

/* The same for milliseconds, written as seconds. */
void exposition_add_ms(struct exposition *x, const struct exposition_label *labels, int64_t ms);

/* Frees and zeroes. */
void exposition_done(struct exposition *x);

#endif
