/* ncapi.c: requests of Namecheap's API, and what it says of them. */
#include "acme/ncapi.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 200
#define PAGE 100
#define PAGES_MAX 200
#define TOO_MANY 500000 /* the number of that error */
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

bool
ncapi_read_key(struct ncapi *a, const char *path, struct err *e)
{
    if (!file_read_secret(path, KEY_MAX, &a->key, e))
        return false;
    if (a->key.size > 0 && strspn(a->key.text, UNRESERVED) == a->key.size)
        return true;
    return err_set(e, ERR_CONFIG, "'%s' must hold the API key and nothing else, in one line", path);
}

/* ------------------------------------------------------------------ asking */

bool
ncapi_add(struct str *body, const char *name, const char *value)
{
    if (!str_addf(body, "%s%s=", body->size == 0 ? "" : "&", name))
        return false;
    for (const char *c = value; *c != '\0'; c++)
        if (!(strchr(UNRESERVED, *c) != NULL ? str_add(body, c, 1)
                                             : str_addf(body, "%%%02X", (unsigned char)*c)))
            return false;
    return true;
}

/* The key goes by the body: a URL is written down everywhere. */
bool
ncapi_begin(const struct ncapi *a, struct str *body, const char *command, struct err *e)
{
    return (ncapi_add(body, "ApiUser", a->api_user) && ncapi_add(body, "ApiKey", a->key.text) &&
            ncapi_add(body, "UserName", a->user_name) &&
            ncapi_add(body, "ClientIp", a->client_ip) && ncapi_add(body, "Command", command)) ||
           err_memory(e);
}

bool
ncapi_add_domain(struct str *body, const char *domain, struct err *e)
{
    own_mem char *name = strndup(domain, strcspn(domain, "."));
    const char *rest = strchr(domain, '.');

    return (name != NULL && rest != NULL && ncapi_add(body, "SLD", name) &&
            ncapi_add(body, "TLD", rest + 1)) ||
           err_memory(e);
}

/* The first error of an answer, and its number; NULL when there is none. */
static const char *
find_error(const struct xml *xml, int64_t *number)
{
    const struct xml *error = xml_child(xml_child(xml, "Errors"), "Error");
    const char *text = xml_attribute(error, "Number");

    *number = text == NULL ? 0 : strtoll(text, NULL, 10);
    return xml_text(error);
}

bool
ncapi_is_busy(const struct http_response *response)
{
    struct err ignored = {0};
    own_xml struct xml *xml = NULL;
    int64_t number = 0;

    if (response->status == 405 || response->body.size == 0)
        return response->status == 405;
    xml = xml_decode(response->body.text, response->body.size, &ignored);
    return find_error(xml, &number) != NULL && number == TOO_MANY;
}

#define WHERE "at Namecheap: Profile, Tools, API access"

/* clang-format off */
static const struct {
    int64_t number;
    enum err_code code;
    const char *advice;
} advices[] = {
    {1010101, ERR_PERMISSION, "correct 'api_user'"},
    {1010102, ERR_PERMISSION, "is the API turned on, and is this its key? (" WHERE ")"},
    {1011102, ERR_PERMISSION, "is the API turned on, and is this its key? (" WHERE ")"},
    {1010105, ERR_PERMISSION, "put the address of this machine into the whitelist (" WHERE "), and into 'client_ip'"},
    {1011105, ERR_PERMISSION, "put the address of this machine into the whitelist (" WHERE "), and into 'client_ip'"},
    {1011150, ERR_PERMISSION, "put the address of this machine into the whitelist (" WHERE "), and into 'client_ip'"},
    {1017150, ERR_PERMISSION, "put the address of this machine into the whitelist (" WHERE "), and into 'client_ip'"},
    {1017105, ERR_PERMISSION, "put the address of this machine into the whitelist (" WHERE "), and into 'client_ip'"},
    {1016103, ERR_PERMISSION, "correct 'user_name'"},
    {1017103, ERR_PERMISSION, "correct 'user_name'"},
    {1019103, ERR_PERMISSION, "correct 'user_name'"},
    {2019166, ERR_CONFIG, "does the domain belong to this user?"},
    {2016166, ERR_CONFIG, "does the domain belong to this user?"},
    {2030166, ERR_CONFIG, "does the domain belong to this user?"},
    {2030288, ERR_CONFIG, "the name servers of the domain are not Namecheap's"},
};
/* clang-format on */

/* The sentence for an error. Always false. */
static bool
refused(const struct rest *r, int64_t number, const char *said, const char *what, struct err *e)
{
    for (size_t i = 0; i < COUNT(advices); i++)
        if (advices[i].number == number)
            return err_set(e, advices[i].code,
                           "the service at '%s' does not let the key of '%s' %s (%" PRId64
                           ": %.200s); %s",
                           r->endpoint, r->token_file, what, number, said, advices[i].advice);
    /* those of the registry behind it, and unknown ones */
    if (number / 1000000 == 3 || number / 1000000 == 5)
        return err_set(e, ERR_NETWORK, "the service at '%s' failed to %s (%" PRId64 ": %.200s)",
                       r->endpoint, what, number, said);
    return err_set(e, ERR_PERMISSION, "the service at '%s' refuses to %s (%" PRId64 ": %.200s)",
                   r->endpoint, what, number, said);
}

const struct xml *
ncapi_call(struct rest *r, const struct ncapi *a, const struct str *body, const char *what,
           struct restxml_answer *answer, struct err *e)
{
    const struct rest_message m = {
        .method = "POST",
        .path = "",
        .content_type = "application/x-www-form-urlencoded",
        .body = body->text,
    };
    const struct xml *response = NULL;
    const char *status = NULL, *message = NULL;
    int64_t number = 0;

    if (!restxml_call(r, &m, "ApiResponse", answer, e))
        return NULL;
    message = find_error(answer->xml, &number);
    status = xml_attribute(answer->xml, "Status");
    response = xml_child(answer->xml, "CommandResponse");
    if (message != NULL && strstr(message, a->key.text) != NULL)
        message = "it repeats the key";
    if (message != NULL)
        (void)refused(r, number, message, what, e);
    else if (!restxml_is_good(answer))
        (void)err_set(e, answer->status >= 500 ? ERR_NETWORK : ERR_PERMISSION,
                      "the service at '%s' %s %s (%d)", r->endpoint,
                      answer->status >= 500 ? "failed to" : "refuses to", what, answer->status);
    else if (status == NULL || strcmp(status, "OK") != 0 || response == NULL)
        (void)rest_misunderstood(r, what, e);
    else
        return response;
    return NULL;
}

/* ------------------------------------------------------------------ domains */

static bool
read_domains(struct rest *r, const struct xml *response, struct list *domains, int64_t *total,
             struct err *e)
{
    const struct xml *result = xml_child(response, "DomainGetListResult");
    const char *items = xml_child_text(xml_child(response, "Paging"), "TotalItems");

    if (result == NULL || items == NULL)
        return rest_misunderstood(r, "list the domains", e);
    *total = strtoll(items, NULL, 10);
    for (const struct xml *d = xml_child(result, "Domain"); d != NULL; d = xml_next(d, "Domain")) {
        const char *name = xml_attribute(d, "Name");

        if (name == NULL)
            return rest_misunderstood(r, "list the domains", e);
        if (!list_add(domains, name))
            return err_memory(e);
    }
    return true;
}

bool
ncapi_domains(struct rest *r, const struct ncapi *a, struct list *domains, struct err *e)
{
    int64_t total = PAGE;

    for (int page = 1; (int64_t)(page - 1) * PAGE < total; page++) {
        own_str struct str body = {0};
        own_restxml_answer struct restxml_answer answer = {0};
        const struct xml *response = NULL;
        own_mem char *number = str_format("%d", page);

        if (number == NULL)
            return err_memory(e);
        if (!ncapi_begin(a, &body, "namecheap.domains.getList", e))
            return false;
        if (!ncapi_add(&body, "PageSize", "100") || !ncapi_add(&body, "Page", number))
            return err_memory(e);
        response = ncapi_call(r, a, &body, "list the domains", &answer, e);
        if (response == NULL || !read_domains(r, response, domains, &total, e))
            return false;
        if (page == PAGES_MAX)
            return rest_misunderstood(r, "list the domains", e);
    }
    return true;
}
