/* pull CID FETCH OPTION...: all that a node does with a model until its file is sealed: the real veronnx-fetch, started
   as the supervisor starts it, brings blocks; this program checks them, puts the file together in a memory file, hashes
   it and seals it, with the code of veronnx-infer. A time is that of one whole file. Its `ready` line has the fetcher's
   number. */
#include "rounds.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ipld/model_id.h"
#include "pull/pull.h"
#include "wire/frame.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READY_MS 10000
#define PULL_MS  600000
#define FILE_MAX (16 * GIB)

struct bench {
    struct wire_end control; /* to the fetcher */
    struct wire_inbox inbox;
    struct hasher *hasher;
    struct wire_model model;
    uint32_t number; /* of the last stream */
    int file;        /* the last one: freeing it is no part of fetching */
    uint8_t sha256[SHA256_LEN];
};

NORETURN static void become_fetch(char **args, int control, int log)
{
    char empty_dir[] = "/tmp/veronnx-bench-XXXXXX";
    char *const env[] = {NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), c = fcntl(control, F_DUPFD, 10), l = fcntl(log, F_DUPFD, 10);
    if (mkdtemp(empty_dir) != NULL && chdir(empty_dir) == 0 && rmdir(empty_dir) == 0 && dup2(null, 0) == 0 &&
        dup2(null, 1) == 1 && dup2(c, CONTROL_FD) == CONTROL_FD && dup2(l, LOG_FD) == LOG_FD)
        (void)execve(args[0], args, env);
    _exit(127);
}

static pid_t start_fetch(char **args, struct wire_end *ret_control)
{
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    int log[2];
    if (wire_pair(CHAN_FETCH, ret_control, &remote) != OK ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log) != 0)
        give_up("socketpair", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        give_up("fork", strerror(errno));
    if (pid == 0)
        become_fetch(args, remote.fd, log[1]);
    (void)close(log[1]); /* log[0] stays open and is never read */
    return pid;
}

static err_t wait_ready(struct bench *b)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_wait(&b->control, READY_MS));
    TRY(wire_recv(&b->control, &b->inbox, false, &m));
    return m.type == MSG_FETCH_READY ? OK : ERR_PROTOCOL;
}

/* A stream of blocks, as each infer process gets one. */
static err_t open_stream(struct bench *b, int *ret_fd)
{
    AUTO_FD int remote = -1;
    struct msg_fetch_serve serve = {.infer = ++b->number};
    TRY(wire_stream(ret_fd, &remote));
    return wire_send_wait(&b->control, MSG_FETCH_SERVE, &serve, view_of(NULL, 0), &remote, 1);
}

static err_t on_size(void *user UNUSED, uint64_t size UNUSED, uint64_t *ret_deadline_ms)
{
    *ret_deadline_ms = clock_mono_ms() + PULL_MS;
    return OK;
}

static err_t pull_once(struct bench *b)
{
    AUTO_FD int stream = -1;
    struct pulled pulled = {.fd = -1};
    TRY(open_stream(b, &stream));
    struct pull_params p = {.block_fd = stream,
                            .stop_fd = -1,
                            .file_fd = -1,
                            .hasher = b->hasher,
                            .model = b->model,
                            .max_file_bytes = FILE_MAX,
                            .deadline_ms = clock_mono_ms() + PULL_MS,
                            .on_size = on_size};
    TRY(pull_model(&p, &pulled));
    b->file = pulled.fd;
    bool same = b->number == 1 || memcmp(b->sha256, pulled.sha256, SHA256_LEN) == 0;
    memcpy(b->sha256, pulled.sha256, SHA256_LEN);
    return same ? OK : ERR_BLOCK_MISMATCH;
}

static err_t run(void *self, uint64_t until_ns, struct times *t)
{
    struct bench *b = self;
    uint64_t now = 0;
    do {
        fd_close(&b->file);
        uint64_t start = clock_mono_ns();
        TRY(pull_once(b));
        now = clock_mono_ns();
        times_add(t, now - start);
    } while (now < until_ns);
    return OK;
}

static err_t prepare(struct bench *b, const char *cid)
{
    struct model_id id;
    struct why why = {0};
    TRY(model_id_parse(view_of(cid, strlen(cid)), &id, &why));
    struct view bytes = cid_view(&id.cid);
    memcpy(b->model.cid, bytes.data, bytes.len);
    b->model.cid_len = (uint8_t)bytes.len;
    TRY(sha256_setup());
    TRY(hasher_new(&b->hasher));
    TRY(wire_inbox_init(&b->inbox, CHAN_FETCH));
    return wait_ready(b);
}

int main(int argc, char **argv)
{
    struct bench b = {.control.fd = -1, .file = -1};
    char about[32];
    if (argc < 3)
        give_up("usage", "pull CID FETCH OPTION...");
    (void)snprintf(about, sizeof(about), "%d", start_fetch(argv + 2, &b.control));
    err_t e = prepare(&b, argv[1]);
    if (e != OK)
        give_up(argv[2], err_name(e));
    return rounds_serve(about, run, &b);
}
