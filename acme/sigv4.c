/* sigv4.c: AWS Signature Version 4 on OpenSSL's HMAC. */
#include "acme/sigv4.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DIGEST_SIZE 32
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

/* ------------------------------------------------------------------ text */

void
sigv4_time(char text[static SIGV4_TIME_SIZE], int64_t at_s)
{
    char whole[CLOCK_TEXT_SIZE];
    size_t size = 0;

    clock_text(whole, at_s); /* 2015-08-30T12:36:00Z */
    for (const char *c = whole; *c != '\0' && size < SIGV4_TIME_SIZE - 1; c++)
        if (*c != '-' && *c != ':')
            text[size++] = *c;
    text[size] = '\0';
}

/* RFC 3986 section 2.3: everything but the unreserved characters and `keep`. */
static bool
add_encoded(struct str *out, const char *bytes, size_t size, const char *keep)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool plain = c != '\0' && (strchr(UNRESERVED, c) != NULL || strchr(keep, c) != NULL);

        if (!(plain ? str_add(out, &bytes[i], 1) : str_addf(out, "%%%02X", c)))
            return false;
    }
    return true;
}

static int
hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

    return at == NULL ? -1 : (int)(at - digits);
}

static bool
add_decoded(struct str *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (c == '%' && i + 2 < size && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            c = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        if (!str_add(out, &c, 1))
            return false;
    }
    return true;
}

static bool
add_digest(struct str *out, const void *bytes, size_t size, struct err *e)
{
    unsigned char digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    if (EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto(e, "digest a request");
    str_hex(hex, digest, DIGEST_SIZE);
    return str_add(out, hex, 2 * DIGEST_SIZE) || err_memory(e);
}

/* ------------------------------------------------------------------ the path */

/* Without empty and "." segments, ".." taking one away; encoded once more than it is sent: no
 * service but S3 wants it otherwise. */
static bool
add_path(struct str *out, const char *path, size_t size)
{
    own_list struct list segments = {0};
    bool is_directory = true;

    for (size_t at = 0; at < size;) {
        const char *slash = memchr(path + at, '/', size - at);
        size_t end = slash == NULL ? size : (size_t)(slash - path);
        own_mem char *segment = strndup(path + at, end - at);

        if (segment == NULL)
            return false;
        is_directory = slash != NULL || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
        if (strcmp(segment, "..") == 0 && segments.count > 0) {
            segments.count--;
            free(segments.items[segments.count]);
        } else if (segment[0] != '\0' && strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0 &&
                   !list_add(&segments, segment)) {
            return false;
        }
        at = end + 1;
    }
    for (size_t i = 0; i < segments.count; i++)
        if (!str_add(out, "/", 1) ||
            !add_encoded(out, segments.items[i], strlen(segments.items[i]), ""))
            return false;
    return (segments.count > 0 && !is_directory) || str_add(out, "/", 1);
}

/* ------------------------------------------------------------------ the query */

/* A parameter; both encoded. Sorted by name, then by value. */
struct parameter {
    struct str name, value;
};

static int
by_name_and_value(const void *a, const void *b)
{
    const struct parameter *x = a;
    const struct parameter *y = b;
    int order =
        strcmp(x->name.text == NULL ? "" : x->name.text, y->name.text == NULL ? "" : y->name.text);

    return order != 0 ? order
                      : strcmp(x->value.text == NULL ? "" : x->value.text,
                               y->value.text == NULL ? "" : y->value.text);
}

static bool
add_recoded(struct str *out, const char *text, size_t size)
{
    own_str struct str bytes = {0};

    return add_decoded(&bytes, text, size) && add_encoded(out, bytes.text, bytes.size, "");
}

static bool
write_parameters(struct str *out, struct parameter *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!str_addf(out, "%s%s=%s", i == 0 ? "" : "&",
                      all[i].name.text == NULL ? "" : all[i].name.text,
                      all[i].value.text == NULL ? "" : all[i].value.text))
            return false;
    return true;
}

static bool
add_query(struct str *out, const char *query)
{
    size_t count = 1, used = 0;
    struct parameter *all = NULL;
    bool good = true;

    for (const char *c = query; *c != '\0'; c++)
        count += *c == '&';
    all = calloc(count, sizeof(*all));
    if (all == NULL)
        return false;
    for (const char *at = query; good && *at != '\0';) {
        size_t size = strcspn(at, "&");
        size_t name = strcspn(at, "=&");

        if (size > 0) {
            good = add_recoded(&all[used].name, at, name) &&
                   (name == size || add_recoded(&all[used].value, at + name + 1, size - name - 1));
            used++;
        }
        at += size + (at[size] == '&');
    }
    qsort(all, used, sizeof(*all), by_name_and_value);
    good = good && write_parameters(out, all, used);
    for (size_t i = 0; i < count; i++) {
        str_done(&all[i].name);
        str_done(&all[i].value);
    }
    free(all);
    return good;
}

/* ------------------------------------------------------------------ the headers */

/* "name:value" with the name in lower case, and white space made single spaces. */
static bool
add_header(struct list *headers, const char *name, const char *value)
{
    own_str struct str line = {0};
    size_t size = strcspn(name, ":");
    bool space = false, began = false;

    for (size_t i = 0; i < size; i++) {
        char c = (char)tolower((unsigned char)name[i]);

        if (!str_add(&line, &c, 1))
            return false;
    }
    if (!str_add(&line, ":", 1))
        return false;
    for (const char *c = value; *c != '\0'; c++) {
        if (isspace((unsigned char)*c)) {
            space = began;
            continue;
        }
        if ((space && !str_add(&line, " ", 1)) || !str_add(&line, c, 1))
            return false;
        space = false;
        began = true;
    }
    return list_add(headers, line.text);
}

/* By name; headers of one name stay in their order, so that the sort must be stable: there are few.
 */
static void
sort_headers(struct list *headers)
{
    for (size_t i = 1; i < headers->count; i++)
        for (size_t k = i; k > 0; k--) {
            char *a = headers->items[k - 1];
            char *b = headers->items[k];
            size_t a_size = strcspn(a, ":"), b_size = strcspn(b, ":");
            int order = strncmp(a, b, a_size < b_size ? a_size : b_size);

            if (order < 0 || (order == 0 && a_size <= b_size))
                break;
            headers->items[k - 1] = b;
            headers->items[k] = a;
        }
}

static bool
write_headers(struct str *out, struct str *names, const struct list *headers)
{
    const char *before = "";

    for (size_t i = 0; i < headers->count; i++) {
        const char *line = headers->items[i];
        int name = (int)strcspn(line, ":");
        bool again =
            (size_t)name == strcspn(before, ":") && strncmp(line, before, (size_t)name) == 0;

        if (again ? !str_addf(out, ",%s", line + name + 1)
                  : !str_addf(out, "%s%s", i == 0 ? "" : "\n", line) ||
                        !str_addf(names, "%s%.*s", i == 0 ? "" : ";", name, line))
            return false;
        before = line;
    }
    return str_addf(out, "\n\n%s\n", names->text);
}

/* The host, the time, the token, and what the caller wants. */
static bool
add_headers(struct str *out, struct str *names, const struct sigv4_key *key,
            const struct sigv4_request *request, const char *host)
{
    struct list headers = {0}; /* the token is a secret */
    char at[SIGV4_TIME_SIZE];
    bool good = false;

    sigv4_time(at, request->at_s);
    good = add_header(&headers, "host", host) && add_header(&headers, "x-amz-date", at) &&
           (key->token == NULL || add_header(&headers, "x-amz-security-token", key->token));
    for (size_t i = 0; good && request->headers != NULL && request->headers[i] != NULL; i++) {
        const char *line = request->headers[i];
        const char *colon = strchr(line, ':');

        good = add_header(&headers, line, colon == NULL ? "" : colon + 1);
    }
    sort_headers(&headers);
    good = good && write_headers(out, names, &headers);
    list_wipe(&headers);
    return good;
}

/* ------------------------------------------------------------------ the steps */

bool
sigv4_canonical(const struct sigv4_key *key, const struct sigv4_request *request, struct str *out,
                struct str *names, struct err *e)
{
    const char *host = strstr(request->url, "://");
    const char *path = host == NULL ? NULL : host + 3 + strcspn(host + 3, "/?");
    own_mem char *name = NULL;
    size_t size = 0;

    if (host == NULL || path == host + 3)
        return err_set(e, ERR_INTERNAL, "'%s' has no host: it cannot be signed", request->url);
    name = strndup(host + 3, (size_t)(path - host - 3));
    size = strcspn(path, "?");
    if (name == NULL || !str_addf(out, "%s\n", request->method) || !add_path(out, path, size) ||
        !str_add(out, "\n", 1) || !add_query(out, path[size] == '?' ? path + size + 1 : "") ||
        !str_add(out, "\n", 1) || !add_headers(out, names, key, request, name))
        return err_memory(e);
    return add_digest(out, request->body == NULL ? "" : request->body,
                      request->body == NULL ? 0 : request->body_size, e);
}

/* "20150830/us-east-1/iam/aws4_request" */
static bool
add_scope(struct str *out, const struct sigv4_key *key, int64_t at_s)
{
    char at[SIGV4_TIME_SIZE];

    sigv4_time(at, at_s);
    return str_addf(out, "%.8s/%s/%s/aws4_request", at, key->region, key->service);
}

bool
sigv4_string_to_sign(const struct sigv4_key *key, const struct str *canonical, int64_t at_s,
                     struct str *out, struct err *e)
{
    char at[SIGV4_TIME_SIZE];

    sigv4_time(at, at_s);
    if (!str_addf(out, "%s\n%s\n", ALGORITHM, at) || !add_scope(out, key, at_s) ||
        !str_add(out, "\n", 1))
        return err_memory(e);
    return add_digest(out, canonical->text, canonical->size, e);
}

static bool
hmac(unsigned char mac[static DIGEST_SIZE], const void *key, size_t key_size, const char *text,
     struct err *e)
{
    unsigned char made[DIGEST_SIZE];
    unsigned int size = 0;

    if (HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), made,
             &size) == NULL ||
        size != DIGEST_SIZE)
        return err_crypto(e, "sign a request");
    memcpy(mac, made, DIGEST_SIZE);
    OPENSSL_cleanse(made, sizeof(made));
    return true;
}

/* Step 4: from the secret, by way of day, region and service, to the signature. */
static bool
make_signature(char hex[static 2 * DIGEST_SIZE + 1], const struct sigv4_key *key, int64_t at_s,
               const char *text, struct err *e)
{
    own_str struct str first = {0};
    unsigned char mac[DIGEST_SIZE];
    char at[SIGV4_TIME_SIZE], day[9];
    bool good = false;

    sigv4_time(at, at_s);
    (void)snprintf(day, sizeof(day), "%.8s", at);
    if (!str_addf(&first, "AWS4%s", key->secret))
        return err_memory(e);
    good = hmac(mac, first.text, first.size, day, e) &&
           hmac(mac, mac, sizeof(mac), key->region, e) &&
           hmac(mac, mac, sizeof(mac), key->service, e) &&
           hmac(mac, mac, sizeof(mac), "aws4_request", e) && hmac(mac, mac, sizeof(mac), text, e);
    if (good)
        str_hex(hex, mac, sizeof(mac));
    OPENSSL_cleanse(mac, sizeof(mac));
    return good;
}

static bool
add_lines(struct list *headers, const struct sigv4_key *key, int64_t at_s, const char *names,
          const char *signature)
{
    own_str struct str date = {0}, token = {0}, scope = {0}, line = {0};
    char at[SIGV4_TIME_SIZE];

    sigv4_time(at, at_s);
    return str_addf(&date, "X-Amz-Date: %s", at) && list_add(headers, date.text) &&
           (key->token == NULL || (str_addf(&token, "X-Amz-Security-Token: %s", key->token) &&
                                   list_add(headers, token.text))) &&
           add_scope(&scope, key, at_s) &&
           str_addf(&line, "Authorization: %s Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                    ALGORITHM, key->id, scope.text, names, signature) &&
           list_add(headers, line.text);
}

bool
sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *request, struct list *headers,
           struct err *e)
{
    own_str struct str canonical = {0}, names = {0}, text = {0};
    char signature[2 * DIGEST_SIZE + 1];

    if (!sigv4_canonical(key, request, &canonical, &names, e) ||
        !sigv4_string_to_sign(key, &canonical, request->at_s, &text, e) ||
        !make_signature(signature, key, request->at_s, text.text, e))
        return false;
    return add_lines(headers, key, request->at_s, names.text, signature) || err_memory(e);
}
