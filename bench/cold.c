/* cold MODEL BLOCK-SIZE: what a cold start cannot do without, once: the SHA-256 of the file in one thread while another one makes that of
   each block; and CreateSession with the options of src/infer/session.c, the first one of a process. The file is in memory before. Prints
   {"hash_us":…,"create_us":…}. */
#include "rounds.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "infer/memory.h"
#include "infer/session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct blocks {
    struct view file;
    size_t size;
    err_t result;
};

static err_t hash_blocks(struct view file, size_t size)
{
    uint8_t digest[SHA256_LEN];
    for (size_t at = 0; at < file.len; at += size)
        TRY(sha256_of(file.data + at, MIN(size, file.len - at), digest));
    return OK;
}

static void *block_thread(void *self)
{
    struct blocks *b = self;
    b->result = hash_blocks(b->file, b->size);
    return NULL;
}

static err_t hash(struct view file, size_t size)
{
    struct blocks b = {.file = file, .size = size};
    uint8_t digest[SHA256_LEN];
    pthread_t thread;
    if (pthread_create(&thread, NULL, block_thread, &b) != 0)
        return ERR_NOMEM;
    err_t e = sha256_of(file.data, file.len, digest);
    if (pthread_join(thread, NULL) != 0)
        return ERR_INTERNAL;
    return e != OK ? e : b.result;
}

static err_t measure(struct view file, size_t size, uint64_t ret_ns[static 2])
{
    struct ort_library library = {0};
    struct session session = {0};
    struct why why = {0};
    OrtEnv *env = NULL;
    uint64_t start = clock_mono_ns();
    TRY(hash(file, size));
    ret_ns[0] = clock_mono_ns() - start;
    TRY(ort_open(getenv("ONNXRUNTIME_ROOT"), &library));
    TRY(ort_env_new(1, &env));
    start = clock_mono_ns();
    TRY(session_new(env, file, &session, &why));
    ret_ns[1] = clock_mono_ns() - start;
    return OK;
}

int main(int argc, char **argv)
{
    uint64_t ns[2] = {0};
    size_t size = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (size == 0 || sha256_setup() != OK)
        give_up("usage", "cold MODEL BLOCK-SIZE");
    memory_tune_malloc();
    AUTO_BUF struct buf file = read_file(argv[1], 0);
    err_t e = measure(buf_view(&file), size, ns);
    if (e != OK)
        give_up(argv[1], err_name(e));
    (void)printf("{\"hash_us\":%.1f,\"create_us\":%.1f}\n", (double)ns[0] / 1000, (double)ns[1] / 1000);
    return 0;
}
