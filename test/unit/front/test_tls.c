/* TLS against OpenSSL's own client, with a keeper that may misbehave, without files, and without memory. */
#include "front/tls.h"
#include "stand_in.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture {
    struct stand_in keeper;
    struct tls *tls;
    SSL_CTX *client;
    int late; /* signatures that came too late */
} f;

static err_t new_tls(void)
{
    return tls_new(&f.keeper.front, view_of(f.keeper.der, f.keeper.der_len), &f.tls);
}

static int begin(void **state)
{
    (void)state;
    stand_in_start(&f.keeper);
    f.client = SSL_CTX_new(TLS_client_method());
    assert_non_null(f.client);
    return 0;
}

static int begin_with_tls(void **state)
{
    assert_int_equal(begin(state), 0);
    assert_int_equal(new_tls(), OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tls_free(TAKE_PTR(f.tls));
    SSL_CTX_free(f.client);
    stand_in_stop(&f.keeper);
    return 0;
}

static void set_mood(enum stand_in_mood mood)
{
    atomic_store(&f.keeper.shared->mood, mood);
}

/* For signatures that came in time, or were not meant to. */
static int asked(void)
{
    return atomic_load(&f.keeper.shared->asked) - f.late;
}

/* ── a connection with both ends in this thread ── */

struct talk {
    int fds[2]; /* the client's, the server's */
    SSL *client;
    struct stream server;
    err_t opened;
};

static bool talk_begin(struct talk *t, SSL_SESSION *session)
{
    *t = (struct talk){.fds = {-1, -1}, .opened = ERR_WOULD_BLOCK};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, t->fds), 0);
    t->client = SSL_new(f.client);
    if (t->client == NULL || !SSL_set_fd(t->client, t->fds[0]) || tls_stream(f.tls, &t->server, t->fds[1]) != OK)
        return false;
    return session == NULL || SSL_set_session(t->client, session);
}

/* The handshake: true when both ends are content. */
static bool talk_open(struct talk *t)
{
    int client = 0;
    for (int i = 0; i < 6 && (client != 1 || t->opened != OK); i++) {
        client = SSL_connect(t->client);
        t->server.may_read = true;
        if (t->opened == ERR_WOULD_BLOCK)
            t->opened = t->server.ops->open(&t->server);
    }
    return client == 1 && t->opened == OK;
}

/* Some bytes each way. */
static bool talk_exchange(struct talk *t)
{
    static uint8_t room[STREAM_ROOM];
    size_t n = 0;
    t->server.may_read = true;
    if (SSL_write(t->client, "ping", 4) != 4 || t->server.ops->read(&t->server, room, sizeof(room), &n) != OK || n != 4)
        return false;
    if (t->server.ops->write(&t->server, view_of("pong!", 5), &n) != OK || n != 5)
        return false;
    return SSL_read(t->client, room, sizeof(room)) == 5 && memcmp(room, "pong!", 5) == 0;
}

/* Ends it; the client's session is the caller's when there is one. */
static SSL_SESSION *talk_end(struct talk *t)
{
    SSL_SESSION *session = t->client != NULL ? SSL_get1_session(t->client) : NULL;
    if (t->server.ops != NULL) {
        t->server.ops->finish(&t->server);
        t->server.ops->done(&t->server);
    }
    if (t->client != NULL)
        SSL_set_shutdown(t->client, SSL_SENT_SHUTDOWN);
    SSL_free(t->client);
    fd_close(&t->fds[0]);
    fd_close(&t->fds[1]);
    ERR_clear_error();
    return session;
}

static bool talk_all(struct talk *t, SSL_SESSION *session)
{
    assert_true(talk_begin(t, session));
    return talk_open(t) && talk_exchange(t);
}

/* As talk_all, for a new session. On a crowded machine an honest stand-in may be late, which takes all the time it has. */
static bool talk_patiently(struct talk *t)
{
    for (int i = 0; i < 50; i++) {
        uint64_t start = clock_mono_ms();
        if (talk_all(t, NULL))
            return true;
        if (clock_mono_ms() - start < SIGN_WAIT_MS)
            return false;
        f.late++;
        SSL_SESSION_free(talk_end(t));
        (void)usleep(SIGN_WAIT_MS * 1000);
    }
    return talk_all(t, NULL);
}

static SSL_SESSION *talk_once(SSL_SESSION *session, bool ok, bool resumed)
{
    struct talk t;
    assert_int_equal(ok && session == NULL ? talk_patiently(&t) : talk_all(&t, session), ok);
    if (ok) {
        assert_int_equal(SSL_version(t.client), TLS1_3_VERSION);
        assert_int_equal(SSL_session_reused(t.client), resumed);
    }
    return talk_end(&t);
}

/* ── tests ── */

static void test_handshakes(void **state)
{
    int before = asked();
    (void)state;
    for (int i = 0; i < 20; i++)
        SSL_SESSION_free(talk_once(NULL, true, false));
    assert_int_equal(asked() - before, 20);
}

static void test_groups_and_suites(void **state)
{
    static const struct {
        const char *groups;
        const char *suite;
        bool ok;
    } rows[] = {
        {"X25519", "TLS_AES_128_GCM_SHA256", true},      {"P-256", "TLS_AES_256_GCM_SHA384", true},
        {"P-384", "TLS_CHACHA20_POLY1305_SHA256", true}, {"P-521", "TLS_AES_128_GCM_SHA256", false},
        {"X25519", "TLS_AES_128_CCM_SHA256", false},     {"P-521:P-256", "TLS_AES_128_GCM_SHA256", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char groups[32];
        (void)strncpy(groups, rows[i].groups, sizeof(groups) - 1);
        groups[sizeof(groups) - 1] = '\0';
        assert_int_equal(SSL_CTX_ctrl(f.client, SSL_CTRL_SET_GROUPS_LIST, 0, groups), 1);
        assert_int_equal(SSL_CTX_set_ciphersuites(f.client, rows[i].suite), 1);
        SSL_SESSION_free(talk_once(NULL, rows[i].ok, false));
    }
}

/* A resumed handshake needs no signature. */
static void test_resumption(void **state)
{
    SSL_SESSION *session = talk_once(NULL, true, false);
    int before = asked();
    (void)state;
    for (int i = 0; i < 3; i++) {
        SSL_SESSION *next = talk_once(session, true, true);
        SSL_SESSION_free(session);
        session = next;
    }
    assert_int_equal(asked(), before);
    assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
    SSL_SESSION_free(session);
}

/* The session of a connection that was cut without a farewell can still be resumed. */
static void test_resumption_after_a_cut(void **state)
{
    struct talk t;
    (void)state;
    assert_true(talk_patiently(&t));
    SSL_SESSION *session = SSL_get1_session(t.client);
    t.server.ops->done(&t.server);
    SSL_SESSION_free(talk_end(&t));
    SSL_SESSION_free(talk_once(session, true, true));
    SSL_SESSION_free(session);
}

static void test_keeper_that_misbehaves(void **state)
{
    static const enum stand_in_mood moods[] = {MOOD_WRONG, MOOD_GARBAGE, MOOD_FOREIGN_ID, MOOD_SILENT};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(moods); i++) {
        uint64_t start = clock_mono_ms();
        set_mood(moods[i]);
        SSL_SESSION_free(talk_once(NULL, false, false));
        assert_true(clock_mono_ms() - start < 20 * SIGN_WAIT_MS);
    }
    set_mood(MOOD_HONEST);
    (void)usleep(SIGN_WAIT_MS * 1500);
    SSL_SESSION_free(talk_once(NULL, true, false));
}

static void test_start_with_a_bad_keeper(void **state)
{
    static const enum stand_in_mood moods[] = {MOOD_WRONG, MOOD_GARBAGE, MOOD_FOREIGN_ID, MOOD_SILENT};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(moods); i++) {
        struct stand_in k;
        struct tls *t = NULL;
        stand_in_start(&k);
        atomic_store(&k.shared->mood, moods[i]);
        assert_int_equal(tls_new(&k.front, view_of(k.der, k.der_len), &t), ERR_SELF_TEST);
        assert_null(t);
        assert_int_equal(k.front.fd, -1);
        stand_in_stop(&k);
    }
}

static void test_bad_certificates(void **state)
{
    struct stand_in other;
    uint8_t longer[2000] = {0};
    (void)state;
    stand_in_start(&other);
    memcpy(longer, f.keeper.der, f.keeper.der_len);
    const struct view certificates[] = {
        view_of(other.der, other.der_len), /* of another key than the keeper's */
        view_of(longer, f.keeper.der_len + 1),
        view_of(f.keeper.der, f.keeper.der_len - 1),
        view_of("", 0),
    };
    for (size_t i = 0; i < COUNT_OF(certificates); i++) {
        struct stand_in k;
        stand_in_start(&k);
        assert_int_equal(tls_new(&k.front, certificates[i], &f.tls), ERR_SELF_TEST);
        assert_null(f.tls);
        stand_in_stop(&k);
    }
    stand_in_stop(&other);
}

/* Once tls_new has succeeded, no file is ever opened and no other socket made. */
static void jail_self(void)
{
    static const int refused[] = {SCMP_SYS(open),       SCMP_SYS(openat),  SCMP_SYS(openat2), SCMP_SYS(stat),
                                  SCMP_SYS(newfstatat), SCMP_SYS(access),  SCMP_SYS(statx),   SCMP_SYS(connect),
                                  SCMP_SYS(execve),     SCMP_SYS(clone),   SCMP_SYS(fork),    SCMP_SYS(ioctl),
                                  SCMP_SYS(uname),      SCMP_SYS(readlink)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    assert_non_null(filter);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, refused[i], 0), 0);
    assert_int_equal(seccomp_load(filter), 0);
    seccomp_release(filter);
}

static void live_in_jail(void)
{
    static const char nonsense[] = "\x16\x03\x01\x00\x05nonsense";
    struct talk t;
    SSL_SESSION *session = NULL;
    jail_self();
    test_groups_and_suites(NULL);
    test_resumption(NULL);
    set_mood(MOOD_SILENT);
    SSL_SESSION_free(talk_once(NULL, false, false));
    assert_true(talk_begin(&t, NULL));
    assert_int_equal(send(t.fds[0], nonsense, sizeof(nonsense), 0), sizeof(nonsense));
    t.server.may_read = true;
    assert_int_equal(t.server.ops->open(&t.server), ERR_IO);
    session = talk_end(&t);
    SSL_SESSION_free(session);
}

static void test_in_jail(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        live_in_jail();
        _exit(7);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

/* Positive control: the filter bites. */
static void test_jail_bites(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        jail_self();
        _exit(access("/", 0));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* OpenSSL without memory is not to be relied on: the process must not go on. */
static void test_no_memory(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        mem_fail_after(100);
        SSL_SESSION_free(talk_once(NULL, true, false));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_with_tls, end)
    const struct CMUnitTest tests[] = {
        TEST(test_handshakes),
        TEST(test_groups_and_suites),
        TEST(test_resumption),
        TEST(test_resumption_after_a_cut),
        TEST(test_keeper_that_misbehaves),
        cmocka_unit_test(test_start_with_a_bad_keeper),
        cmocka_unit_test_setup_teardown(test_bad_certificates, begin, end),
        TEST(test_in_jail),
        cmocka_unit_test(test_jail_bites),
        TEST(test_no_memory),
    };
#undef TEST
    if (tls_setup() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
