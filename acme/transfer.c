/* transfer.c: the file in which an account travels. */
#include "acme/transfer.h"

#include "acme/jwk.h"
#include "base/json.h"
#include "base/key.h"

#include <stdlib.h>
#include <string.h>

#define BEGIN "-----BEGIN "
#define RSA_BITS_LEAST 2048
#define RSA_BITS_MOST 4096

bool
transfer_takes_key(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);

    return key_is(key, KEY_ECDSA_P256) || key_is(key, KEY_ECDSA_P384) ||
           (EVP_PKEY_is_a(key, "RSA") == 1 && bits >= RSA_BITS_LEAST && bits <= RSA_BITS_MOST);
}

/* The value of a line "name: value" before the key; to be free()d, NULL when there is none. */
static bool
find_line(const struct str *text, const char *name, char **value, struct err *e)
{
    const char *end = strstr(text->text, BEGIN);
    size_t size = strlen(name);

    for (const char *line = text->text; line != NULL && line < end;) {
        const char *next = strchr(line, '\n');

        if (strncmp(line, name, size) == 0 && line[size] == ':') {
            const char *begin = line + size + 1 + strspn(line + size + 1, " \t");

            *value = strndup(begin, strcspn(begin, " \t\r\n"));
            return *value != NULL || err_memory(e);
        }
        line = next == NULL ? NULL : next + 1;
    }
    return true;
}

static EVP_PKEY *
read_jwk(const struct str *text, struct err *e)
{
    own_json struct json_t *jwk = json_decode(text->text, text->size, e);

    if (jwk != NULL)
        return jwk_key(jwk, e);
    e->code = ERR_INPUT;
    return NULL;
}

bool
transfer_read(struct transfer *t, const struct str *text, struct err *e)
{
    bool is_json = text->size > 0 && text->text[strspn(text->text, " \t\r\n")] == '{';

    if (text->size == 0 || text->size > TRANSFER_SIZE_MAX)
        return err_set(e, ERR_INPUT, "there is no account: the file is %s",
                       text->size == 0 ? "empty" : "far too large");
    if (strlen(text->text) != text->size)
        return err_set(e, ERR_INPUT, "there is no account: the file is not text");
    t->key = is_json ? read_jwk(text, e) : key_from_pem(text->text, text->size, e);
    if (t->key == NULL)
        return false;
    if (!transfer_takes_key(t->key))
        return err_set(
            e, ERR_INPUT,
            "the key of an account must be ECDSA P-256 or P-384, or RSA with %d to %d bits",
            RSA_BITS_LEAST, RSA_BITS_MOST);
    return is_json || (find_line(text, "directory", &t->directory, e) &&
                       find_line(text, "account", &t->account, e));
}

bool
transfer_write(const struct transfer *t, struct str *text, struct err *e)
{
    return (str_addf(text,
                     "An ACME account. Whoever has this key has the account.\n"
                     "directory: %s\naccount: %s\n",
                     t->directory, t->account) ||
            err_memory(e)) &&
           key_to_pem(t->key, text, e);
}

void
transfer_done(struct transfer *t)
{
    key_drop(&t->key);
    free(t->directory);
    free(t->account);
    *t = (struct transfer){0};
}
