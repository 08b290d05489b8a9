/* syscalls.c: lists of system calls, and a filter made of them. */
#include "base/syscalls.h"

#include "base/lazy.h"
#include "base/log.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <seccomp.h>

/* Loaded when a process is restricted: a run with nothing due has none of these. */
static struct {
    __typeof__(&seccomp_init) init;
    __typeof__(&seccomp_release) release;
    __typeof__(&seccomp_attr_set) attr_set;
    __typeof__(&seccomp_rule_add_array) rule_add;
    __typeof__(&seccomp_syscall_resolve_name) resolve_name;
    __typeof__(&seccomp_load) load;
    __typeof__(&seccomp_version) version;
} seccomp;

static const struct lazy_symbol symbols[] = {
    {"seccomp_init", &seccomp.init},
    {"seccomp_release", &seccomp.release},
    {"seccomp_attr_set", &seccomp.attr_set},
    {"seccomp_rule_add_array", &seccomp.rule_add},
    {"seccomp_syscall_resolve_name", &seccomp.resolve_name},
    {"seccomp_load", &seccomp.load},
    {"seccomp_version", &seccomp.version},
    {NULL, NULL},
};

static void *library;

/* clang-format off */
/* ---- the lists; a name that an architecture or libseccomp does not know is passed over ---- */

/* Files, memory, time, threads, and descriptors that are there. */
static const char *const plain[] = {
    "_llseek", "access", "arch_prctl", "brk", "capget", "capset", "chdir", "chmod", "chown",
    "clock_getres", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
    "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
    "epoll_wait", "eventfd2", "exit", "exit_group", "faccessat", "faccessat2", "fadvise64",
    "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl",
    "fcntl64", "fdatasync", "fgetxattr", "flock", "fstat", "fstat64", "fstatat64", "fstatfs",
    "fsync", "ftruncate", "futex", "futex_time64", "futex_waitv", "getcwd", "getdents",
    "getdents64", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid",
    "getppid", "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage",
    "getsid", "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid", "getxattr",
    "kill", "lgetxattr", "link", "linkat", "lseek", "lstat", "lstat64", "madvise", "membarrier",
    "memfd_create", "mincore", "mkdir", "mkdirat", "mlock", "mlock2", "mmap", "mmap2", "mprotect",
    "mremap", "mseal", "msync", "munlock", "munmap", "nanosleep", "newfstatat", "open", "openat",
    "openat2", "pause", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "prctl", "pread64",
    "preadv", "preadv2", "prlimit64", "pselect6", "pselect6_time64", "pwrite64", "pwritev",
    "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "recv", "recvfrom",
    "recvmsg", "rename", "renameat", "renameat2", "restart_syscall", "rmdir", "rseq",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_yield", "select", "send", "sendfile",
    "sendfile64", "sendmsg", "sendto", "set_robust_list", "set_tid_address", "setgroups", "setrlimit",
    "shutdown", "sigaltstack", "signalfd4", "stat", "stat64", "statfs", "statfs64", "statx",
    "symlink", "symlinkat", "sync_file_range", "syncfs", "sysinfo", "tgkill", "time",
    "timerfd_create", "timerfd_gettime", "timerfd_settime", "times", "tkill", "truncate", "ugetrlimit",
    "umask", "uname", "unlink", "unlinkat", "utimensat", "utimensat_time64", "wait4", "waitid",
    "waitpid", "write", "writev", NULL,
};

/* Connections, and the processes that resolve names or answer strangers beside us. */
static const char *const network[] = {
#ifdef __SANITIZE_ADDRESS__
    "ptrace",
#endif
    "accept", "accept4", "bind", "connect", "fork", "getpeername", "listen",
    "pidfd_open", "pidfd_send_signal", "recvmmsg", "sendmmsg", "setresgid",
    "setresuid", "setsockopt", "socketpair", "vfork", NULL,
};

/* What nothing that is restricted ever needs, whatever program it is: others' memory, the machine,
 * other users, mounts, namespaces (there it would be root), and interfaces of the kernel in which
 * too many ways around were found. */
static const char *const dangerous[] = {
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime",
    "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick",
    "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl",
    "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind",
    "migrate_pages", "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at",
    "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd",
    "pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev",
#ifndef __SANITIZE_ADDRESS__ /* which looks for leaks as a tracer */
    "ptrace",
#endif
    "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname", "setfsgid", "setfsuid",
    "sethostname", "setns", "settimeofday", "stime", "swapoff", "swapon", "syslog", "umount",
    "umount2", "unshare", "userfaultfd", "uselib", "ustat", "vhangup", "vm86", "vm86old", NULL,
};

static const char *const another_program[] = {
    "execve", "execveat", "setgid", "setregid", "setreuid", "setuid", NULL,
};

/* clang-format on */

/* Of ioctl(2): nothing of a terminal but its size, for who may type there (TIOCSTI) is its user;
 * and the number of an interface, for addresses as fe80::1%eth0. */
static const unsigned long controls[] = {FIONBIO, FIONREAD,   FIOCLEX,      FIONCLEX,
                                         TCGETS,  TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME};
static const unsigned long typing[] = {TIOCSTI, TIOCLINUX};

#define FAMILIES_MAX 4

static const struct kind {
    const char *const *allowed[2]; /* NULL: all that is not refused */
    const char *const *refused[2];
    int families[FAMILIES_MAX]; /* of new sockets; 0 ends them */
    bool has_processes;
} kinds[] = {
    [SYSCALLS_FILES] = {{plain}, {dangerous, another_program}, {0}, false},
    [SYSCALLS_LOCAL] = {{NULL}, {dangerous, another_program}, {AF_UNIX}, true},
    [SYSCALLS_NETWORK] = {{plain, network},
                          {dangerous, another_program},
                          {AF_INET, AF_INET6, AF_NETLINK},
                          true},
    [SYSCALLS_PROGRAMS] = {{NULL}, {dangerous}, {AF_INET, AF_INET6, AF_NETLINK, AF_UNIX}, true},
};

/* ---- rules ---- */

#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

static bool
add(scmp_filter_ctx filter, uint32_t action, const char *name, const struct scmp_arg_cmp *when,
    unsigned count)
{
    int number = seccomp.resolve_name(name);

    return number == __NR_SCMP_ERROR || seccomp.rule_add(filter, action, number, count, when) == 0;
}

static bool
add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        if (!add(filter, action, names[i], NULL, 0))
            return false;
    return true;
}

/* clone3(2) hides its flags from filters, and the C library goes back to clone(2) without it. */
static bool
add_processes(scmp_filter_ctx filter, bool is_list)
{
    const struct scmp_arg_cmp outside = SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0);

    if (is_list)
        return add(filter, SCMP_ACT_ALLOW, "clone", &outside, 1);
    for (uint64_t flag = 1; flag <= NAMESPACES; flag <<= 1) {
        const struct scmp_arg_cmp inside = SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag);

        if ((flag & NAMESPACES) != 0 && !add(filter, SCMP_ACT_ERRNO(EPERM), "clone", &inside, 1))
            return false;
    }
    return add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL, 0);
}

static bool
is_among(const int *families, int family)
{
    for (size_t i = 0; i < FAMILIES_MAX && families[i] != 0; i++)
        if (families[i] == family)
            return true;
    return false;
}

/* In a list what is wanted is allowed, else what is not wanted is refused. */
static bool
add_families(scmp_filter_ctx filter, const struct kind *k, bool is_list)
{
    uint32_t action = is_list ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);

    if (k->families[0] == 0)
        return add(filter, SCMP_ACT_ERRNO(EPERM), "socket", NULL, 0);
    for (int family = 1; family < AF_MAX; family++) {
        /* the kernel looks at its lower half only */
        const struct scmp_arg_cmp is =
            SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)family);

        if (is_among(k->families, family) == is_list && !add(filter, action, "socket", &is, 1))
            return false;
    }
    return true;
}

static bool
add_controls(scmp_filter_ctx filter, bool is_list)
{
    uint32_t action = is_list ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
    const unsigned long *requests = is_list ? controls : typing;

    for (size_t i = 0; i < (is_list ? COUNT(controls) : COUNT(typing)); i++) {
        /* the kernel looks at its lower half only */
        const struct scmp_arg_cmp is = SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]);

        if (!add(filter, action, "ioctl", &is, 1))
            return false;
    }
    return true;
}

static bool
fill(scmp_filter_ctx filter, const struct kind *k)
{
    bool is_list = k->allowed[0] != NULL;

    for (size_t i = 0; i < COUNT(k->allowed); i++)
        if (!add_all(filter, SCMP_ACT_ALLOW, k->allowed[i]) ||
            !add_all(filter, SCMP_ACT_ERRNO(EPERM), k->refused[i]))
            return false;
    return (!k->has_processes || add_processes(filter, is_list)) &&
           add_families(filter, k, is_list) && add_controls(filter, is_list);
}

/* ---- the whole ---- */

bool
syscalls_kernel_can(void)
{
    uint32_t action = SECCOMP_RET_ERRNO;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0;
}

bool
syscalls_can(void)
{
    struct err ignored = {0};

    return syscalls_kernel_can() && lazy_load(&library, "libseccomp.so.2", symbols, &ignored);
}

const char *
syscalls_library(void)
{
    static char text[32];
    struct err ignored = {0};
    const struct scmp_version *v = NULL;

    if (!lazy_load(&library, "libseccomp.so.2", symbols, &ignored))
        return NULL;
    v = seccomp.version();
    (void)snprintf(text, sizeof(text), "%u.%u.%u", v->major, v->minor, v->micro);
    return text;
}

bool
syscalls_enter(enum syscalls what, struct err *e)
{
    const struct kind *k = &kinds[what];
    scmp_filter_ctx filter = NULL;
    int status = -ENOMEM;

    if (!syscalls_can()) {
        log_debug("system calls are not filtered: the kernel cannot, or libseccomp is not here");
        return true;
    }
    filter = seccomp.init(k->allowed[0] == NULL ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS));
    if (filter != NULL) {
        /* a binary tree: one look costs little, whatever the length of the list */
        (void)seccomp.attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        (void)seccomp.attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
        status = fill(filter, k) ? seccomp.load(filter) : -EINVAL;
        seccomp.release(filter);
    }
    errno = -status;
    return status == 0 || err_errno(e, "filter system calls");
}
