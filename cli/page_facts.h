/* page_facts.h: all that a page of status tells, gathered before a word of it is written. */
#ifndef PGCERT_CLI_PAGE_FACTS_H
#define PGCERT_CLI_PAGE_FACTS_H

#include "cli/ca_report.h"
#include "cli/page.h"
#include "cli/page_time.h"
#include "cli/report.h"

enum page_answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* One target of a certificate. Texts are borrowed from its report. */
struct page_target {
    const struct report *report;
    const char *name;
    enum page_answer deployed, served;
    struct proof proof;
    const char *trouble;            /* NULL: none */
    const struct served *served_at; /* whom it was asked of; without endpoints: nobody was */
};

/* Something that is wrong. Texts are owned. */
struct page_worry {
    enum page_tone tone;
    char *subject, *text;
    char *remedy;      /* NULL: the text says it */
    const char *since; /* what since_s is, a literal; NULL: "since" */
    int64_t since_s;   /* 0: not known */
};

/* A client whose last certificate ends soon; borrowed from the list. */
struct page_ending {
    const struct ca_issued *last;
};

struct page_facts {
    const struct app *app;
    int64_t now_s;
    struct report *reports;
    size_t count;
    struct page_target *targets;
    size_t target_count;
    bool has_ca; /* and what follows is about it */
    struct ca_report ca;
    struct ca_list clients;
    struct page_ending *ending;
    size_t ending_count, client_count; /* clients who have a valid one */
    struct page_life *lives;
    size_t life_count;
    struct list made; /* names of lives, owned */
    struct page_worry *worries;
    size_t worry_count;
    bool has_failed; /* memory ran out */
};

#define own_page_facts __attribute__((cleanup(page_facts_done)))

/* How far ahead a client's end is seen. */
#define PAGE_SOON_DAYS 30

/*
 * Gathers it from what is on disk, and from the targets where that is wished; what goes wrong there
 * is part of it.
 *
 * Takes:  f  zeroed but for `app`
 * Errors: ERR_SYSTEM  out of memory; ERR_INPUT  what is remembered of a certificate is damaged
 */
MUST_USE bool page_facts_init(struct page_facts *f, const struct page_wish *wish, struct err *e);

void page_facts_done(struct page_facts *f);

#endif
