/* restxml.h: services that answer in XML. */
#ifndef PGCERT_ACME_RESTXML_H
#define PGCERT_ACME_RESTXML_H

#include "acme/rest.h"
#include "base/xml.h"

#define RESTXML_DATE_SIZE 40

struct restxml_answer {
    int status;
    struct xml *xml;              /* NULL: with an error, no XML */
    char date[RESTXML_DATE_SIZE]; /* the service's time, of its header Date; "" without one */
};

#define own_restxml_answer __attribute__((cleanup(restxml_answer_done)))

/*
 * Asks. When the service is busy, it is asked again, as rest_call() does.
 *
 * Takes:  root    name of the outermost element of what it answers in success
 * Gives:  answer  whatever its status. What was in it before is dropped.
 * Errors: ERR_PROTOCOL  success was answered, with what is no XML, or another document
 *         as rest_exchange()
 */
MUST_USE bool restxml_call(struct rest *r, const struct rest_message *m, const char *root,
                           struct restxml_answer *answer, struct err *e);

/* 200 to 299? */
bool restxml_is_good(const struct restxml_answer *answer);

void restxml_answer_done(struct restxml_answer *answer);

#endif
