/* awskey.c: keys for Amazon's services, from a credentials file or the metadata service. */
#include "acme/awskey.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <string.h>

#define FILE_SIZE_MAX (64 * 1024)
#define KEY_SIZE_MAX 8192 /* a session's token has some 1000 bytes */
#define BLANK " \t\r"
#define PRINTABLE                                                                                  \
    "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"                           \
    "abcdefghijklmnopqrstuvwxyz{|}~"
#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
#define ROLE_CHARACTERS ID_CHARACTERS "+=,.@-"

#define TOKEN_PATH "/latest/api/token"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define TOKEN_TTL "X-aws-ec2-metadata-token-ttl-seconds: 300"
#define TOKEN_HEADER "X-aws-ec2-metadata-token: "

/* Both go into header lines. */
static bool
is_usable(const struct awskey *k)
{
    return k->id.size > 0 && strspn(k->id.text, ID_CHARACTERS) == k->id.size &&
           k->secret.size > 0 && strspn(k->secret.text, PRINTABLE) == k->secret.size &&
           (k->token.size == 0 || strspn(k->token.text, PRINTABLE) == k->token.size);
}

/* ------------------------------------------------------------------ a file */

/* A piece of the file. */
struct piece {
    const char *at;
    size_t size;
};

static struct piece
trim(const char *at, size_t size)
{
    while (size > 0 && strchr(BLANK, at[0]) != NULL) {
        at++;
        size--;
    }
    while (size > 0 && strchr(BLANK, at[size - 1]) != NULL)
        size--;
    return (struct piece){at, size};
}

static bool
is(struct piece p, const char *word)
{
    return p.size == strlen(word) && memcmp(p.at, word, p.size) == 0;
}

/* A line of our profile. The last one of a name counts; other settings are others' business. */
static bool
take_setting(struct awskey *k, const char *line, size_t size)
{
    const char *equals = memchr(line, '=', size);
    struct piece name = {line, 0}, value = {line, 0};
    struct str *into = NULL;

    if (equals == NULL)
        return true;
    name = trim(line, (size_t)(equals - line));
    value = trim(equals + 1, size - (size_t)(equals + 1 - line));
    if (is(name, "aws_access_key_id"))
        into = &k->id;
    else if (is(name, "aws_secret_access_key"))
        into = &k->secret;
    else if (is(name, "aws_session_token"))
        into = &k->token;
    if (into == NULL)
        return true;
    str_clear(into);
    return str_add(into, value.at, value.size);
}

bool
awskey_read_text(struct awskey *k, const char *label, const char *profile, const char *text,
                 struct err *e)
{
    bool is_ours = false, found = false;

    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        struct piece line = trim(at, size);

        if (line.size > 1 && line.at[0] == '[' && line.at[line.size - 1] == ']') {
            is_ours = is(trim(line.at + 1, line.size - 2), profile);
            found = found || is_ours;
        } else if (is_ours && size > 0 && strchr(" \t#;", at[0]) == NULL &&
                   !take_setting(k, at, size)) {
            return err_memory(e); /* what is indented belongs to a setting of another kind */
        }
        at += size + (at[size] == '\n');
    }
    if (!found)
        return err_set(e, ERR_CONFIG, "'%s' has no profile [%s]", label, profile);
    if (!is_usable(k))
        return err_set(e, ERR_CONFIG,
                       "profile [%s] of '%s' must have the lines aws_access_key_id = ... and "
                       "aws_secret_access_key = ..., and for a session aws_session_token = ...; "
                       "what else such a file may name (a role, a program, single sign-on) is not "
                       "followed",
                       profile, label);
    return true;
}

bool
awskey_read(struct awskey *k, const char *path, const char *profile, struct err *e)
{
    own_str struct str text = {0};

    return file_read_secret(path, FILE_SIZE_MAX, &text, e) &&
           awskey_read_text(k, path, profile, text.text == NULL ? "" : text.text, e);
}

/* ------------------------------------------------------------------ the metadata service */

/* One question. ERR_PROTOCOL unless it is answered as it should. */
static bool
ask(struct http *http, const char *endpoint, const char *path, const char *const *headers,
    struct http_response *response, struct err *e)
{
    own_mem char *url = str_format("%s%s", endpoint, path);
    struct http_request request = {
        .method = strcmp(path, TOKEN_PATH) == 0 ? "PUT" : "GET",
        .url = url,
        .headers = headers,
        .plain_loopback = true,
        .plain_metadata = true,
    };

    if (url == NULL)
        return err_memory(e);
    if (!http->send(http, &request, response, e))
        return false;
    if (response->status == 404 && strcmp(path, ROLE_PATH) == 0)
        return err_set(e, ERR_PERMISSION,
                       "the metadata service at '%s' says that no role is attached to this machine "
                       "(404)",
                       endpoint);
    if (response->status == 403)
        return err_set(e, ERR_PERMISSION, "the metadata service at '%s' is turned off (403)",
                       endpoint);
    if (response->status != 200 || response->body.size == 0)
        return err_set(e, response->status >= 500 ? ERR_NETWORK : ERR_PROTOCOL,
                       "the metadata service at '%s' has no usable answer to '%s' (%d)", endpoint,
                       path, response->status);
    return true;
}

static bool
copy_member(struct str *out, const struct json_t *json, const char *key)
{
    const char *text = json_member_text(json, key);

    return text != NULL && strlen(text) < KEY_SIZE_MAX && str_add(out, text, strlen(text));
}

/* {"Code": "Success", "AccessKeyId": ..., "SecretAccessKey": ..., "Token": ..., "Expiration": ...}
 */
static bool
read_answer(struct awskey *k, const struct http_response *response, const char *endpoint,
            struct err *e)
{
    struct err ignored = {0};
    own_json struct json_t *json = json_decode(response->body.text, response->body.size, &ignored);
    const char *code = json_member_text(json, "Code");
    const char *expires = json_member_text(json, "Expiration");

    if (code != NULL && strcmp(code, "Success") == 0 && copy_member(&k->id, json, "AccessKeyId") &&
        copy_member(&k->secret, json, "SecretAccessKey") && copy_member(&k->token, json, "Token") &&
        expires != NULL && clock_parse(&k->expires_at_s, expires) && is_usable(k))
        return true;
    return err_set(
        e, ERR_PROTOCOL,
        "the metadata service at '%s' gives no usable keys of this machine's role (%.40s)",
        endpoint, code == NULL ? "no code" : code);
}

/* With the token, which is for requests of ours alone. */
static bool
fetch(struct awskey *k, struct http *http, const char *endpoint, const char *const *headers,
      struct err *e)
{
    own_http_response struct http_response name = {0};
    own_http_response struct http_response keys = {0};
    own_mem char *path = NULL;
    size_t size = 0;

    if (!ask(http, endpoint, ROLE_PATH, headers, &name, e))
        return false;
    size = strspn(name.body.text, ROLE_CHARACTERS);
    /* one line; what is not a role's name becomes no part of a path */
    if (size == 0 || strspn(name.body.text + size, BLANK "\n") != name.body.size - size)
        return err_set(e, ERR_PROTOCOL,
                       "the metadata service at '%s' gives no usable name of this machine's role",
                       endpoint);
    path = str_format("%s%.*s", ROLE_PATH, (int)size, name.body.text);
    if (path == NULL)
        return err_memory(e);
    return ask(http, endpoint, path, headers, &keys, e) && read_answer(k, &keys, endpoint, e);
}

bool
awskey_fetch(struct awskey *k, struct http *http, const char *endpoint, struct err *e)
{
    static const char *const wish[] = {TOKEN_TTL, NULL};
    own_http_response struct http_response token = {0};
    own_str struct str line = {0};
    struct awskey found = {0};
    const char *headers[] = {NULL, NULL};
    bool good = ask(http, endpoint, TOKEN_PATH, wish, &token, e);

    if (good &&
        (token.body.size > KEY_SIZE_MAX || strspn(token.body.text, PRINTABLE) != token.body.size))
        good = err_set(e, ERR_PROTOCOL, "the metadata service at '%s' gives no usable token",
                       endpoint);
    good = good && (str_addf(&line, "%s%s", TOKEN_HEADER, token.body.text) || err_memory(e));
    headers[0] = line.text;
    if (!good || !fetch(&found, http, endpoint, headers, e)) {
        awskey_done(&found);
        return err_wrap(e, "ask for the keys of this machine's role");
    }
    awskey_done(k);
    *k = found;
    return true;
}

void
awskey_done(struct awskey *k)
{
    str_done(&k->id);
    str_done(&k->secret);
    str_done(&k->token);
    *k = (struct awskey){0};
}
