/* served.c: what is known about a target, and its files. */
#include "reload/served.h"

#include "reload/install.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

void
served_forget_endpoints(struct served *s)
{
    for (size_t i = 0; i < s->endpoint_count; i++) {
        free(s->endpoints[i].address);
        free(s->endpoints[i].error);
    }
    free(s->endpoints);
    s->endpoints = NULL;
    s->endpoint_count = 0;
    s->served_sha256[0] = '\0';
}

void
served_forget_files(struct served *s)
{
    for (size_t i = 0; i < s->file_count; i++)
        free(s->files[i].path);
    s->file_count = 0;
}

bool
served_digest(const struct str *bytes, char text[static CERT_SHA256_TEXT], struct err *e)
{
    unsigned char digest[(CERT_SHA256_TEXT - 1) / 2];

    if (EVP_Digest(bytes->text, bytes->size, digest, NULL, EVP_sha256(), NULL) != 1)
        return err_crypto(e, "compute a digest");
    str_hex(text, digest, sizeof(digest));
    return true;
}

bool
reload_is_unchanged(const char *file, const char *sha256)
{
    own_str struct str there = {0};
    char now[CERT_SHA256_TEXT];
    struct err ignored = {0};

    return install_peek(file, CERT_PEM_MAX, &there) && served_digest(&there, now, &ignored) &&
           strcmp(now, sha256) == 0;
}

void
served_done(struct served *s)
{
    served_forget_endpoints(s);
    served_forget_files(s);
    free(s->file);
    free(s->server_name);
    *s = (struct served){0};
}
