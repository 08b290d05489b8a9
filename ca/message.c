/* message.c: what is said between who asks for a server's certificate and the CA. */
#include "ca/message.h"

#include "base/b64url.h"
#include "base/cert.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#define VERSION 1
#define NAME_MAX_HERE 1024 /* bytes of the name of a certificate */

/* Those that a CA can answer with. */
/* clang-format off */
static const struct {
    enum err_code code;
    const char *word;
} words[] = {
    {ERR_INTERNAL,   "internal"}, /* whatever is none of the others */
    {ERR_INPUT,      "input"},
    {ERR_REFUSED,    "refused"},
    {ERR_CREATE,     "create"},
    {ERR_SYSTEM,     "system"},
    {ERR_TIMEOUT,    "timeout"},
    {ERR_BUSY,       "busy"},
    {ERR_PROTOCOL,   "protocol"},
    {ERR_PERMISSION, "permission"},
    {ERR_CONFIG,     "config"},
};
/* clang-format on */

void
ca_question_done(struct ca_question *q)
{
    free(q->name);
    str_done(&q->request);
    *q = (struct ca_question){0};
}

static bool
put_line(const struct json_t *object, struct str *line, struct err *e)
{
    own_mem char *text = json_encode(object);

    return (text != NULL && str_addf(line, "%s\n", text)) || err_memory(e);
}

static bool
none(const char *what, const char *why, struct err *e)
{
    return err_set(e, ERR_PROTOCOL, "that is no %s: %s", what, why);
}

/* The object of a line, if it is of our version. */
static struct json_t *
get_object(const char *what, const char *line, size_t size, struct err *e)
{
    own_json struct json_t *object = size > MESSAGE_MAX ? NULL : json_decode(line, size, e);

    if (size > MESSAGE_MAX)
        (void)none(what, "it is too large", e);
    else if (object == NULL)
        (void)err_wrap(e, "that is no %s", what);
    else if (json_member_int(object, "version") == VERSION)
        return TAKE(object);
    else
        (void)none(what, "its version is not 1", e);
    return NULL;
}

/* ---- questions ---- */

bool
message_put_question(const struct ca_question *q, struct str *line, struct err *e)
{
    own_json struct json_t *object = json_new_object();
    own_str struct str request = {0};

    if (!b64url_add(&request, q->request.text, q->request.size))
        return err_memory(e);
    json_put_int(object, "version", VERSION);
    json_put_text(object, "certificate", q->name);
    json_put_text(object, "request", request.text);
    return put_line(object, line, e);
}

bool
message_get_question(const char *line, size_t size, struct ca_question *q, struct err *e)
{
    own_json struct json_t *object = get_object("question", line, size, e);
    own_ca_question struct ca_question read = {0};
    const char *name = json_member_text(object, "certificate");
    const char *request = json_member_text(object, "request");

    if (object == NULL)
        return false;
    if (name == NULL || *name == '\0' || strlen(name) > NAME_MAX_HERE)
        return none("question", "it names no certificate", e);
    if (request == NULL || *request == '\0' || !b64url_decode(&read.request, request))
        return none("question", "its request is not base64url", e);
    read.name = strdup(name);
    if (read.name == NULL)
        return err_memory(e);
    *q = read;
    read = (struct ca_question){0};
    return true;
}

/* ---- answers ---- */

static bool
add_cert(struct json_t *array, X509 *cert)
{
    unsigned char *der = NULL;
    int size = i2d_X509(cert, &der);
    own_str struct str text = {0};
    bool good = size > 0 && b64url_add(&text, der, (size_t)size);

    if (good)
        json_add_text(array, text.text);
    OPENSSL_free(der);
    return good;
}

static struct json_t *
chain_json(const struct chain *chain, struct err *e)
{
    own_json struct json_t *array = json_new_array();

    for (size_t i = 0; i < chain->count; i++)
        if (!add_cert(array, chain->certs[i])) {
            (void)err_memory(e);
            return NULL;
        }
    return TAKE(array);
}

static struct json_t *
error_json(const struct err *why)
{
    struct json_t *error = json_new_object();
    size_t i = COUNT(words) - 1;

    while (i > 0 && words[i].code != why->code)
        i--;
    json_put_text(error, "code", words[i].word);
    json_put_text(error, "text", why->text);
    return error;
}

bool
message_put_answer(const struct str *chain_pem, const struct err *why, struct str *line,
                   struct err *e)
{
    own_json struct json_t *object = json_new_object();
    own_chain struct chain chain = {0};
    struct json_t *value = NULL;

    if (chain_pem != NULL && !chain_from_pem(&chain, chain_pem->text, chain_pem->size, e))
        return false;
    value = chain_pem != NULL ? chain_json(&chain, e) : error_json(why);
    if (value == NULL)
        return false;
    json_put_int(object, "version", VERSION);
    json_put(object, chain_pem != NULL ? "chain" : "error", value);
    return put_line(object, line, e);
}

static bool
get_error(const struct json_t *error, struct err *e)
{
    const char *code = json_member_text(error, "code");
    const char *text = json_member_text(error, "text");

    for (size_t i = 0; code != NULL && text != NULL && i < COUNT(words); i++)
        if (strcmp(words[i].word, code) == 0)
            return err_set(e, words[i].code, "%s", text);
    return none("answer", "its error has no code that is known", e);
}

static X509 *
get_cert(const char *text)
{
    own_str struct str der = {0};
    const unsigned char *cursor = NULL;
    X509 *cert = NULL;

    if (text == NULL || !b64url_decode(&der, text) || der.size == 0)
        return NULL;
    cursor = (const unsigned char *)der.text;
    cert = d2i_X509(NULL, &cursor, (long)der.size);
    ERR_clear_error();
    if (cert != NULL && cursor == (const unsigned char *)der.text + der.size)
        return cert;
    X509_free(cert);
    return NULL;
}

bool
message_get_answer(const char *line, size_t size, struct str *chain_pem, struct err *e)
{
    own_json struct json_t *object = get_object("answer", line, size, e);
    const struct json_t *array = json_member(object, "chain");
    own_chain struct chain chain = {0};

    if (object == NULL)
        return false;
    if (json_member(object, "error") != NULL)
        return get_error(json_member(object, "error"), e);
    if (json_count(array) == 0 || json_count(array) > CERT_CHAIN_MAX)
        return none("answer", "it has neither a chain nor an error", e);
    for (size_t i = 0; i < json_count(array); i++) {
        chain.certs[i] = get_cert(json_item_text(array, i));
        if (chain.certs[i] == NULL)
            return none("answer", "its chain is not of certificates", e);
        chain.count++;
    }
    return chain_to_pem(&chain, chain_pem, e);
}
