/* awserror.c: the errors of Amazon's services that answer in XML. */
#include "acme/awserror.h"

#include <stdio.h>
#include <string.h>

#define REASON_MAX 300

const char *
awserror_find(const struct xml *xml, const char **message)
{
    const struct xml *error = xml_child(xml, "Error");

    *message = NULL;
    if (error != NULL) {
        *message = xml_child_text(error, "Message");
        return xml_child_text(error, "Code");
    }
    *message = xml_child_text(xml_child(xml, "Messages"), "Message");
    if (*message == NULL)
        *message = xml_child_text(xml, "Message"); /* <InvalidSignatureException> and the like */
    return *message == NULL ? NULL : xml_name(xml);
}

bool
awserror_is_busy(const struct http_response *response)
{
    static const char *const codes[] = {"Throttling", "ThrottlingException",
                                        "PriorRequestNotComplete", "RequestLimitExceeded"};
    struct err ignored = {0};
    own_xml struct xml *xml = NULL;
    const char *code = NULL, *message = NULL;

    if (response->status != 400 || response->body.size == 0)
        return false;
    xml = xml_decode(response->body.text, response->body.size, &ignored);
    code = awserror_find(xml, &message);
    for (size_t i = 0; code != NULL && i < COUNT(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

/* What to do about it. */
/* clang-format off */
static const struct {
    const char *code;
    const char *says; /* part of the message; NULL: whatever it is */
    const char *advice;
} advices[] = {
    {"SignatureDoesNotMatch", "expired", "the clock of this machine is wrong; try: timedatectl"},
    {"SignatureDoesNotMatch", "not yet current", "the clock of this machine is wrong; try: timedatectl"},
    {"SignatureDoesNotMatch", "Credential should be scoped", "correct 'region'"},
    {"RequestExpired", NULL, "the clock of this machine is wrong; try: timedatectl"},
    {"SignatureDoesNotMatch", NULL, "the secret key is not the one of that access key id; copy both anew"},
    {"InvalidSignatureException", NULL, "the secret key is not the one of that access key id; copy both anew"},
    {"InvalidClientTokenId", NULL, "there is no such access key, or it is turned off; make another one"},
    {"UnrecognizedClientException", NULL, "there is no such access key, or it is turned off; make another one"},
    {"ExpiredToken", NULL, "the session has ended: write the keys of another one into that file"},
    {"ExpiredTokenException", NULL, "the session has ended: write the keys of another one into that file"},
    {"AccessDenied", NULL, "the policy of the key must allow it; pgcert-providers(7) has one that does"},
    {"AccessDeniedException", NULL, "the policy of the key must allow it; pgcert-providers(7) has one that does"},
    {"NoSuchHostedZone", NULL, "is 'zone_id' right?"},
};
/* clang-format on */

static const char *
find_advice(const char *code, const char *message)
{
    for (size_t i = 0; i < COUNT(advices); i++)
        if (strcmp(code, advices[i].code) == 0 &&
            (advices[i].says == NULL || strstr(message, advices[i].says) != NULL))
            return advices[i].advice;
    return NULL;
}

/* Its first line: what follows repeats the request, with the token of the session. */
static void
write_reason(char reason[static REASON_MAX], const char *code, const char *message)
{
    int size = message == NULL ? 0 : (int)strcspn(message, "\n");

    while (size > 0 && message[size - 1] == '.')
        size--;
    (void)snprintf(reason, REASON_MAX, "%s%s%.*s", code == NULL ? "no reason" : code,
                   size == 0 ? "" : ": ", size, message == NULL ? "" : message);
}

bool
awserror_refused(const struct rest *r, const struct restxml_answer *answer, const char *what,
                 struct err *e)
{
    const char *message = NULL;
    const char *code = awserror_find(answer->xml, &message);
    const char *advice = code == NULL ? NULL : find_advice(code, message == NULL ? "" : message);
    char reason[REASON_MAX], now[CLOCK_TEXT_SIZE], clock[100] = "";

    write_reason(reason, code, message);
    clock_text(now, r->d->clock->now_s(r->d->clock));
    if (advice != NULL && strstr(advice, "clock") != NULL)
        (void)snprintf(clock, sizeof(clock), " (here it is %s, there %s)", now, answer->date);
    if (answer->status == 401 || answer->status == 403)
        return err_set(e, ERR_PERMISSION,
                       "the service at '%s' does not let the key of '%s' %s (%d: %s); %s%s",
                       r->endpoint, r->token_file, what, answer->status, reason,
                       advice == NULL ? "see the policy in pgcert-providers(7)" : advice, clock);
    if (answer->status >= 500)
        return err_set(e, ERR_NETWORK, "the service at '%s' failed to %s (%d: %s)", r->endpoint,
                       what, answer->status, reason);
    return err_set(e, ERR_PERMISSION, "the service at '%s' refuses to %s (%d: %s)%s%s%s",
                   r->endpoint, what, answer->status, reason, advice == NULL ? "" : "; ",
                   advice == NULL ? "" : advice, clock);
}
