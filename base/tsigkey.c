/* tsigkey.c: the key file of tsig-keygen(8): one statement of named.conf(5). */
#include "base/tsigkey.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define WORD_MAX 512 /* bytes of a name or secret */

static const char *const algorithms[] = {
    [TSIG_SHA256] = "hmac-sha256.",
    [TSIG_SHA384] = "hmac-sha384.",
    [TSIG_SHA512] = "hmac-sha512.",
};

/* The text that is being read, and the word just read. */
struct reader {
    const char *label;
    const char *at, *end;
    int line;      /* of the word */
    int next_line; /* of `at` */
    char word[WORD_MAX];
    bool quoted;
};

const char *
tsig_algorithm_name(enum tsig_algorithm algorithm)
{
    return algorithms[algorithm];
}

static bool
wrong(const struct reader *r, struct err *e, const char *what)
{
    return err_set(e, ERR_CONFIG,
                   "%s, line %d: %s; it must look as 'tsig-keygen NAME' writes it: key \"NAME\" { "
                   "algorithm hmac-sha256; secret \"BASE64\"; };",
                   r->label, r->line, what);
}

/* The bytes of a comment at `at`, 0 when there is none. */
static size_t
comment_size(const struct reader *r)
{
    size_t left = (size_t)(r->end - r->at);
    const char *close = NULL;
    bool to_line_end = (left >= 1 && *r->at == '#') || (left >= 2 && memcmp(r->at, "//", 2) == 0);

    if (to_line_end) {
        close = memchr(r->at, '\n', left);
        return close == NULL ? left : (size_t)(close - r->at);
    }
    if (left < 2 || memcmp(r->at, "/*", 2) != 0)
        return 0;
    close = memmem(r->at + 2, left - 2, "*/", 2);
    return close == NULL ? left : (size_t)(close - r->at) + 2;
}

static void
skip_blank(struct reader *r)
{
    while (r->at < r->end) {
        size_t skip = comment_size(r);

        if (skip == 0 && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
            skip = 1;
        if (skip == 0)
            break;
        for (; skip > 0; skip--)
            r->next_line += *r->at++ == '\n';
    }
    r->line = r->next_line;
}

/* Reads the next word: "quoted", one of { } ; or what is between such. Empty and not quoted: the
 * end. */
static bool
next_word(struct reader *r, struct err *e)
{
    size_t used = 0;

    skip_blank(r);
    r->quoted = r->at < r->end && *r->at == '"';
    r->at += r->quoted;
    while (r->at < r->end) {
        char c = *r->at;

        if (r->quoted ? c == '"' : strchr(" \t\r\n{};\"#", c) != NULL && used > 0)
            break;
        if (used + 1 == sizeof(r->word) || c == '\0' || (r->quoted && c == '\n'))
            return wrong(r, e,
                         r->quoted ? "the quotes do not end" : "a word is too long, or not text");
        r->word[used++] = c;
        r->at++;
        if (!r->quoted && strchr("{};", c) != NULL)
            break;
    }
    if (r->quoted && r->at == r->end)
        return wrong(r, e, "the quotes do not end");
    r->at += r->quoted;
    r->word[used] = '\0';
    return true;
}

/* Reads the next word, which must be that one. */
static bool
expect(struct reader *r, const char *word, struct err *e)
{
    char what[64];

    if (!next_word(r, e))
        return false;
    if (!r->quoted && strcasecmp(r->word, word) == 0)
        return true;
    (void)snprintf(what, sizeof(what), "'%s' is expected there", word);
    return wrong(r, e, what);
}

static bool
read_algorithm(struct tsig_key *key, struct reader *r, struct err *e)
{
    size_t length = 0;

    if (!next_word(r, e))
        return false;
    length = strlen(r->word);
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        /* with or without the final dot */
        if (length + 1 >= strlen(algorithms[i]) && length <= strlen(algorithms[i]) &&
            strncasecmp(r->word, algorithms[i], length) == 0) {
            key->algorithm = (enum tsig_algorithm)i;
            return expect(r, ";", e);
        }
    }
    return err_set(
        e, ERR_CONFIG,
        "%s, line %d: the algorithm '%.64s' is not supported; make a key with 'tsig-keygen "
        "-a hmac-sha256 NAME' (also: hmac-sha384, hmac-sha512)",
        r->label, r->line, r->word);
}

/* Strict base64 (RFC 4648 section 4), by OpenSSL. */
static bool
read_secret(struct tsig_key *key, struct reader *r, struct err *e)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[WORD_MAX];
    size_t length = 0;
    size_t padding = 0;
    int size = 0;
    bool added = false;

    if (!next_word(r, e))
        return false;
    length = strlen(r->word);
    if (length == 0 || length % 4 != 0)
        return wrong(r, e, "the secret is not base64");
    padding = r->word[length - 1] != '=' ? 0 : r->word[length - 2] != '=' ? 1 : 2;
    if (strspn(r->word, alphabet) != length - padding)
        return wrong(r, e, "the secret is not base64");
    size = EVP_DecodeBlock(bytes, (const unsigned char *)r->word, (int)length);
    OPENSSL_cleanse(r->word, sizeof(r->word));
    if (size < 0 || (size_t)size <= padding)
        return wrong(r, e, "the secret is not base64");
    str_clear(&key->secret);
    added = str_add(&key->secret, bytes, (size_t)size - padding);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return added ? expect(r, ";", e) : err_memory(e);
}

static bool
read_body(struct tsig_key *key, struct reader *r, struct err *e)
{
    bool has_algorithm = false;

    if (!expect(r, "{", e))
        return false;
    for (;;) {
        if (!next_word(r, e))
            return false;
        if (strcmp(r->word, "}") == 0)
            break;
        if (strcasecmp(r->word, "algorithm") == 0) {
            if (!read_algorithm(key, r, e))
                return false;
            has_algorithm = true;
        } else if (strcasecmp(r->word, "secret") == 0) {
            if (!read_secret(key, r, e))
                return false;
        } else
            return wrong(r, e, "'algorithm', 'secret' or '}' is expected there");
    }
    if (!has_algorithm || key->secret.size == 0)
        return wrong(r, e, has_algorithm ? "the key has no secret" : "the key has no algorithm");
    return expect(r, ";", e);
}

bool
tsig_key_parse(struct tsig_key *key, const char *label, const char *text, size_t size,
               struct err *e)
{
    struct reader r = {.label = label, .at = text, .end = text + size, .line = 1, .next_line = 1};
    bool read = expect(&r, "key", e) && next_word(&r, e);

    if (read && !dns_name_copy(key->name, r.word))
        read = wrong(&r, e, "the key's name is not letters, digits, '-', '_' and '.'");
    read = read && read_body(key, &r, e) && next_word(&r, e);
    if (read && (r.word[0] != '\0' || r.quoted))
        read = wrong(&r, e, "something follows the key; one file holds one key");
    OPENSSL_cleanse(r.word, sizeof(r.word));
    return read;
}

bool
tsig_key_read(struct tsig_key *key, const char *path, struct err *e)
{
    own_str struct str text = {0};

    if (!file_read_secret(path, TSIG_KEY_FILE_MAX, &text, e)) {
        /* that it is not there, or no file, is the setting's fault */
        if (e->code == ERR_SYSTEM || e->code == ERR_INPUT)
            e->code = ERR_CONFIG;
        return false;
    }
    return tsig_key_parse(key, path, text.size == 0 ? "" : text.text, text.size, e);
}

void
tsig_key_done(struct tsig_key *key)
{
    str_done(&key->secret);
    *key = (struct tsig_key){0};
}
