/* postgres_files.c: which files of pgcert's a PostgreSQL server has, and whether it uses them. */
#include "reload/target/postgres.h"

#include "reload/place.h"

#include <stdlib.h>
#include <string.h>

/* ---- paths ---- */

/* Is it "DIRECTORY/VALUE"? */
static bool
ends_in(const char *path, const char *value)
{
    size_t all = strlen(path);
    size_t tail = strlen(value);

    return all > tail && strcmp(path + all - tail, value) == 0 && path[all - tail - 1] == '/';
}

/* The absolute path which a setting names; NULL when that cannot be known (or memory ran out). To a
 * role that may not see the data directory, the administrator's `file` says where it is; the proof
 * will tell if that is wrong. */
static char *
named_path(const struct postgres_session *s, enum postgres_setting which, const char *file)
{
    const char *value = s->settings[which];
    const char *directory = s->settings[PG_DATA_DIRECTORY];

    if (value[0] == '/')
        return strdup(value);
    if (directory[0] == '\0' && ends_in(file, value))
        return strdup(file);
    return directory[0] == '\0' ? NULL : str_format("%s/%s", directory, value);
}

/* ---- pgcert's files ---- */

static bool
find_combined(struct postgres_session *s, struct err *e)
{
    const struct postgres_config *c = s->config;
    const char *directory = s->settings[PG_DATA_DIRECTORY];

    if (c->file != NULL && c->file[0] == '/') {
        s->file = strdup(c->file);
        return s->file != NULL || err_memory(e);
    }
    if (directory[0] == '\0')
        return err_set(
            e, ERR_CONFIG,
            "role %s may not see data_directory, so 'file' must be an absolute path; or: "
            "GRANT pg_read_all_settings TO %s",
            s->settings[PG_ROLE], s->settings[PG_ROLE]);
    if (!sql_is_local(s->sql))
        return err_set(
            e, ERR_CONFIG,
            "the connection leads to another machine, where '%s' is; run pgcert there, or "
            "set 'file' to the absolute path which the file has here",
            directory);
    s->file = str_format("%s/%s", directory, c->file != NULL ? c->file : POSTGRES_FILE);
    return s->file != NULL || err_memory(e);
}

/* Other services of the machine read those as well. */
static bool
is_snakeoil(const char *path)
{
    return strstr(path, "ssl-cert-snakeoil") != NULL;
}

/* The two files that the settings name. */
static bool
find_pair(struct postgres_session *s, struct err *e)
{
    s->file = named_path(s, PG_SSL_KEY_FILE, "");
    s->cert_file = named_path(s, PG_SSL_CERT_FILE, "");
    if (s->file == NULL || s->cert_file == NULL)
        return err_set(e, ERR_CONFIG,
                       "ssl_key_file or ssl_cert_file is a relative path, and role %s may not see "
                       "in which directory; try: GRANT pg_read_all_settings TO %s",
                       s->settings[PG_ROLE], s->settings[PG_ROLE]);
    if (target_same_path(s->file, s->cert_file))
        return err_set(e, ERR_CONFIG,
                       "ssl_key_file and ssl_cert_file both name '%s', so it is not a pair; set "
                       "layout = combined",
                       s->file);
    if (is_snakeoil(s->file) || is_snakeoil(s->cert_file))
        return err_set(e, ERR_CONFIG,
                       "the server uses Debian's '%s', which other services use as well; set "
                       "layout = combined, or have ssl_key_file and ssl_cert_file name files of "
                       "its own",
                       is_snakeoil(s->file) ? s->file : s->cert_file);
    return sql_is_local(s->sql) ||
           err_set(e, ERR_CONFIG,
                   "the connection leads to another machine, where '%s' is; run pgcert there",
                   s->file);
}

static bool
find_clients_file(struct postgres_session *s, struct err *e)
{
    const char *directory = s->settings[PG_DATA_DIRECTORY];

    free(TAKE(s->clients_file));
    if (!s->config->mutual_tls || s->file == NULL)
        return true;
    /* beside pgcert's file; a pair may be anywhere */
    s->clients_file = s->cert_file != NULL && directory[0] != '\0'
                          ? str_format("%s/" POSTGRES_CLIENTS_FILE, directory)
                          : str_format("%.*s/" POSTGRES_CLIENTS_FILE,
                                       (int)(strrchr(s->file, '/') - s->file), s->file);
    if (s->clients_file == NULL)
        return err_memory(e);
    return s->cert_file == NULL || place_believe(s->clients_file, sql_server_user(s->sql), e) ||
           err_wrap(e, "the file for clients");
}

/* One file of a pair: the administrator may have said which it is; else the server's word must do.
 */
static bool
believe_one(const struct postgres_session *s, enum postgres_setting which, const char *path,
            const char *said, const char *option, struct err *e)
{
    if (said == NULL)
        return place_believe(path, sql_server_user(s->sql), e) ||
               err_wrap(e, "set '%s' in the target", option);
    return target_same_path(path, said) ||
           err_set(e, ERR_CONFIG, "the server's %s is '%s', and the target's %s '%s'",
                   postgres_setting_names[which], path, option, said);
}

/* An absolute `file` is the administrator's word; the data directory is the server's. */
static bool
believe_files(const struct postgres_session *s, struct err *e)
{
    const struct postgres_config *c = s->config;

    if (c->layout == POSTGRES_PAIR)
        return believe_one(s, PG_SSL_KEY_FILE, s->file, c->key_file, "key_file", e) &&
               believe_one(s, PG_SSL_CERT_FILE, s->cert_file, c->cert_file, "cert_file", e);
    return (c->file != NULL && c->file[0] == '/') ||
           place_believe(s->file, sql_server_user(s->sql), e) ||
           err_wrap(e, "set 'file' to an absolute path");
}

static bool
find_files(struct postgres_session *s, struct err *e)
{
    free(TAKE(s->file));
    free(TAKE(s->cert_file));
    return (s->config->layout == POSTGRES_PAIR ? find_pair(s, e) : find_combined(s, e)) &&
           s->file != NULL && believe_files(s, e) && find_clients_file(s, e);
}

/* Does the setting, which leads to `path`, name pgcert's file? Fills `why` otherwise. */
static bool
names_file(const struct postgres_session *s, enum postgres_setting which, const char *path,
           const char *file, struct err *why)
{
    if (path == NULL)
        return err_set(why, ERR_CONFIG,
                       "%s is '%s', and role %s may not see in which directory; try: GRANT "
                       "pg_read_all_settings TO %s, or make %s an absolute path",
                       postgres_setting_names[which], s->settings[which], s->settings[PG_ROLE],
                       s->settings[PG_ROLE], postgres_setting_names[which]);
    return target_same_path(path, file) ||
           err_set(why, ERR_CONFIG, "the server's %s is '%s' and not pgcert's file '%s'",
                   postgres_setting_names[which], s->settings[which], file);
}

/* The same for what is trusted of clients. */
static bool
compare_clients(struct postgres_session *s, struct target_view *view)
{
    static const enum postgres_setting both[] = {PG_SSL_CA_FILE, PG_SSL_CRL_FILE};
    struct err why = {0};

    if (s->clients_file == NULL)
        return true;
    view->uses_clients_file = view->tls_on || err_set(&why, ERR_CONFIG, "the server has ssl = off");
    for (size_t i = 0; i < COUNT(both) && view->uses_clients_file; i++) {
        own_mem char *path = named_path(s, both[i], s->clients_file);

        view->uses_clients_file = names_file(s, both[i], path, s->clients_file, &why);
    }
    s->uses_clients_file = view->uses_clients_file;
    view->clients_why_not = why;
    view->clients_file = strdup(s->clients_file);
    return view->clients_file != NULL;
}

static bool
compare(struct postgres_session *s, struct target_view *view)
{
    struct err why = {0};

    view->tls_on = strcmp(s->settings[PG_SSL], "on") == 0;
    view->cert_file = named_path(s, PG_SSL_CERT_FILE, s->file);
    view->key_file = named_path(s, PG_SSL_KEY_FILE, s->file);
    /* of a pair they are the files which it names */
    view->uses_file =
        s->cert_file != NULL || (names_file(s, PG_SSL_CERT_FILE, view->cert_file, s->file, &why) &&
                                 names_file(s, PG_SSL_KEY_FILE, view->key_file, s->file, &why));
    if (view->uses_file && !view->tls_on)
        view->uses_file = err_set(&why, ERR_CONFIG, "the server has ssl = off");
    s->uses_file = view->uses_file;
    view->why_not = why;
    return compare_clients(s, view);
}

/* Those of a pair in the order in which they are renamed: the key first. */
static bool
add_files(const struct postgres_session *s, struct target_view *view, struct err *e)
{
    bool is_pair = s->cert_file != NULL;

    target_view_forget_files(view);
    if (s->file == NULL ||
        !target_view_add(view, strdup(s->file), is_pair ? FORM_KEY : FORM_COMBINED, 0, e))
        return false;
    return !is_pair || target_view_add(view, strdup(s->cert_file), FORM_FULLCHAIN, 0, e);
}

bool
postgres_find_files(struct postgres_session *s, struct target_view *view, struct err *e)
{
    if (!find_files(s, e) || !add_files(s, view, e))
        return false;
    return compare(s, view) || err_memory(e);
}
