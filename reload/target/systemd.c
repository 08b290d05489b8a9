/* systemd.c: a server that is a unit of systemd, which is told to reload it. */
#include "reload/target/systemd.h"

#include "reload/service.h"
#include "reload/target.h"

#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define UNIT_NAME_MAX 255

struct systemd_config {
    char *unit;
    bool restart;
    char *bus;
};

/* clang-format off */
static const struct option options[] = {
    {"unit",    OPTION_TEXT,   offsetof(struct systemd_config, unit),    NULL, "its name, as NAME.service or NAME", NULL, 0, 0, true},
    {"restart", OPTION_YES_NO, offsetof(struct systemd_config, restart), "no", "restart it instead, which ends its connections: for a server that reads its key only when it starts", NULL, 0, 0, false},
    {"bus",     OPTION_PATH,   offsetof(struct systemd_config, bus),     NULL, "socket of the D-Bus where systemd is; default: systemd's own for root, the system's bus for others", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

struct systemd_session {
    const struct target *target;
    char *unit; /* with its ending */
    struct systemd_bus *bus;
};

/* ---- looking ---- */

/* systemd.unit(5): letters, digits and :-_.\@ */
static bool
check(const struct target *t, struct err *e)
{
    const struct systemd_config *c = t->config;

    if (c->unit == NULL || strlen(c->unit) > UNIT_NAME_MAX - strlen(".service") ||
        c->unit[strspn(c->unit, LETTERS ":-_.\\@")] != '\0')
        return err_set(e, ERR_CONFIG, "unit: '%s' is not the name of a unit",
                       c->unit == NULL ? "" : c->unit);
    return c->bus == NULL || c->bus[0] == '/' ||
           err_set(e, ERR_CONFIG, "bus: '%s' is not an absolute path", c->bus);
}

static void
close_session(void *session)
{
    struct systemd_session *s = session;

    systemd_close(s->bus);
    free(s->unit);
    free(s);
}

static void *
open_session(const struct target *t, struct err *e)
{
    const struct systemd_config *c = t->config;
    struct systemd_session *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)err_memory(e);
        return NULL;
    }
    s->target = t;
    s->unit = str_format("%s%s", c->unit, strchr(c->unit, '.') == NULL ? ".service" : "");
    if (s->unit == NULL)
        (void)err_memory(e);
    else
        s->bus = systemd_open(c->bus, e);
    if (s->bus != NULL)
        return s;
    close_session(s);
    return NULL;
}

static bool
judge(const struct systemd_session *s, const struct systemd_unit *u, struct err *e)
{
    const struct systemd_config *c = s->target->config;

    if (strcmp(u->load, "loaded") != 0)
        return err_set(e, ERR_CONFIG,
                       "systemd has no unit '%s' that it could reload (it is '%s'); try: systemctl "
                       "list-units",
                       s->unit, u->load);
    if (strcmp(u->active, "active") != 0 && strcmp(u->active, "reloading") != 0 &&
        strcmp(u->active, "refreshing") != 0)
        return err_set(e, ERR_NETWORK, "unit '%s' does not run (it is '%s')", s->unit, u->active);
    return u->can_reload || c->restart ||
           err_set(e, ERR_CONFIG,
                   "unit '%s' cannot be reloaded: it has no ExecReload=, so systemd does not know "
                   "how its server reads its files again; say it by: systemctl edit %s; or, if it "
                   "may be restarted, set restart = yes",
                   s->unit, s->unit);
}

static bool
look(void *session, struct target_view *view, struct err *e)
{
    struct systemd_session *s = session;
    struct systemd_unit unit = {0};

    (void)view;
    return systemd_look(s->bus, s->unit, &unit, e) && judge(s, &unit, e);
}

/* ---- acting ---- */

static bool
reload(void *session, struct err *e)
{
    struct systemd_session *s = session;
    const struct systemd_config *c = s->target->config;

    return systemd_do(s->bus, c->restart ? "RestartUnit" : "ReloadUnit", s->unit,
                      s->target->service->prove_timeout_s * 1000, e);
}

const struct target_type target_systemd = {
    .name = "systemd",
    .options = options,
    .config_size = sizeof(struct systemd_config),
    .is_service = true,
    .how = PROBE_TLS,
    .check = check,
    .open = open_session,
    .look = look,
    .reload = reload,
    .close = close_session,
};
