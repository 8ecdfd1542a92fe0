/* hash FILE BLOCK-SIZE: the hashes that a verified model takes, and nothing else: in one thread and in memory, the
   SHA-256 of each block, as long as the last argument says, and that of the whole file. A time is one pass over the
   file. */
#include "rounds.h"

#include "base/clock.h"
#include "base/sha256.h"

#include <stdlib.h>

struct hash {
    struct buf file;
    size_t block;
};

static err_t hash_all(const struct hash *h)
{
    AUTO(sha256_done) struct sha256 whole = {0};
    uint8_t digest[SHA256_LEN];
    TRY(sha256_init(&whole));
    for (size_t at = 0; at < h->file.len; at += h->block) {
        size_t n = MIN(h->block, h->file.len - at);
        TRY(sha256_of(h->file.data + at, n, digest));
        TRY(sha256_update(&whole, h->file.data + at, n));
    }
    return sha256_final(&whole, digest);
}

static err_t run(void *self, uint64_t until_ns, struct times *t)
{
    uint64_t start, now = clock_mono_ns();
    do {
        start = now;
        TRY(hash_all(self));
        now = clock_mono_ns();
        times_add(t, now - start);
    } while (now < until_ns);
    return OK;
}

int main(int argc, char **argv)
{
    struct hash h = {.block = argc == 3 ? strtoul(argv[2], NULL, 10) : 0};
    if (h.block == 0 || sha256_setup() != OK)
        give_up("usage", "hash FILE BLOCK-SIZE");
    h.file = read_file(argv[1], 0);
    return rounds_serve("hash", run, &h);
}
