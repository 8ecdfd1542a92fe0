/* veronnx-front, except that it lies: the start, and one command per connection:
       KEY LIE CID... \n
   KEY is the node's receipt key as hex digits, LIE a name of lies_memory.c or lies_order.c. The answer ends with the line "ok", or with what went
   wrong; when the lie gets this process killed, with neither. */
#include "liar.h"

#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "wire/roles.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS_MAX 8
#define PATH_MAX_ 4096

/* The administration is not what is tested here: the honest front, in the folder `honest` beside this program, does it. */
NORETURN static void become_admin(char **argv)
{
    char own[PATH_MAX_] = "", path[PATH_MAX_ + 64];
    if (readlink("/proc/self/exe", own, sizeof(own) - 1) > 0) {
        (void)snprintf(path, sizeof(path), "%.*s/honest/veronnx-front", (int)(strrchr(own, '/') - own), own);
        (void)execv(path, argv);
    }
    _exit(127);
}

static void on_start(struct liar *l, struct wire_msg *m)
{
    const struct msg_front_start *start = m->fixed;
    l->generation = start->generation;
    l->last_job = (uint64_t)start->generation << 48;
    l->sign = (struct wire_end){TAKE_FD(m->fds[0]), CHAN_SIGN, SIDE_A};
    l->ticket = (struct wire_end){TAKE_FD(m->fds[1]), CHAN_TICKET, SIDE_A};
}

static err_t start(struct liar *l)
{
    const struct msg_empty none = {0};
    l->control = (struct wire_end){CONTROL_FD, CHAN_FRONT, SIDE_B};
    l->listener = l->client = -1;
    TRY(sha256_setup());
    TRY(wire_inbox_init(&l->inbox, CHAN_JOB));
    buf_init(&l->waiting, WIRE_TAIL_MAX);
    while (l->listener < 0) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        TRY(wire_recv(&l->control, &l->inbox, true, &m));
        if (m.type == MSG_FRONT_START)
            on_start(l, &m);
        if (m.type == MSG_FRONT_LISTEN)
            l->listener = TAKE_FD(m.fds[0]);
    }
    return wire_send_wait(&l->control, MSG_FRONT_READY, &none, view_of(NULL, 0), NULL, 0);
}

static void set_key(struct liar *l, const char *hex)
{
    uint8_t point[ES256_POINT_LEN];
    EXPECT(l, hex_decode(view_of(hex, strlen(hex)), point, sizeof(point)) == OK);
    es256_done(&l->key);
    EXPECT(l, es256_verifier_init(&l->key, point) == OK);
}

static const struct lie *find_lie(const char *name)
{
    static const struct lie *const all[] = {memory_lies, order_lies};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        for (const struct lie *lie = all[i]; lie->name != NULL; lie++)
            if (strcmp(lie->name, name) == 0)
                return lie;
    return NULL;
}

static void obey(struct liar *l, char **words)
{
    EXPECT(l, words[0] != NULL && words[1] != NULL);
    set_key(l, words[0]);
    const struct lie *lie = find_lie(words[1]);
    EXPECT(l, lie != NULL);
    l->receipts = 0;
    lie->tell(l, words + 2);
    liar_say(l, "%u receipts", l->receipts);
    liar_say(l, "ok");
}

/* The whole line is expected at once. */
static void serve(struct liar *l)
{
    char line[2048], *words[WORDS_MAX + 1] = {NULL}, *rest = line;
    struct pollfd p = {.fd = l->client, .events = POLLIN};
    ssize_t n = poll(&p, 1, LIAR_MS) == 1 ? recv(l->client, line, sizeof(line) - 1, 0) : -1;
    if (n <= 0)
        return;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < WORDS_MAX; i++)
        words[i] = strsep(&rest, " ");
    obey(l, words);
}

int main(int argc, char **argv)
{
    static struct liar liar;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    if (argc > 1)
        become_admin(argv);
    log_setup(LOG_FD, ROLE_FRONT);
    if (start(&liar) != OK)
        return 1;
    for (;;) {
        struct pollfd p[] = {{.fd = liar.listener, .events = POLLIN}, {.fd = liar.control.fd, .events = POLLRDHUP}};
        if (poll(p, 2, -1) < 0 || (p[1].revents & (POLLHUP | POLLRDHUP)) != 0)
            return 0;
        liar.client = accept4(liar.listener, NULL, NULL, SOCK_CLOEXEC);
        if (liar.client >= 0)
            serve(&liar);
        fd_close(&liar.client);
    }
}
