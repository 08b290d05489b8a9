/* target.c: the kinds of servers, and a [target NAME] section of one. */
#include "reload/target.h"

#include <stdlib.h>
#include <string.h>

/* In order of name; target_type_words has the same order. */
static const struct target_type *const types[] = {
    &target_postgres,
};

const char *const target_type_words[] = {"postgres", NULL};

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

static bool
fill(struct target *t, const struct conf_section *s, struct err *e)
{
    const struct option *const tables[] = {target_options, t->type->options, NULL};

    if (!option_check_names(s, tables, e) || !option_bind(s, t->type->options, t->config, e))
        return false;
    return t->type->check(t, e) || err_wrap(e, "%s:%d: [target %s]", s->file, s->line, s->name);
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
    t->config = calloc(1, t->type->config_size);
    if (t->name == NULL || t->config == NULL) {
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
    free(t->config);
    free(t->name);
    free(t);
}

void
target_view_done(struct target_view *v)
{
    free(v->file);
    free(v->cert_file);
    free(v->key_file);
    free(v->clients_file);
    addresses_done(&v->addresses);
    *v = (struct target_view){.user = (uid_t)-1, .group = (gid_t)-1};
}
