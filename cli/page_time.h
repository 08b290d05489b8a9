/* page_time.h: a time line of several lives, on one scale that is stretched around now, so that a
 * certificate of six days and a CA of ten years are both seen. */
#ifndef PGCERT_CLI_PAGE_TIME_H
#define PGCERT_CLI_PAGE_TIME_H

#include "cli/html.h"

#include <stdint.h>

/* How something stands; the words are classes of the style, too. */
enum page_tone { TONE_GOOD, TONE_WARN, TONE_BAD };
extern const char *const page_tones[]; /* "good" "warn" "bad" */

/* What lives from one time to another. Texts are borrowed. */
struct page_life {
    const char *name, *kind; /* "db.example.org", "certificate" */
    const char *word;        /* how it stands */
    enum page_tone tone;
    int64_t from_s, renew_s, until_s; /* 0: not known, or there is none */
};

/* Where a time is, in hundredths of a percent of the width; what is beyond is at the edge. */
int64_t page_time_place(int64_t at_s, int64_t now_s);

/* "2026-11-22 03:00 UTC", or a date alone where it is far away, with "in 3 days"; "–" for 0. */
void page_time_put(struct html *h, int64_t at_s, int64_t now_s);

/* A table with a caption, a row for each. */
void page_time_table(struct html *h, const struct page_life *lives, size_t count, int64_t now_s);

#endif
