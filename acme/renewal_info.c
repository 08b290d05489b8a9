/* renewal_info.c: the certificate's id, the question, the window (RFC 9773). */
#include "acme/renewal_info.h"

#include "acme/problem.h"
#include "base/b64url.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#define SERIAL_MAX 127 /* bytes whose DER has a length of one byte; RFC 5280 allows 20 */
#define URL_MAX 500    /* characters of an explanation's address that we show */

/* ---- the id ---- */

/* The content of the serial number's DER: with the zero that keeps a number positive. */
static bool
add_serial(struct str *id, const X509 *cert)
{
    unsigned char *der = NULL;
    int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der);
    bool good = size > 2 && size - 2 <= SERIAL_MAX && b64url_add(id, der + 2, (size_t)size - 2);

    OPENSSL_free(der);
    return good;
}

char *
renewal_info_id(const X509 *cert, struct err *e)
{
    /* OpenSSL wants to write what it found into the certificate */
    X509 *copy = X509_dup(cert);
    const ASN1_OCTET_STRING *key = copy == NULL ? NULL : X509_get0_authority_key_id(copy);
    own_str struct str id = {0};
    bool good = key != NULL && ASN1_STRING_length(key) > 0 &&
                b64url_add(&id, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)) &&
                str_add(&id, ".", 1) && add_serial(&id, cert);

    X509_free(copy);
    if (!good)
        (void)err_set(e, ERR_INPUT,
                      "the certificate has no authority key identifier and serial number");
    return good ? str_take(&id) : NULL;
}

char *
acme_renewal_id(const struct str *chain_pem, struct err *e)
{
    own_chain struct chain chain = {0};

    if (!chain_from_pem(&chain, chain_pem->text, chain_pem->size, e))
        return NULL;
    return renewal_info_id(chain.certs[0], e);
}

/* ---- the question ---- */

bool
acme_renewal_url(const char *account_dir, const struct acme_issuer *issuer,
                 const struct str *chain_pem, char **url, struct err *e)
{
    own_mem char *path = str_format("%s/session.json", account_dir);
    own_json struct json_t *session = path == NULL ? NULL : json_load(path, e);
    const char *directory = session == NULL ? NULL : json_member_text(session, "directory_url");
    const char *base = NULL;
    own_mem char *id = NULL;
    size_t size = 0;

    if (path == NULL)
        return err_memory(e);
    if (session == NULL)
        return false;
    if (directory == NULL || strcmp(directory, issuer->directory) != 0)
        return true;
    base = json_member_text(json_member(session, "directory"), "renewalInfo");
    if (base == NULL)
        return true;
    id = acme_renewal_id(chain_pem, e);
    if (id == NULL)
        return false;
    size = strlen(base);
    *url =
        str_format("%.*s/%s", (int)(size > 0 && base[size - 1] == '/' ? size - 1 : size), base, id);
    return *url != NULL || err_memory(e);
}

bool
acme_renewal_ask(struct http *http, const char *url, struct acme_window *w, struct err *e)
{
    const struct http_request request = {.method = "GET", .url = url};
    own_http_response struct http_response response = {0};
    own_json struct json_t *answer = NULL;
    struct err ignored = {0};

    if (!http->send(http, &request, &response, e))
        return false;
    if (response.status == 200) {
        answer = json_decode(response.body.text, response.body.size, e);
        if (answer == NULL || !renewal_info_read(w, answer, e))
            return err_wrap(e, "ask '%s'", url);
        w->retry_at_s = response.retry_at_s;
        return true;
    }
    answer = json_decode(response.body.text, response.body.size, &ignored);
    (void)problem_tell(answer, response.status, response.retry_at_s, e);
    return err_wrap(e, "ask '%s'", url);
}

/* ---- the answer ---- */

/* "Z", "+01:00": seconds east of Greenwich. */
static bool
read_zone(int64_t *east_s, const char *text)
{
    static const char shape[] = "+00:00";
    int digits[4] = {0};
    size_t count = 0;

    *east_s = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if (strlen(text) != sizeof(shape) - 1 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    for (size_t i = 1; i < sizeof(shape) - 1; i++) {
        if (i == 3)
            continue;
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits[count++] = text[i] - '0';
    }
    *east_s = ((digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]) * 60;
    if (text[0] == '-')
        *east_s = -*east_s;
    return digits[0] * 10 + digits[1] < 24 && digits[2] < 6;
}

bool
renewal_info_time(int64_t *at_s, const char *text)
{
    static const size_t seconds_size = sizeof("2026-01-02T04:00:00") - 1;
    char moment[CLOCK_TEXT_SIZE] = "";
    int64_t local_s = 0, east_s = 0;

    if (strlen(text) <= seconds_size)
        return false;
    memcpy(moment, text, seconds_size);
    moment[seconds_size] = 'Z';
    if (!clock_parse(&local_s, moment))
        return false;
    text += seconds_size;
    if (text[0] == '.') {
        size_t digits = strspn(text + 1, "0123456789");

        if (digits == 0)
            return false;
        text += 1 + digits;
    }
    if (!read_zone(&east_s, text))
        return false;
    *at_s = local_s - east_s;
    return true;
}

/* An address that a person may be shown: printable, and of the web. */
static bool
is_web_address(const char *text)
{
    if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return strlen(text) <= URL_MAX;
}

bool
renewal_info_read(struct acme_window *w, const struct json_t *answer, struct err *e)
{
    const struct json_t *window = json_member(answer, "suggestedWindow");
    const char *start = json_member_text(window, "start");
    const char *end = json_member_text(window, "end");
    const char *url = json_member_text(answer, "explanationURL");
    int64_t start_s = 0, end_s = 0;

    if (start == NULL || end == NULL || !renewal_info_time(&start_s, start) ||
        !renewal_info_time(&end_s, end))
        return err_set(e, ERR_PROTOCOL, "the answer has no suggestedWindow of two times");
    if (start_s <= 0 || end_s <= start_s)
        return err_set(e, ERR_PROTOCOL, "the window from '%s' to '%s' is none", start, end);
    if (url != NULL && is_web_address(url)) {
        w->explanation = strdup(url);
        if (w->explanation == NULL)
            return err_memory(e);
    }
    w->start_s = start_s;
    w->end_s = end_s;
    return true;
}

void
acme_window_done(struct acme_window *w)
{
    free(w->explanation);
    *w = (struct acme_window){0};
}
