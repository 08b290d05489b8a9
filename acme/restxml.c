/* restxml.c: ask a service that answers in XML. */
#include "acme/restxml.h"

#include <stdio.h>
#include <string.h>

static bool
read_xml(const struct rest *r, const struct http_response *response, const char *root,
         struct restxml_answer *answer, struct err *e)
{
    const char *date = http_header(response, "date");
    struct err why = {0};

    answer->status = response->status;
    (void)snprintf(answer->date, sizeof(answer->date), "%s", date == NULL ? "" : date);
    answer->xml = xml_decode(response->body.text == NULL ? "" : response->body.text,
                             response->body.size, &why);
    if (!restxml_is_good(answer) ||
        (answer->xml != NULL && strcmp(xml_name(answer->xml), root) == 0))
        return true;
    if (answer->xml != NULL)
        (void)err_set(&why, ERR_PROTOCOL, "not XML of this kind: '%.40s' in place of '%s'",
                      xml_name(answer->xml), root);
    return err_set(e, ERR_PROTOCOL,
                   "the service at '%s' answers with what is %s; is 'endpoint' of [dns %s] right?",
                   r->endpoint, why.text, r->d->name);
}

bool
restxml_call(struct rest *r, const struct rest_message *m, const char *root,
             struct restxml_answer *answer, struct err *e)
{
    own_http_response struct http_response response = {0};

    restxml_answer_done(answer);
    return rest_exchange(r, m, &response, e) && read_xml(r, &response, root, answer, e);
}

bool
restxml_is_good(const struct restxml_answer *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

void
restxml_answer_done(struct restxml_answer *answer)
{
    xml_drop(&answer->xml);
    *answer = (struct restxml_answer){0};
}
