/* A fetcher that says what the input says. The file that is pulled is one block; whatever comes: no error but those
   that pull.h names, and when it ends well, the file. */
#include "pull/pull.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ipld/build.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (64 * KIB) /* fits the socket, so that nobody need read at the same time */
#define CONTENT   "hello world\n"

static const char *expected_sha256(void)
{
    /* sha256sum */
    return "\xa9\x48\x90\x4f\x2f\x0f\x47\x9b\x8f\x81\x97\x69\x4b\x30\x18\x4b\x0d\x2e\xd1\xc1\xcd\x2a\x1e\xc0\xfb\x85"
           "\xd2\x99"
           "\xa1\x92\xa4\x47";
}

static err_t on_size(void *user, uint64_t size, uint64_t *ret_deadline_ms)
{
    (void)user;
    assert(size == strlen(CONTENT));
    *ret_deadline_ms = clock_mono_ms() + 10000;
    return OK;
}

static err_t ignore_block(void *user, const struct cid *cid, struct view bytes)
{
    (void)user;
    (void)cid;
    (void)bytes;
    return OK;
}

/* In one dag-pb block, as `ipfs add` names it. */
static struct cid root_of_content(void)
{
    struct build *build = NULL;
    struct cid root;
    uint64_t size = 0;
    err_t e = build_new(0, &(struct build_sink){NULL, ignore_block}, &build);
    assert(e == OK);
    e = build_push(build, view_of(CONTENT, strlen(CONTENT)));
    assert(e == OK);
    e = build_finish(build, &root, &size);
    assert(e == OK);
    build_free(&build);
    return root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hasher *hasher;
    struct cid root = root_of_content();
    struct pulled pulled = {.fd = -1};
    int fds[2];
    err_t e = hasher == NULL ? hasher_new(&hasher) : OK;
    int made = socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    assert(e == OK && made == 0);
    e = fd_write_all(fds[1], data, MIN(size, INPUT_MAX));
    assert(e == OK);
    (void)shutdown(fds[1], SHUT_WR);
    struct pull_params p = {.block_fd = fds[0],
                            .stop_fd = -1,
                            .file_fd = -1,
                            .hasher = hasher,
                            .max_file_bytes = MIB,
                            .deadline_ms = clock_mono_ms() + 10000,
                            .on_size = on_size};
    p.model.cid_len = root.len;
    memcpy(p.model.cid, root.bytes, root.len);
    e = pull_model(&p, &pulled);
    assert(e == OK || e == ERR_PROTOCOL || e == ERR_SOURCE_DEAD || e == ERR_MODEL_NOT_FOUND);
    assert((e == OK) == (pulled.fd >= 0));
    if (e == OK)
        assert(pulled.size == strlen(CONTENT) && memcmp(pulled.sha256, expected_sha256(), SHA256_LEN) == 0);
    fd_close(&pulled.fd);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return 0;
}
