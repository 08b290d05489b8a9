/* target.c: the kinds of servers, and a [target NAME] section of one. */
#include "reload/target.h"

#include "base/option.h"
#include "reload/service.h"
#include "reload/sql.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* The default, then in order of name; target_type_words has the same order. */
static const struct target_type *const types[] = {
    &target_postgres,   &target_command,   &target_haproxy, &target_patroni,
    &target_pgbackrest, &target_pgbouncer, &target_pidfile, &target_systemd,
};

const char *const target_type_words[] = {"postgres",  "command", "haproxy", "patroni", "pgbackrest",
                                         "pgbouncer", "pidfile", "systemd", NULL};

/* What all targets have. */
struct common {
    int type;
};

/* clang-format off */
const struct option target_options[] = {
    {"type", OPTION_WORD, offsetof(struct common, type), "postgres", "what kind of server it is", target_type_words, 0, 0, false},
    {0},
};
/* clang-format on */

const struct option *
target_type_options(size_t i)
{
    return i < COUNT(types) ? types[i]->options : NULL;
}

const struct option *
target_service_options(size_t i)
{
    return i < COUNT(types) && types[i]->is_service ? service_options : NULL;
}

static bool
fill(struct target *t, const struct conf_section *s, struct err *e)
{
    const struct option *const tables[] = {target_options, t->type->options,
                                           t->service != NULL ? service_options : NULL, NULL};

    if (!option_check_names(s, tables, e) || !option_bind(s, t->type->options, t->config, e) ||
        (t->service != NULL && !option_bind(s, service_options, t->service, e)))
        return false;
    return ((t->service == NULL || service_check(t, e)) &&
            (t->type->check == NULL || t->type->check(t, e))) ||
           err_wrap(e, "%s:%d: [target %s]", s->file, s->line, s->name);
}

struct target *
target_new(const struct conf_section *s, struct err *e)
{
    struct common common = {0};
    struct target *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    if (!option_bind(s, target_options, &common, e)) {
        target_free(t);
        return NULL;
    }
    t->type = types[common.type];
    t->name = strdup(s->name);
    t->config = calloc(1, t->type->config_size + 1);
    if (t->type->is_service)
        t->service = calloc(1, sizeof(*t->service));
    if (t->name == NULL || t->config == NULL || (t->type->is_service && t->service == NULL)) {
        (void)err_memory(e);
        target_free(t);
        return NULL;
    }
    if (!fill(t, s, e)) {
        target_free(t);
        return NULL;
    }
    return t;
}

void
target_free(struct target *t)
{
    if (t == NULL)
        return;
    if (t->config != NULL)
        option_done(t->type->options, t->config);
    if (t->service != NULL)
        option_done(service_options, t->service);
    free(t->service);
    free(t->config);
    free(t->name);
    free(t);
}

const char *
target_view_file(const struct target_view *v)
{
    return v->file_count == 0 ? NULL : v->files[0].path;
}

bool
target_view_add(struct target_view *v, char *path, enum form form, mode_t mode, struct err *e)
{
    if (path == NULL)
        return err_memory(e);
    if (v->file_count == INSTALL_FILES_MAX) {
        free(path);
        return err_set(e, ERR_CONFIG, "a target has at most %d files", INSTALL_FILES_MAX);
    }
    v->files[v->file_count++] = (struct target_file){path, form, mode};
    return true;
}

bool
target_same_path(const char *a, const char *b)
{
    const char *slash_a = strrchr(a, '/');
    const char *slash_b = strrchr(b, '/');
    own_mem char *parent_a = NULL;
    own_mem char *parent_b = NULL;
    own_mem char *real_a = NULL;
    own_mem char *real_b = NULL;

    if (strcmp(a, b) == 0)
        return true;
    if (slash_a == NULL || slash_b == NULL || strcmp(slash_a, slash_b) != 0)
        return false;
    parent_a = strndup(a, (size_t)(slash_a - a) + 1);
    parent_b = strndup(b, (size_t)(slash_b - b) + 1);
    if (parent_a == NULL || parent_b == NULL)
        return false;
    real_a = realpath(parent_a, NULL);
    real_b = realpath(parent_b, NULL);
    return real_a != NULL && real_b != NULL && strcmp(real_a, real_b) == 0;
}

bool
reload_needs_network(const struct target *t)
{
    return t->type->needs_network ||
           (t->type->connection != NULL && sql_needs_network(t->type->connection(t)));
}

bool
reload_needs_root(const struct target *t)
{
    return t->type->needs_root != NULL && t->type->needs_root(t);
}

bool
reload_add_hosts(const struct target *t, struct list *hosts)
{
    const struct list *at = t->type->proved_at != NULL ? t->type->proved_at(t) : &t->service->prove;

    for (size_t i = 0; i < at->count; i++) {
        own_mem char *host = NULL;
        int port = 0;

        /* what is none is told when it is to be proved */
        if (option_parse_endpoint(&host, &port, at->items[i], 0) && !list_add(hosts, host))
            return false;
    }
    return true;
}

gid_t
target_group_of(uid_t user)
{
    const struct passwd *entry = user == (uid_t)-1 ? NULL : getpwuid(user);

    return entry == NULL ? (gid_t)-1 : entry->pw_gid;
}

void
target_view_forget_files(struct target_view *v)
{
    for (size_t i = 0; i < v->file_count; i++)
        free(v->files[i].path);
    v->file_count = 0;
}

void
target_view_done(struct target_view *v)
{
    target_view_forget_files(v);
    if (v->password != NULL)
        explicit_bzero(v->password, strlen(v->password));
    free(v->password);
    free(v->server_name);
    free(v->cert_file);
    free(v->key_file);
    free(v->clients_file);
    addresses_done(&v->addresses);
    *v = (struct target_view){.user = (uid_t)-1, .group = (gid_t)-1};
}
