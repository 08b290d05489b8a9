/* connect.c: how a client is told to connect. */
#include "ca/connect.h"

#include <stdio.h>
#include <string.h>

#define URL_PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

/* RFC 3986 section 2.1; '/' stands as it is where `more` has it. */
static bool
add_escaped(struct str *text, const char *value, const char *more)
{
    for (; *value != '\0'; value++)
        if (strchr(URL_PLAIN, *value) != NULL || strchr(more, *value) != NULL
                ? !str_add(text, value, 1)
                : !str_addf(text, "%%%02X", (unsigned)(unsigned char)*value))
            return false;
    return true;
}

/* In quotes of the shell, where nothing but a quote means anything. */
static bool
add_export(struct str *text, const char *name, const char *value)
{
    if (!str_addf(text, "export %s='", name))
        return false;
    for (; *value != '\0'; value++)
        if (*value == '\'' ? !str_addf(text, "'\\''") : !str_add(text, value, 1))
            return false;
    return str_addf(text, "'\n");
}

/* ---- libpq ---- */

/* sslrootcert: "system" is libpq's word since PostgreSQL 16. */
static bool
add_trust(const struct ca_bundle *b, struct str *value)
{
    return b->trust_pem == NULL ? str_addf(value, "system")
                                : str_addf(value, "%s/root.crt", b->path);
}

bool
connect_service(const struct ca_bundle *b, struct str *text)
{
    own_str struct str trust = {0};

    if (!add_trust(b, &trust) || !str_addf(text, "["))
        return false;
    return add_escaped(text, b->user, "") &&
           str_addf(text,
                    "]\nhost=%s\nport=%d\nuser=%s\ndbname=%s\nsslmode=verify-full\n"
                    "sslcert=%s/postgresql.crt\nsslkey=%s/postgresql.key\nsslrootcert=%s\n",
                    b->host, b->port, b->user, b->database, b->path, b->path, trust.text);
}

bool
connect_environment(const struct ca_bundle *b, struct str *text)
{
    own_str struct str trust = {0}, cert = {0}, key = {0};
    char port[16];

    (void)snprintf(port, sizeof(port), "%d", b->port);
    return add_trust(b, &trust) && str_addf(&cert, "%s/postgresql.crt", b->path) &&
           str_addf(&key, "%s/postgresql.key", b->path) && add_export(text, "PGHOST", b->host) &&
           add_export(text, "PGPORT", port) && add_export(text, "PGUSER", b->user) &&
           add_export(text, "PGDATABASE", b->database) &&
           add_export(text, "PGSSLMODE", "verify-full") &&
           add_export(text, "PGSSLCERT", cert.text) && add_export(text, "PGSSLKEY", key.text) &&
           add_export(text, "PGSSLROOTCERT", trust.text);
}

/* "db.example.org:5432/app", "[2001:db8::1]:5432/app" */
static bool
add_place(const struct ca_bundle *b, struct str *text)
{
    bool is_v6 = strchr(b->host, ':') != NULL;

    return str_addf(text, "%s", is_v6 ? "[" : "") && add_escaped(text, b->host, ":") &&
           str_addf(text, "%s:%d/", is_v6 ? "]" : "", b->port) &&
           add_escaped(text, b->database, "");
}

static bool
add_file(const struct ca_bundle *b, const char *setting, const char *file, struct str *text)
{
    return str_addf(text, "&%s=", setting) && add_escaped(text, b->path, "/") &&
           str_addf(text, "/%s", file);
}

bool
connect_urls(const struct ca_bundle *b, struct str *text)
{
    bool has_root = b->trust_pem != NULL;

    return str_addf(text, "postgresql://") && add_escaped(text, b->user, "") &&
           str_addf(text, "@") && add_place(b, text) && str_addf(text, "?sslmode=verify-full") &&
           add_file(b, "sslcert", "postgresql.crt", text) &&
           add_file(b, "sslkey", "postgresql.key", text) &&
           (has_root ? add_file(b, "sslrootcert", "root.crt", text)
                     : str_addf(text, "&sslrootcert=system")) &&
           str_addf(text, "\njdbc:postgresql://") && add_place(b, text) &&
           str_addf(text, "?user=") && add_escaped(text, b->user, "") &&
           str_addf(text, "&sslmode=verify-full") &&
           add_file(b, "sslcert", "postgresql.crt", text) &&
           add_file(b, "sslkey", "postgresql.pk8", text) &&
           (!has_root || add_file(b, "sslrootcert", "root.crt", text)) && str_addf(text, "\n");
}

/* ---- for people ---- */

static bool
add_files(const struct ca_bundle *b, struct str *text)
{
    return str_addf(text,
                    "postgresql.crt           the certificate and the CA that signed it, PEM\n"
                    "postgresql.key           its private key, PEM (PKCS#8)\n"
                    "postgresql.pk8           the same key, DER, for JDBC\n"
                    "postgresql.p12           key and certificates, PKCS#12%s\n"
                    "postgresql.p12.password  the password of that file\n",
                    b->is_legacy ? " in the old form (3DES, SHA-1)" : "") &&
           (b->trust_pem == NULL ||
            str_addf(text, "root.crt                 what proves that the server is the right "
                           "one\n")) &&
           str_addf(text, "pg_service.conf          for libpq: psql service=...\n"
                          "environment              for a shell: . ./environment\n"
                          "urls                     for psql and libpq, and for JDBC\n");
}

bool
connect_readme(const struct ca_bundle *b, int64_t not_after_s, struct str *text)
{
    char until[CLOCK_TEXT_SIZE];

    clock_text(until, not_after_s);
    return str_addf(text,
                    "Access to the database '%s' at %s, port %d, as the user '%s'.\n"
                    "It ends at %s; ask for a new one before that.\n\n"
                    "Whoever has these files can log in as that user: keep them to yourself, and "
                    "say so\nat once when somebody else may have them.\n\n",
                    b->database, b->host, b->port, b->user, until) &&
           add_files(b, text) &&
           str_addf(text,
                    "\nPut this directory where the files name it (as you, mode 0700, files "
                    "0600):\n\n    %s\n\n"
                    "or copy the files into ~/.postgresql, where libpq and JDBC look by "
                    "themselves, and\nleave sslcert, sslkey and sslrootcert out. Then:\n\n"
                    "    . ./environment && psql\n    psql \"$(head -n 1 urls)\"\n",
                    b->path) &&
           (b->trust_pem != NULL ||
            str_addf(text, "\nThe server's certificate is from a public CA: sslrootcert=system "
                           "needs libpq 16; for\nolder ones and JDBC name a file with the "
                           "roots of your system.\n"));
}
