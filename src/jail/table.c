/* The jail table. */
#include "jail/table.h"

#include "attest/nsm_ioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define CALL(name) SCMP_SYS(name), #name

/* The supervisor's filter is inherited by its children, so its column holds whatever one of them needs from exec on; so does
   the host's, for the fetcher. */
const struct jail_call jail_calls[] = {
    /*                                SUPER
                                      |CONFIG
                                      ||KEEPER
                                      |||FRONT
                                      ||||ADMIN
                                      |||||INFER_START
                                      ||||||INFER_LOAD
                                      |||||||INFER_RUN
                                      ||||||||INFER_PREPARE
                                      |||||||||FETCH
                                      ||||||||||NSM
                                      |||||||||||NSM_SIM
       memory                         ||||||||||||HOST */
    {CALL(brk),                      "+++++++++++++"},
    {CALL(mmap),                     "wddddwddddddw"},
    {CALL(mprotect),                 "wddddwddddddw"},
    {CALL(munmap),                   "+++++++++++++"},
    {CALL(madvise),                  "+++++++++++++"},
    {CALL(mremap),                   "++++++MMM++++"},
    {CALL(mlock),                    "+............"},
    {CALL(mlock2),                   "+............"},
    {CALL(memfd_create),             "ee.e.eeee...."},
    {CALL(ftruncate),                "++.+.++++...+"},

    /* this process and its threads */
    {CALL(exit),                     "+++++++++++++"},
    {CALL(exit_group),               "+++++++++++++"},
    {CALL(futex),                    "+++++++++++++"},
    {CALL(restart_syscall),          "+++++++++++++"},
    {CALL(rt_sigreturn),             "+++++++++++++"},
    {CALL(rt_sigprocmask),           "+++++++++++++"},
    {CALL(rt_sigaction),             "+.++++...+..+"},
    {CALL(sigaltstack),              "+++++++++++++"}, /* sanitizers look for it before a call that does not return */
    {CALL(getpid),                   "+++++++++++++"},
    {CALL(gettid),                   "+++++++++++++"},
    {CALL(tgkill),                   "+aaaaaaaaaaa+"},
    {CALL(clone),                    "p....t...t..p"},
    {CALL(clone3),                   "N....N...N..N"},
    {CALL(set_tid_address),          "+...........+"},
    {CALL(set_robust_list),          "+....+++++..+"},
    {CALL(rseq),                     "+....+++++..+"},
    {CALL(arch_prctl),               "+...........+"},
    {CALL(sched_yield),              "+++++++++++++"},
    {CALL(sched_getaffinity),        "+....+++++..+"},
    {CALL(sched_setaffinity),        "+....+......."},
    {CALL(prctl),                    "j....n......j"},
    {CALL(setpriority),              "+............"},
    {CALL(prlimit64),                "+.qqqq...q..+"},
    {CALL(getrusage),                "+............"},
    {CALL(sysinfo),                  "+NNNN+NNNNNN+"},
    {CALL(uname),                    "+..+++...+..+"},
    {CALL(getuid),                   "+....+......."},
    {CALL(geteuid),                  "+....+......."},
    {CALL(getgid),                   "+....+......."},
    {CALL(getegid),                  "+....+......."},

    /* time and randomness */
    {CALL(clock_gettime),            "+++++++++++++"},
    {CALL(clock_getres),             "+..++.......+"},
    {CALL(clock_nanosleep),          "+....++++...+"},
    {CALL(gettimeofday),             "+++++++++++++"},
    {CALL(getrandom),                "+++++++++++++"},

    /* descriptors */
    {CALL(read),                     "+++++++++++++"},
    {CALL(write),                    "+++++++++++++"},
    {CALL(readv),                    "++.+++...+..+"},
    {CALL(writev),                   "+++++++++++++"},
    {CALL(pread64),                  "+....++..+..+"},
    {CALL(pwrite64),                 "+....++......"},
    {CALL(lseek),                    "++...+...+..+"},
    {CALL(close),                    "+++++++++++++"},
    {CALL(close_range),              "+...........+"},
    {CALL(dup2),                     "+...........+"},
    {CALL(dup3),                     "+...........+"},
    {CALL(fcntl),                    "ccccccccccccc"},
    {CALL(flock),                    "+............"},
    {CALL(ioctl),                    "i..bb....gm.g"},
    {CALL(fstat),                    "+++++++++++++"},
    {CALL(newfstatat),               "+..AA+AAA+..+"},
    {CALL(stat),                     "+..AA+......+"},
    {CALL(lstat),                    "+..AA+......+"},
    {CALL(pipe2),                    "+..++.......+"},
    {CALL(eventfd2),                 "+..++....+..+"},
    {CALL(signalfd4),                "+...........+"},
    {CALL(poll),                     "+++++++++++++"},
    {CALL(ppoll),                    "+++++++++++++"},
    {CALL(epoll_create1),            "+.++++...+..+"},
    {CALL(epoll_ctl),                "+.++++++++..+"},
    {CALL(epoll_wait),               "+.++++++++..+"},
    {CALL(epoll_pwait),              "+.++++++++..+"},
    {CALL(io_uring_setup),           "N..NN....N..."},

    /* sockets */
    {CALL(sendmsg),                  "+++++++++++++"},
    {CALL(recvmsg),                  "+++++++++++++"},
    {CALL(sendto),                   "+..++....+..+"},
    {CALL(recvfrom),                 "+..++....+..+"},
    {CALL(sendmmsg),                 "+........+..+"},
    {CALL(accept4),                  "+..++.......+"},
    {CALL(shutdown),                 "+..++.......+"},
    {CALL(socketpair),               "u........u..u"},
    {CALL(socket),                   "f........s..f"},
    {CALL(bind),                     "+........+..+"},
    {CALL(listen),                   "+............"},
    {CALL(connect),                  "+........+..+"},
    {CALL(setsockopt),               "v..xx....r..v"},
    {CALL(getsockopt),               "y..yy....y..y"},
    {CALL(getsockname),              "+..++....+..+"},
    {CALL(getpeername),              "+..++....+..+"},

    /* paths */
    {CALL(openat),                   "+..AAoAAz+..+"},
    {CALL(open),                     "+...........+"}, /* sanitizers start with it */
    {CALL(access),                   "+..AA+......+"},
    {CALL(faccessat),                "+..AA+......+"},
    {CALL(faccessat2),               "+..AA+......+"},
    {CALL(readlink),                 "+..AA+......+"},
    {CALL(readlinkat),               "+..AA+......+"},
    {CALL(getcwd),                   "+....+......."},
    {CALL(getdents64),               "+....+...+..+"},
    {CALL(chdir),                    "+............"},
    {CALL(fchdir),                   "+...........+"},
    {CALL(mkdir),                    "+............"},
    {CALL(mkdirat),                  "+........+..+"},
    {CALL(unlink),                   "+............"},
    {CALL(unlinkat),                 "+........+..+"},
    {CALL(rename),                   "+............"},
    {CALL(renameat),                 "+........+..+"},
    {CALL(renameat2),                "+........+..+"},
    {CALL(fsync),                    "+............"},
    {CALL(fdatasync),                "+............"},
    {CALL(utimensat),                "+........+..+"},
    {CALL(umask),                    "+............"},

    /* other processes */
    {CALL(execve),                   "+...........+"},
    {CALL(vfork),                    "+...........+"},
    {CALL(wait4),                    "+...........+"},
    {CALL(waitid),                   "+...........+"},
    {CALL(kill),                     "k............"},
    {CALL(pidfd_open),               "+............"},
    {CALL(pidfd_send_signal),        "+............"},
    {CALL(getppid),                  "+............"},
    {CALL(setsid),                   "+............"},
    {CALL(setpgid),                  "+............"},

    /* jails: neither of them takes one back */
    {CALL(seccomp),                  "+....++.....+"},
    {CALL(landlock_create_ruleset),  "+...........+"},
    {CALL(landlock_add_rule),        "+...........+"},
    {CALL(landlock_restrict_self),   "+...........+"},
    {CALL(capget),                   "+...........+"},
    {CALL(capset),                   "+...........+"},
};
const size_t jail_n_calls = COUNT_OF(jail_calls);

const struct jail_refusal jail_refusals[] = {
    {'A', EACCES, "EACCES"},
    {'M', ENOMEM, "ENOMEM"},
    {'N', ENOSYS, "ENOSYS"},
};
const size_t jail_n_refusals = COUNT_OF(jail_refusals);

/* The kernel reads an `int` argument as its low half, whatever stands in the high one. */
#define INT      UINT32_MAX
#define INT_SIGN (UINT32_C(1) << 31)

#define NEW_NAMESPACES                                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
/* How the C++ library opens a file that it writes. Landlock leaves the infer rows none but their own memory files, which they reach
   through /proc/self/fd. */
#define MADE_ANEW      (O_WRONLY | O_CREAT | O_TRUNC)
#define MADE_ANEW_MASK (INT & ~(uint32_t)O_CLOEXEC)
#define SOCKET_TYPE (INT & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))

#define IS(arg, value)     {arg, INT, (uint32_t)(value)}
#define FCNTL(cmd)         {'c', SCMP_SYS(fcntl), #cmd, {IS(1, cmd)}}
#define IOCTL(cell, req)   {cell, SCMP_SYS(ioctl), #req, {IS(1, req)}}
#define PRCTL(cell, op)    {cell, SCMP_SYS(prctl), #op, {IS(0, op)}}
#define SOCKET(cell, family, type)                                                                                     \
    {cell, SCMP_SYS(socket), #family " " #type, {IS(0, family), {1, SOCKET_TYPE, type}}}
#define SETSOCKOPT(cell, lv, op) {cell, SCMP_SYS(setsockopt), #op, {IS(1, lv), IS(2, op)}}

const struct jail_rule jail_rules[] = {
    {'w', SCMP_SYS(mmap), "not PROT_EXEC", {{2, PROT_EXEC, 0}}},
    {'w', SCMP_SYS(mmap), "not PROT_WRITE", {{2, PROT_WRITE, 0}}},
    {'w', SCMP_SYS(mprotect), "not PROT_EXEC", {{2, PROT_EXEC, 0}}},
    {'w', SCMP_SYS(mprotect), "not PROT_WRITE", {{2, PROT_WRITE, 0}}},
    {'d', SCMP_SYS(mmap), "not PROT_EXEC", {{2, PROT_EXEC, 0}}},
    {'d', SCMP_SYS(mprotect), "not PROT_EXEC", {{2, PROT_EXEC, 0}}},
    {'e', SCMP_SYS(memfd_create), "MFD_CLOEXEC, MFD_ALLOW_SEALING", {IS(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)}},

    {'p', SCMP_SYS(clone), "no new namespace", {{0, NEW_NAMESPACES, 0}}},
    {'t', SCMP_SYS(clone), "a thread", {{0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD}}},
    {'a', SCMP_SYS(tgkill), "itself", {{0, INT, JAIL_OWN_PID}}},
    {'k', SCMP_SYS(kill), "a process or its own group", {{0, INT_SIGN, 0}}},
    {'q', SCMP_SYS(prlimit64), "ask about itself", {IS(0, 0), {2, UINT64_MAX, 0}}},

    PRCTL('n', PR_SET_NAME),
    PRCTL('j', PR_SET_NAME),
    PRCTL('j', PR_SET_PDEATHSIG),
    PRCTL('j', PR_SET_DUMPABLE),
    PRCTL('j', PR_SET_NO_NEW_PRIVS),
    PRCTL('j', PR_SET_SECUREBITS),
    PRCTL('j', PR_CAPBSET_DROP),
    PRCTL('j', PR_CAP_AMBIENT),

    FCNTL(F_DUPFD_CLOEXEC),
    FCNTL(F_GETFD),
    FCNTL(F_SETFD),
    FCNTL(F_GETFL),
    FCNTL(F_SETFL),
    FCNTL(F_ADD_SEALS),
    FCNTL(F_GET_SEALS),
    IOCTL('i', FIONBIO),
    IOCTL('i', FIONREAD),
    IOCTL('i', FIOCLEX),
    IOCTL('i', TCGETS),
    IOCTL('i', NSM_IOCTL_RAW),
    IOCTL('b', FIONBIO),
    IOCTL('g', FIONBIO),
    IOCTL('g', FIONREAD),
    IOCTL('m', NSM_IOCTL_RAW),
    {'o', SCMP_SYS(openat), "O_RDONLY", {{2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY}}},
    {'o', SCMP_SYS(openat), "O_WRONLY, O_CREAT, O_TRUNC", {{2, MADE_ANEW_MASK, MADE_ANEW}}},
    {'z', SCMP_SYS(openat), "O_WRONLY, O_CREAT, O_TRUNC", {{2, MADE_ANEW_MASK, MADE_ANEW}}},

    {'u', SCMP_SYS(socketpair), "AF_UNIX", {IS(0, AF_UNIX)}},
    SOCKET('f', AF_VSOCK, SOCK_STREAM),
    SOCKET('f', AF_UNIX, SOCK_STREAM),
    SOCKET('f', AF_INET, SOCK_STREAM),
    SOCKET('f', AF_INET6, SOCK_STREAM),
    SOCKET('f', AF_INET, SOCK_DGRAM),
    SOCKET('f', AF_INET6, SOCK_DGRAM),
    {'f', SCMP_SYS(socket), "AF_NETLINK route", {IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)}},
    SOCKET('s', AF_INET, SOCK_STREAM),
    SOCKET('s', AF_INET6, SOCK_STREAM),
    SOCKET('s', AF_INET, SOCK_DGRAM),
    SOCKET('s', AF_INET6, SOCK_DGRAM),
    {'s', SCMP_SYS(socket), "AF_NETLINK route", {IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)}},
    SETSOCKOPT('v', SOL_SOCKET, SO_REUSEADDR),
    SETSOCKOPT('v', SOL_SOCKET, SO_SNDBUF),
    SETSOCKOPT('v', SOL_SOCKET, SO_TIMESTAMPNS),
    SETSOCKOPT('v', IPPROTO_IPV6, IPV6_V6ONLY),
    SETSOCKOPT('v', IPPROTO_TCP, TCP_NODELAY),
    SETSOCKOPT('v', IPPROTO_IP, IP_RECVERR),
    SETSOCKOPT('v', IPPROTO_IPV6, IPV6_RECVERR),
    SETSOCKOPT('x', IPPROTO_TCP, TCP_NODELAY),
    SETSOCKOPT('r', IPPROTO_TCP, TCP_NODELAY),
    SETSOCKOPT('r', IPPROTO_IP, IP_RECVERR),
    SETSOCKOPT('r', IPPROTO_IPV6, IPV6_RECVERR),
    {'y', SCMP_SYS(getsockopt), "SOL_SOCKET", {IS(1, SOL_SOCKET)}},
};
const size_t jail_n_rules = COUNT_OF(jail_rules);

/* Nobody can send a descriptor while more than RLIMIT_NOFILE of them are on their way between processes of the same user,
   whichever these are, so who sends one has room for those of others. */
#define LIMIT(resource, max) {resource, #resource, max}

const struct jail_traits jail_traits[JAIL_ROWS_] = {
    [JAIL_SUPER] = {.name = "super",
                    .after = JAIL_ROWS_,
                    .limits = {LIMIT(RLIMIT_NOFILE, 65536)},
                    .capabilities = UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_SYS_NICE,
                    .tcp_bind = true,
                    .tcp_connect = true},
    [JAIL_CONFIG] = {.name = "config",
                     .after = JAIL_ROWS_,
                     .limits = {LIMIT(RLIMIT_NOFILE, 1024), LIMIT(RLIMIT_NPROC, 0), LIMIT(RLIMIT_DATA, 64 * MIB)}},
    [JAIL_KEEPER] = {.name = "keeper",
                     .after = JAIL_ROWS_,
                     .limits = {LIMIT(RLIMIT_NOFILE, 1024), LIMIT(RLIMIT_NPROC, 0), LIMIT(RLIMIT_DATA, 256 * MIB)}},
    [JAIL_FRONT] = {.name = "front",
                    .after = JAIL_ROWS_,
                    .limits = {LIMIT(RLIMIT_NOFILE, 32768), LIMIT(RLIMIT_NPROC, 0)}},
    [JAIL_ADMIN] = {.name = "admin",
                    .after = JAIL_ROWS_,
                    .limits = {LIMIT(RLIMIT_NOFILE, 256), LIMIT(RLIMIT_NPROC, 0), LIMIT(RLIMIT_DATA, 256 * MIB)}},
    [JAIL_INFER_START] = {.name = "infer start",
                          .after = JAIL_ROWS_,
                          .environment = {"ORT_DISABLE_TELEMETRY=1", "LOCPATH"},
                          .limits = {LIMIT(RLIMIT_NOFILE, 1024)}},
    [JAIL_INFER_LOAD] = {.name = "infer load", .after = JAIL_INFER_START},
    [JAIL_INFER_RUN] = {.name = "infer run", .after = JAIL_INFER_LOAD},
    [JAIL_INFER_PREPARE] = {.name = "infer prepare", .after = JAIL_INFER_START},
    [JAIL_FETCH] = {.name = "fetch",
                    .after = JAIL_ROWS_,
                    .limits = {LIMIT(RLIMIT_NOFILE, 1024), LIMIT(RLIMIT_DATA, 512 * MIB)},
                    .tcp_connect = true},
    [JAIL_NSM] = {.name = "nsm",
                  .after = JAIL_ROWS_,
                  .limits = {LIMIT(RLIMIT_NOFILE, 64), LIMIT(RLIMIT_NPROC, 0), LIMIT(RLIMIT_DATA, 16 * MIB)}},
    [JAIL_NSM_SIM] = {.name = "nsm sim",
                      .after = JAIL_ROWS_,
                      .limits = {LIMIT(RLIMIT_NOFILE, 64), LIMIT(RLIMIT_NPROC, 0), LIMIT(RLIMIT_DATA, 64 * MIB)}},
    [JAIL_HOST] = {.name = "host", .after = JAIL_ROWS_, .limits = {LIMIT(RLIMIT_NOFILE, 65536)}, .tcp_connect = true},
};

const struct jail_refusal *jail_refusal(char cell)
{
    for (size_t i = 0; i < jail_n_refusals; i++)
        if (jail_refusals[i].cell == cell)
            return &jail_refusals[i];
    return NULL;
}
