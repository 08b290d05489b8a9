/* command.c: any server, told by a program that finds what it must know in its environment, as the
 * hooks of other ACME clients do. */
#include "reload/target.h"

#include "base/child.h"
#include "base/log.h"
#include "base/run.h"
#include "base/runnable.h"
#include "reload/service.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64
#define AFTER_MS 10000 /* for a program that must be killed, and for what it left to say */

struct command_config {
    char *command;
    char *command_as;
    int64_t timeout_s;
};

/* clang-format off */
static const struct option options[] = {
    {"command",    OPTION_TEXT, offsetof(struct command_config, command),    NULL, "the program, with its whole path, and its arguments, separated by blanks; one that has blanks in \"...\"; no shell reads it", NULL, 0, 0, true},
    {"command_as", OPTION_TEXT, offsetof(struct command_config, command_as), NULL, "the user as whom root runs it; default: that of run_as, else the owner of the state directory", NULL, 0, 0, false},
    {"timeout",    OPTION_SPAN, offsetof(struct command_config, timeout_s),  "2min", "how long it may take, then it is killed", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

struct command_session {
    const struct target *target;
    struct list words; /* of the command */
    char *program;     /* the first of them, without symbolic links; NULL before look() */
    uid_t user;        /* who runs it */
    const struct target_view *view;
    const X509 *leaf;
};

/* ---- the command's words ---- */

/* One word, the quotes taken off. NULL: a quote is not closed, or memory ran out. */
static const char *
read_word(const char *at, struct str *word)
{
    bool quoted = false;

    for (; *at != '\0' && (quoted || (*at != ' ' && *at != '\t')); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (!str_add(word, at, 1))
            return NULL;
    }
    return quoted ? NULL : at;
}

static bool
split(const char *command, struct list *words, struct err *e)
{
    const char *at = command == NULL ? "" : command;

    for (at += strspn(at, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        own_str struct str word = {0};

        at = read_word(at, &word);
        if (at == NULL)
            return err_set(e, ERR_CONFIG, "command: a quote is not closed in '%s'", command);
        if (!list_add(words, word.size == 0 ? "" : word.text))
            return err_memory(e);
    }
    if (words->count == 0 || words->items[0][0] != '/')
        return err_set(e, ERR_CONFIG,
                       "command: it begins with the whole path of a program, as in: "
                       "/usr/bin/systemctl reload NAME");
    return words->count <= ARGUMENTS_MAX ||
           err_set(e, ERR_CONFIG, "command: it has more than %d words", ARGUMENTS_MAX);
}

/* ---- who runs it ---- */

static bool
find_user(const struct target *t, uid_t *user, struct err *e)
{
    const struct command_config *c = t->config;
    const char *name = c->command_as != NULL ? c->command_as : t->service->run_as;
    const struct passwd *entry = name == NULL ? NULL : getpwnam(name);

    *user = entry == NULL ? geteuid() : entry->pw_uid;
    if (name != NULL && entry == NULL)
        return err_set(e, ERR_CONFIG, "there is no user '%s' here, who could run the command",
                       name);
    /* who keeps the files as himself need not name himself */
    if (c->command_as == NULL && !child_may_switch())
        *user = geteuid();
    return child_may_switch() || *user == geteuid() ||
           err_set(e, ERR_PERMISSION, "only root can run the command as user '%s'", name);
}

/* ---- its environment ---- */

/* What other clients call the files; the first form that this target has. */
static const struct {
    const char *name;
    enum form forms[3];
    size_t count;
} paths[] = {
    {"CERT_PATH", {FORM_LEAF, FORM_FULLCHAIN, FORM_COMBINED}, 3}, /* acme.sh */
    {"CERT_KEY_PATH", {FORM_KEY, FORM_COMBINED}, 2},
    {"CA_CERT_PATH", {FORM_CHAIN}, 1},
    {"CERT_FULLCHAIN_PATH", {FORM_FULLCHAIN, FORM_COMBINED}, 2},
    {"LEGO_CERT_PATH", {FORM_FULLCHAIN, FORM_LEAF, FORM_COMBINED}, 3}, /* lego 4 */
    {"LEGO_CERT_KEY_PATH", {FORM_KEY, FORM_COMBINED}, 2},
    {"LEGO_ISSUER_CERT_PATH", {FORM_CHAIN}, 1},
    {"LEGO_CERT_PEM_PATH", {FORM_COMBINED}, 1},
    {"LEGO_CERT_PFX_PATH", {FORM_PKCS12}, 1},
    {"LEGO_HOOK_CERT_PATH", {FORM_FULLCHAIN, FORM_LEAF, FORM_COMBINED}, 3}, /* lego 5 */
    {"LEGO_HOOK_CERT_KEY_PATH", {FORM_KEY, FORM_COMBINED}, 2},
    {"LEGO_HOOK_ISSUER_CERT_PATH", {FORM_CHAIN}, 1},
    {"LEGO_HOOK_CERT_PEM_PATH", {FORM_COMBINED}, 1},
    {"LEGO_HOOK_CERT_PFX_PATH", {FORM_PKCS12}, 1},
};

static const char *
path_of(const struct target_view *v, enum form form)
{
    for (size_t i = 0; i < v->file_count; i++)
        if (v->files[i].form == form)
            return v->files[i].path;
    return NULL;
}

static bool
set_paths(const struct target_view *v, struct list *environment)
{
    for (size_t i = 0; i < COUNT(paths); i++) {
        const char *path = NULL;

        for (size_t k = 0; path == NULL && k < paths[i].count; k++)
            path = path_of(v, paths[i].forms[k]);
        if (path != NULL && !run_set(environment, paths[i].name, path))
            return false;
    }
    return true;
}

/* Names of a certificate: letters, digits, "-.*:" and nothing else, or they are no names of hosts;
 * a program may do with them what it likes. */
static bool
add_name(struct str *all, const char *name, char separator)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.*:_";

    if (name[0] == '\0' || name[0] == '-' || name[strspn(name, good)] != '\0')
        return true;
    return (all->size == 0 || str_add(all, &separator, 1)) && str_add(all, name, strlen(name));
}

static bool
set_text(struct list *environment, const struct str *text, const char *const *names)
{
    for (size_t i = 0; text->size > 0 && names[i] != NULL; i++)
        if (!run_set(environment, names[i], text->text))
            return false;
    return true;
}

static bool
set_names(const X509 *leaf, struct list *environment)
{
    own_list struct list names = {0};
    own_str struct str spaced = {0};
    own_str struct str listed = {0};
    own_str struct str first = {0};
    bool good = cert_names(leaf, &names);

    for (size_t i = 0; good && i < names.count; i++)
        good = add_name(&spaced, names.items[i], ' ') && add_name(&listed, names.items[i], ',') &&
               (first.size > 0 || add_name(&first, names.items[i], ' '));
    return good &&
           set_text(environment, &spaced,
                    (const char *const[]){"RENEWED_DOMAINS", "PGCERT_NAMES", NULL}) &&
           set_text(environment, &listed, (const char *const[]){"LEGO_HOOK_CERT_DOMAINS", NULL}) &&
           set_text(environment, &first,
                    (const char *const[]){"PGCERT_CERTIFICATE", "Le_Domain", "LEGO_CERT_DOMAIN",
                                          "LEGO_HOOK_CERT_NAME", NULL});
}

static bool
fill_environment(const struct command_session *s, struct list *environment, struct err *e)
{
    const char *file = target_view_file(s->view);
    own_mem char *directory = str_format("%.*s", (int)(strrchr(file, '/') - file), file);
    char sha256[CERT_SHA256_TEXT];

    if (!cert_sha256(s->leaf, sha256, e))
        return false;
    /* of ours it gets these, so that nothing which was meant for us reaches it */
    return (directory != NULL && run_inherit(environment, "PATH") &&
            run_inherit(environment, "HOME") && run_inherit(environment, "LANG") &&
            run_set(environment, "PGCERT_TARGET", s->target->name) &&
            run_set(environment, "PGCERT_SHA256", sha256) &&
            run_set(environment, "RENEWED_LINEAGE", directory) && set_paths(s->view, environment) &&
            set_names(s->leaf, environment)) ||
           err_memory(e);
}

/* ---- running it ---- */

static bool
task_run(void *argument, struct str *answer, struct err *e)
{
    const struct command_session *s = argument;
    const struct command_config *c = s->target->config;
    const char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    own_list struct list environment = {0};
    own_run_result struct run_result result = {0};
    const struct run r = {.path = s->program,
                          .arguments = arguments,
                          .environment = &environment,
                          .timeout_ms = c->timeout_s * 1000};

    (void)answer;
    for (size_t i = 0; i < s->words.count; i++)
        arguments[i] = s->words.items[i];
    if (!fill_environment(s, &environment, e) || !run_program(&r, &result, e))
        return false;
    if (run_judge(&r, &result, e))
        return true;
    e->code = ERR_SYSTEM; /* ERR_NETWORK would say that the server is down */
    return false;
}

/* ---- the target ---- */

static bool
check(const struct target *t, struct err *e)
{
    const struct command_config *c = t->config;
    own_list struct list words = {0};

    return split(c->command, &words, e) &&
           (c->timeout_s > 0 || err_set(e, ERR_CONFIG, "timeout: it must be more than nothing"));
}

static void
close_session(void *session)
{
    struct command_session *s = session;

    list_done(&s->words);
    free(s->program);
    free(s);
}

static void *
open_session(const struct target *t, struct err *e)
{
    const struct command_config *c = t->config;
    struct command_session *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->target = t;
    if (split(c->command, &s->words, e))
        return s;
    close_session(s);
    return NULL;
}

/* Before anything is touched: a program that cannot be run would leave a new file behind that
 * nobody was told of. */
static bool
look(void *session, struct target_view *view, struct err *e)
{
    struct command_session *s = session;
    own_mem char *program = NULL;
    uid_t user = 0;

    (void)view;
    if (!find_user(s->target, &user, e) || !runnable_check(s->words.items[0], user, &program, e))
        return err_wrap(e, "command");
    /* only now: after a second look that failed, what was judged well before can still be run */
    free(s->program);
    s->program = TAKE(program);
    s->user = user;
    return true;
}

static void
announce(void *session, const struct target_view *view, const X509 *leaf)
{
    struct command_session *s = session;

    s->view = view;
    s->leaf = leaf;
}

static bool
reload(void *session, struct err *e)
{
    struct command_session *s = session;
    const struct command_config *c = s->target->config;
    own_str struct str nothing = {0};

    log_debug("running '%s' for target '%s' as user %u", s->program, s->target->name,
              (unsigned)s->user);
    return child_run_as(s->user, task_run, s, c->timeout_s * 1000 + AFTER_MS, &nothing, e);
}

static bool
needs_root(const struct target *t)
{
    const struct command_config *c = t->config;
    const char *name = c->command_as != NULL ? c->command_as : t->service->run_as;
    const struct passwd *entry = name == NULL ? NULL : getpwnam(name);

    return name == NULL || (entry != NULL && entry->pw_uid == 0);
}

const struct target_type target_command = {
    .name = "command",
    .options = options,
    .config_size = sizeof(struct command_config),
    .is_service = true,
    .needs_network = true,
    .needs_root = needs_root,
    .how = PROBE_TLS,
    .check = check,
    .open = open_session,
    .look = look,
    .announce = announce,
    .reload = reload,
    .close = close_session,
};
