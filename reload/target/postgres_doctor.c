/* postgres_doctor.c: what a PostgreSQL server says of its settings, files and rules. */
#include "reload/doctor.h"
#include "reload/target/postgres.h"

#include <stdlib.h>

#define VERSION_IDENT 150000 /* pg_ident_file_mappings */
#define VERSION_FILES 160000 /* a column file_name, for files include others */

/* Those that matter, as SQL has a list. */
#define NAMES                                                                                      \
    "('ssl','ssl_cert_file','ssl_key_file','ssl_ca_file','ssl_crl_file','ssl_crl_dir',"            \
    "'ssl_ciphers','ssl_ecdh_curve','ssl_groups','ssl_dh_params_file',"                            \
    "'ssl_min_protocol_version','ssl_passphrase_command',"                                         \
    "'ssl_passphrase_command_supports_reload','ssl_sni','hosts_file','listen_addresses',"          \
    "'password_encryption','data_directory','hba_file','ident_file')"

/* A row of pg_file_settings may be wrong: whether it is comes in a statement of its own. */
static const char settings_statement[] =
    "WITH f AS (SELECT DISTINCT ON (name) name, setting, sourcefile, sourceline "
    "FROM pg_catalog.pg_file_settings ORDER BY name, seqno DESC) "
    "SELECT s.name, coalesce(s.setting, ''), coalesce(CASE WHEN s.source IN "
    "('command line', 'environment variable', 'override') THEN s.setting "
    "ELSE coalesce(f.setting, s.boot_val) END, ''), "
    "coalesce(f.sourcefile || ':' || f.sourceline, '') "
    "FROM pg_catalog.pg_settings s LEFT JOIN f USING (name) WHERE s.name IN " NAMES;

/* For a role that may not see the files. */
static const char running_statement[] =
    "SELECT name, coalesce(setting, ''), coalesce(setting, ''), '' FROM pg_catalog.pg_settings "
    "WHERE name IN " NAMES;

/* What only waits for a restart is shown there as an error, too; looking at pg_file_settings has
 * marked it in this session, so this comes after it. */
static const char errors_statement[] =
    "SELECT coalesce(f.sourcefile || ':' || f.sourceline, ''), coalesce(f.name, ''), f.error "
    "FROM pg_catalog.pg_file_settings f WHERE f.error IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM pg_catalog.pg_settings s WHERE s.name = f.name AND s.pending_restart) "
    "ORDER BY f.seqno LIMIT 20";

static const char time_statement[] =
    "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.int8";

/* ---- pg_hba.conf and pg_ident.conf ---- */

static const struct {
    const char *setting, *view;
    int version_least;
} files[HBA_FILES] = {
    [HBA_RULES] = {"hba_file", "pg_hba_file_rules", 0},
    [HBA_IDENT] = {"ident_file", "pg_ident_file_mappings", VERSION_IDENT},
};

/* "FILE:LINE" as SQL. */
static const char *
where_of(int version, enum hba_file which)
{
    static const char *const words[HBA_FILES] = {
        [HBA_RULES] = "current_setting('hba_file') || ':' || line_number",
        [HBA_IDENT] = "current_setting('ident_file') || ':' || line_number",
    };

    return version < VERSION_FILES ? words[which] : "file_name || ':' || line_number";
}

static bool
ask_errors(struct postgres_session *s, int version, enum hba_file which, struct list *rows,
           struct err *e)
{
    own_mem char *statement =
        str_format("SELECT coalesce(%s, ''), error FROM pg_catalog.%s WHERE error IS NOT NULL "
                   "ORDER BY line_number LIMIT 20",
                   where_of(version, which), files[which].view);

    if (statement == NULL)
        return err_memory(e);
    return version < files[which].version_least || sql_query(s->sql, statement, rows, e);
}

static bool
ask_rules(struct postgres_session *s, int version, struct list *rows, struct err *e)
{
    own_mem char *statement = str_format(
        "SELECT coalesce(%s, ''), type, array_to_string(database, ','), "
        "array_to_string(user_name, ','), coalesce(address, ''), coalesce(netmask, ''), "
        "auth_method, coalesce(array_to_string(options, ','), '') "
        "FROM pg_catalog.pg_hba_file_rules WHERE error IS NULL ORDER BY %s LIMIT 2000",
        where_of(version, HBA_RULES), version < VERSION_FILES ? "line_number" : "rule_number");

    return statement == NULL ? err_memory(e) : sql_query(s->sql, statement, rows, e);
}

/* ---- all ---- */

/* That something may not be seen is no reason to stop. */
static bool
go_on(const struct postgres_session *s, const struct err *why, const char *what, struct findings *f,
      struct err *e)
{
    if (why->code != ERR_PERMISSION) {
        *e = *why;
        return false;
    }
    if (finding_unseen(f, what, why))
        finding_remedy(f,
                       "connect as a superuser, or: GRANT SELECT ON pg_catalog.%s TO %s, and "
                       "EXECUTE on the function behind it",
                       what, s->settings[PG_ROLE]);
    return true;
}

static bool
ask_settings(struct postgres_session *s, struct doctor_facts *facts, struct findings *f,
             struct err *e)
{
    struct err why = {0};

    if (sql_query(s->sql, settings_statement, &facts->settings, &why))
        return sql_query(s->sql, errors_statement, &facts->errors, e);
    return go_on(s, &why, "pg_file_settings", f, e) &&
           sql_query(s->sql, running_statement, &facts->settings, e);
}

static bool
ask_files(struct postgres_session *s, struct doctor_facts *facts, struct findings *f, struct err *e)
{
    int version = sql_number(s->settings[PG_VERSION]);
    struct err why = {0};

    if ((!ask_errors(s, version, HBA_RULES, &facts->hba_errors, &why) ||
         !ask_rules(s, version, &facts->rules, &why)) &&
        !go_on(s, &why, files[HBA_RULES].view, f, e))
        return false;
    return ask_errors(s, version, HBA_IDENT, &facts->ident_errors, &why) ||
           go_on(s, &why, files[HBA_IDENT].view, f, e);
}

bool
postgres_examine(void *session, struct doctor_facts *facts, struct findings *f, struct err *e)
{
    struct postgres_session *s = session;
    own_list struct list now = {0};

    if (!ask_settings(s, facts, f, e) || !sql_query(s->sql, time_statement, &now, e))
        return false;
    facts->now_s = now.count == 1 ? strtoll(now.items[0], NULL, 10) : 0;
    facts->is_local = sql_is_local(s->sql);
    return ask_files(s, facts, f, e);
}
