/* confine.c: Landlock first, for making its rules takes system calls that the filter refuses. */
#include "base/confine.h"

/* Shared secrets (/etc/shadow, /etc/ssl/private, host keys) are not among them. */
/* clang-format off */
static const char *const system_paths[] = {
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/gai.conf", "/etc/gnutls",
    "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.preload",
    "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/pki/ca-trust", "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/protocols", "/etc/resolv.conf",
    "/etc/services", "/etc/ssl/cert.pem", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/run/systemd/resolve", "/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup",
    NULL,
};
/* clang-format on */

bool
confine_add_system(struct list *read)
{
    for (size_t i = 0; system_paths[i] != NULL; i++)
        if (!list_add(read, system_paths[i]))
            return false;
    return true;
}

bool
confine_enter(const struct confine *c, struct err *e)
{
    (void)syscalls_can(); /* loads libseccomp, as long as libraries may be opened */
    return landlock_enter(&c->files, e) && syscalls_enter(c->what, e);
}
