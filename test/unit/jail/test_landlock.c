/* What a jail lets a process open, change, execute and reach. File system: in the supervisor's row, whose filter lets
   the calls through. Network and signals: by the Landlock step alone, since the filters would kill before it is asked.
   */
#include "base/fd.h"
#include "jail/steps.h"
#include "jailed.h"


#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* A tree with a file in each directory; names are relative to it. */
static char tree[64];
static const char *const dirs[] = {"ro", "rw", "outside"};
static const char *const files[] = {"ro/file", "rw/file", "outside/file", "outside/single"};

static const char *in_tree(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % COUNT_OF(paths)];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", tree, name);
    return path;
}

static int make_tree(void **state)
{
    (void)snprintf(tree, sizeof(tree), "/tmp/jail-tree-XXXXXX");
    if (make_empty_dir(state) != 0 || mkdtemp(tree) == NULL)
        return -1;
    for (size_t i = 0; i < COUNT_OF(dirs); i++)
        if (mkdir(in_tree(dirs[i]), 0755) != 0)
            return -1;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        int fd = open(in_tree(files[i]), O_WRONLY | O_CREAT, 0755);
        if (fd < 0 || dprintf(fd, "#!/bin/true\n") < 0)
            return -1;
        close(fd);
    }
    return 0;
}

static int remove_tree(void **state)
{
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (unlink(in_tree(files[i])) != 0)
            return -1;
    for (size_t i = 0; i < COUNT_OF(dirs); i++)
        if (rmdir(in_tree(dirs[i])) != 0)
            return -1;
    return rmdir(tree) == 0 ? remove_empty_dir(state) : -1;
}

static long landlock_abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* Paths that stay valid whichever way the tree is called. */
static void enter_tree(void)
{
    const char *const read_only[] = {in_tree("ro"), in_tree("missing"), in_tree("outside/single"), NULL};
    const char *const read_write[] = {in_tree("rw"), "/dev/null", NULL};
    const char *const exec[] = {"/usr/bin/true", "/lib", "/lib64", "/usr/lib", NULL};
    struct jail_paths paths = {.read_only = read_only,
                               .read_write = read_write,
                               .exec = exec,
                               .empty_dir = empty_dir,
                               .keep_fds = standard_fds,
                               .n_keep_fds = COUNT_OF(standard_fds)};
    CHECK(jail_enter(JAIL_SUPER, &paths, NULL) == OK);
}

/* 0 or the errno of an attempt to open. */
static int try_open(const char *path, int flags)
{
    AUTO_FD int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : errno;
}

static int error_of(int rc)
{
    return rc == 0 ? 0 : errno;
}

static void body_read_only(UNUSED void *arg)
{
    bool truncation = landlock_abi() >= 3;
    enter_tree();
    CHECK(try_open(in_tree("ro/file"), O_RDONLY) == 0);
    CHECK(try_open(in_tree("ro"), O_RDONLY | O_DIRECTORY) == 0);
    CHECK(try_open(in_tree("outside/single"), O_RDONLY) == 0);
    CHECK(try_open(in_tree("ro/file"), O_WRONLY) == EACCES);
    CHECK(try_open(in_tree("ro/new"), O_RDWR | O_CREAT) == EACCES);
    CHECK(!truncation || try_open(in_tree("ro/file"), O_RDONLY | O_TRUNC) == EACCES);
    CHECK(error_of(unlink(in_tree("ro/file"))) == EACCES);
    CHECK(error_of(mkdir(in_tree("ro/dir"), 0700)) == EACCES);
    CHECK(error_of(rename(in_tree("ro/file"), in_tree("ro/other"))) == EACCES);
}

static void body_read_write(UNUSED void *arg)
{
    enter_tree();
    CHECK(try_open(in_tree("rw/new"), O_RDWR | O_CREAT | O_EXCL) == 0);
    CHECK(try_open(in_tree("rw/new"), O_WRONLY | O_TRUNC) == 0);
    CHECK(mkdir(in_tree("rw/dir"), 0700) == 0);
    CHECK(rename(in_tree("rw/new"), in_tree("rw/dir/newer")) == 0);
    CHECK(error_of(rename(in_tree("rw/dir/newer"), in_tree("ro/newer"))) == EACCES);
    CHECK(error_of(rename(in_tree("rw/dir/newer"), in_tree("outside/newer"))) == EACCES);
    CHECK(unlink(in_tree("rw/dir/newer")) == 0);
    CHECK(unlinkat(AT_FDCWD, in_tree("rw/dir"), AT_REMOVEDIR) == 0);
}

static void body_outside(UNUSED void *arg)
{
    enter_tree();
    CHECK(try_open(in_tree("outside/file"), O_RDONLY) == EACCES);
    CHECK(try_open(in_tree("outside/single"), O_WRONLY) == EACCES);
    CHECK(try_open(in_tree("outside"), O_RDONLY | O_DIRECTORY) == EACCES);
    CHECK(try_open(in_tree("rw/../outside/file"), O_RDONLY) == EACCES);
    CHECK(try_open("/etc/passwd", O_RDONLY) == EACCES);
    CHECK(try_open("/proc/self/environ", O_RDONLY) == EACCES);
    CHECK(try_open(empty_dir, O_RDONLY | O_DIRECTORY) == EACCES);
    CHECK(try_open("new", O_RDWR | O_CREAT) == EACCES);
}

static void body_execute(UNUSED void *arg)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    char *const none[] = {NULL};
    enter_tree();
    CHECK(error_of(execve("/usr/bin/false", argv, none)) == EACCES);
    CHECK(error_of(execve(in_tree("ro/file"), argv, none)) == EACCES);
    CHECK(error_of(execve(in_tree("rw/file"), argv, none)) == EACCES);
    (void)execve("/usr/bin/true", argv, none);
    _exit(1);
}

static void body_device(UNUSED void *arg)
{
    char buffer[64];
    enter_tree();
    AUTO_FD int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(error_of(ioctl(fd, TCGETS, buffer)) == EACCES);
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(child_status(body_read_only, NULL), 0);
    assert_int_equal(child_status(body_read_write, NULL), 0);
    assert_int_equal(child_status(body_outside, NULL), 0);
    assert_int_equal(child_status(body_execute, NULL), 0);
}

static void test_devices(void **state)
{
    (void)state;
    if (landlock_abi() < 5)
        skip();
    assert_int_equal(child_status(body_device, NULL), 0);
}

/* The Landlock step of a row, without its filter. */
static void restrict_as(enum jail_row row)
{
    struct jail_paths nothing = {0};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(jail_landlock(row, &nothing) == OK);
}

static void body_tcp(void *arg)
{
    enum jail_row row = *(const enum jail_row *)arg;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_FD int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener >= 0 && client >= 0);
    restrict_as(row);
    CHECK(error_of(bind(listener, (struct sockaddr *)&local, sizeof(local))) == (row == JAIL_SUPER ? 0 : EACCES));
    local.sin_port = htons(9);
    CHECK(error_of(connect(client, (struct sockaddr *)&local, sizeof(local))) ==
          (row == JAIL_SUPER || row == JAIL_FETCH || row == JAIL_HOST ? ECONNREFUSED : EACCES));
}

static void test_tcp(void **state)
{
    (void)state;
    if (landlock_abi() < 4)
        skip();
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
        assert_int_equal(child_status(body_tcp, &row), 0);
}

static void body_scope(UNUSED void *arg)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0veronnx jail test"};
    AUTO_FD int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_FD int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(listener, 1) == 0);
    CHECK(kill(getppid(), 0) == 0);
    restrict_as(JAIL_SUPER);
    CHECK(error_of(connect(client, (struct sockaddr *)&name, sizeof(name))) == EPERM);
    CHECK(error_of(kill(getppid(), 0)) == EPERM);
    CHECK(kill(getpid(), 0) == 0);
}

static void test_scope(void **state)
{
    (void)state;
    if (landlock_abi() < 6)
        skip();
    assert_int_equal(child_status(body_scope, NULL), 0);
}

/* The one call that a preparer has more than a process that runs: what it reaches with it is its own memory file, and neither a file, nor
   a new one, nor what another process has. */
static void body_preparer(UNUSED void *arg)
{
    const int how = O_WRONLY | O_CREAT | O_TRUNC;
    char own[64], parents[64];
    int fd = -1, sealed = -1, parent = (int)getppid();
    enter(JAIL_INFER_PREPARE);
    CHECK(memfd_new("prepared", 0, &fd) == OK && memfd_new("sealed", 7, &sealed) == OK);
    CHECK(memfd_seal(sealed, SEALS_FILE) == OK);
    (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
    int again = open(own, how, 0666);
    CHECK(again >= 0 && write(again, "x", 1) == 1);
    (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", sealed);
    CHECK(error_of(open(own, how, 0666)) == EPERM);
    (void)snprintf(parents, sizeof(parents), "/proc/%d/fd/1", parent);
    CHECK(open(parents, how, 0666) < 0);
    (void)snprintf(parents, sizeof(parents), "/proc/%d/mem", parent);
    CHECK(open(parents, how, 0666) < 0);
    const char *const names[] = {in_tree("rw/file"), in_tree("outside/file"), in_tree("rw/new"), "/proc/self/mem",
                                 "/proc/self/oom_score_adj"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        CHECK(error_of(open(names[i], how, 0666)) == EACCES);
}

static void test_preparer(void **state)
{
    (void)state;
    assert_int_equal(child_status(body_preparer, NULL), 0);
    assert_int_equal(access(in_tree("rw/new"), F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_preparer),
    };
    return cmocka_run_group_tests_name("jail landlock", tests, make_tree, remove_tree);
}
