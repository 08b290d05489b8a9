/* doctor_restart.c: what the server would find in its files if it were restarted now. */
#include "reload/doctor.h"
#include "reload/doctor_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Settings of TLS, of which an edit waits for a reload. */
static const char *const followed[] = {
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
    "ssl_ca_file",
    "ssl_crl_file",
    "ssl_crl_dir",
    "ssl_ciphers",
    "ssl_min_protocol_version",
    "ssl_ecdh_curve",
};

/* ---- files of settings ---- */

static void
find_errors(const struct examination *x, struct findings *f)
{
    const struct list *all = &x->facts.errors;

    for (size_t i = 0; i + DOCTOR_ERROR_FIELDS <= all->count; i += DOCTOR_ERROR_FIELDS) {
        const char *name = all->items[i + 1];

        finding_add(f, FINDING_BAD, x->target->name,
                    "%s%s%s: %s; PostgreSQL does not start again with that, and takes no other "
                    "setting from its files before",
                    all->items[i], name[0] == '\0' ? "" : ": ", name, all->items[i + 2]);
        finding_remedy(f, "mend or remove that line; this shows nothing then: SELECT * FROM "
                          "pg_file_settings WHERE error IS NOT NULL");
    }
}

static void
find_line_errors(const struct examination *x, const struct list *all, const char *what,
                 const char *view, struct findings *f)
{
    for (size_t i = 0; i + DOCTOR_LINE_FIELDS <= all->count; i += DOCTOR_LINE_FIELDS) {
        finding_add(f, FINDING_BAD, x->target->name, "%s: %s; %s", all->items[i], all->items[i + 1],
                    what);
        finding_remedy(f,
                       "mend or remove that line; this shows nothing then: SELECT * FROM %s "
                       "WHERE error IS NOT NULL",
                       view);
    }
}

/* An "on" may be written as "yes". */
static bool
is_same(const char *name, const char *a, const char *b)
{
    if (strcmp(name, "ssl") == 0)
        return doctor_is_on(a) == doctor_is_on(b);
    return strcasecmp(a, b) == 0;
}

static void
find_changes(const struct examination *x, struct findings *f)
{
    for (size_t i = 0; i < COUNT(followed); i++) {
        struct doctor_setting s = doctor_setting(&x->facts, followed[i]);
        bool ends_tls = strcmp(s.name, "ssl") == 0 && !doctor_is_on(s.next);

        if (is_same(s.name, s.now, s.next))
            continue;
        finding_add(f, ends_tls ? FINDING_BAD : FINDING_WARNING, x->target->name,
                    "%s is '%s' in the running server, and will be '%s' with the next reload or "
                    "restart%s%s",
                    s.name, s.now, s.next, s.where[0] == '\0' ? "" : ", by ", s.where);
        finding_remedy(f,
                       strstr(s.where, "postgresql.auto.conf") != NULL
                           ? "if that is wanted: SELECT pg_reload_conf(); if not: ALTER SYSTEM "
                             "RESET %s"
                           : "if that is wanted: SELECT pg_reload_conf(); if not, set %s back "
                             "where it is said",
                       s.name);
    }
}

/* ---- files that they name ---- */

/* How somebody gets a pair that loads. */
static void
advise(const struct examination *x, const char *setting, const char *path, struct findings *f)
{
    const char *file = target_view_file(&x->view);
    bool is_ours = path != NULL && file != NULL && strcmp(path, file) == 0;
    bool is_of_clients =
        path != NULL && x->view.clients_file != NULL && strcmp(path, x->view.clients_file) == 0;

    if (is_of_clients)
        finding_remedy(f, "pgcert ca crl && pgcert renew");
    else if (is_ours)
        finding_remedy(f, "pgcert deploy (writes it anew, reloads, and proves it)");
    else
        finding_remedy(f,
                       "put a good file there, or have pgcert keep it: pgcert setup NAME; then "
                       "see that nothing is left: pgcert doctor (setting: %s)",
                       setting);
}

struct named_file {
    const char *setting;
    char *path;
    const struct doctor_file *file;
};

/* The file after a restart; false: it is to be there and cannot be read, which is told. */
static bool
find_file(const struct examination *x, struct named_file *n, struct findings *f)
{
    struct doctor_setting s = doctor_setting(&x->facts, n->setting);

    n->path = doctor_path(x, s.next);
    n->file = doctor_files_find(&x->files, n->path);
    if (n->path == NULL || n->file == NULL || n->file->trouble == 0)
        return true;
    if (n->file->trouble == EFBIG)
        return false; /* told when it was read */
    finding_add(f, FINDING_BAD, x->target->name,
                "%s = '%s': %s; the server goes on with what it has in memory, and the next "
                "restart fails",
                s.name, n->path, strerror(n->file->trouble));
    advise(x, s.name, n->path, f);
    return false;
}

static const struct str *
text_of(const struct named_file *n)
{
    return n->file == NULL ? NULL : &n->file->text;
}

enum loaded { LOAD_CERT, LOAD_KEY, LOAD_CA, LOAD_CRL, LOAD_DH, LOADED };

static void
tell_load(const struct examination *x, const struct named_file *all, const char *setting,
          const struct err *why, struct findings *f)
{
    const char *path = NULL;

    for (size_t i = 0; i < LOADED; i++)
        if (strcmp(all[i].setting, setting) == 0)
            path = all[i].path;
    if (path != NULL)
        finding_add(f, FINDING_BAD, x->target->name,
                    "%s = '%s' does not load (%s); no reload takes it, and the next restart fails",
                    setting, path, why->text);
    else
        finding_add(f, FINDING_BAD, x->target->name,
                    "%s = '%s' is not understood by this OpenSSL (%s); the next restart fails",
                    setting, doctor_setting(&x->facts, setting).next, why->text);
    advise(x, setting, path, f);
}

static void
find_passphrase(const struct examination *x, const char *path, struct findings *f)
{
    const char *command = doctor_setting(&x->facts, "ssl_passphrase_command").next;
    const char *reloads = doctor_setting(&x->facts, "ssl_passphrase_command_supports_reload").next;

    if (command[0] != '\0' && doctor_is_on(reloads))
        return;
    if (command[0] != '\0') {
        finding_add(f, FINDING_WARNING, x->target->name,
                    "the key '%s' wants a passphrase, and ssl_passphrase_command_supports_reload "
                    "is off: a reload never takes another certificate",
                    path);
        finding_remedy(f, "set ssl_passphrase_command_supports_reload = on, or have pgcert keep "
                          "the key: pgcert setup NAME");
        return;
    }
    finding_add(f, FINDING_BAD, x->target->name,
                "the key '%s' wants a passphrase, and there is no ssl_passphrase_command: nobody "
                "types it when systemd starts the server",
                path);
    finding_remedy(f, "set ssl_passphrase_command, or take the passphrase off: openssl pkey -in "
                      "KEY -out NEW, 0600");
}

static void
try_load(const struct examination *x, const struct named_file *all, struct findings *f)
{
    const char *groups = doctor_setting(&x->facts, "ssl_groups").next;
    struct doctor_load load = {
        .cert = text_of(&all[LOAD_CERT]),
        .key = text_of(&all[LOAD_KEY]),
        .ca = text_of(&all[LOAD_CA]),
        .crl = text_of(&all[LOAD_CRL]),
        .ciphers = doctor_setting(&x->facts, "ssl_ciphers").next,
        .groups = groups[0] != '\0' ? groups : doctor_setting(&x->facts, "ssl_ecdh_curve").next,
    };
    const char *setting = "ssl";
    bool encrypted = false;
    struct err why = {0};

    if (load.cert == NULL || load.key == NULL)
        return; /* it is not known where they are */
    if (!doctor_load_try(&load, &setting, &encrypted, &why))
        tell_load(x, all, setting, &why, f);
    else if (encrypted)
        find_passphrase(x, all[LOAD_KEY].path, f);
}

static void
find_load(const struct examination *x, struct findings *f)
{
    struct named_file all[LOADED] = {
        [LOAD_CERT] = {.setting = "ssl_cert_file"},    [LOAD_KEY] = {.setting = "ssl_key_file"},
        [LOAD_CA] = {.setting = "ssl_ca_file"},        [LOAD_CRL] = {.setting = "ssl_crl_file"},
        [LOAD_DH] = {.setting = "ssl_dh_params_file"},
    };
    bool all_read = true;

    for (size_t i = 0; i < LOADED; i++)
        all_read = find_file(x, &all[i], f) && all_read;
    if (all_read)
        try_load(x, all, f);
    for (size_t i = 0; i < LOADED; i++)
        free(all[i].path);
}

void
reload_find_restart(const struct examination *x, struct findings *f)
{
    if (!x->is_asked)
        return;
    find_errors(x, f);
    find_line_errors(x, &x->facts.hba_errors,
                     "reloads keep the rules of before, and PostgreSQL does not start again",
                     "pg_hba_file_rules", f);
    find_line_errors(x, &x->facts.ident_errors,
                     "reloads keep the maps of before, and after a restart there are none: whoever "
                     "logs in by a map is refused",
                     "pg_ident_file_mappings", f);
    find_changes(x, f);
    if (x->has_files && doctor_is_on(doctor_setting(&x->facts, "ssl").next))
        find_load(x, f);
}
