/* Locked, guarded, wiped pages. */
#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    long n = sysconf(_SC_PAGESIZE);
    return n > 0 ? (size_t)n : 4096;
}

static err_t lock_pages(uint8_t *data, size_t n)
{
    if (mprotect(data, n, PROT_READ | PROT_WRITE) != 0)
        return err_errno();
    if (mlock(data, n) != 0 || madvise(data, n, MADV_DONTDUMP) != 0 || madvise(data, n, MADV_WIPEONFORK) != 0)
        return ERR_NOT_PERMITTED;
    return OK;
}

err_t secret_init(struct secret *s, size_t n)
{
    size_t page = page_size();
    size_t mapped = (n + page - 1) / page * page;
    if (n == 0 || n > MIB)
        return ERR_TOO_LARGE;
    uint8_t *base = mmap(NULL, mapped + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return ERR_NOMEM;
    err_t e = lock_pages(base + page, mapped);
    if (e != OK) {
        (void)munmap(base, mapped + 2 * page);
        return e;
    }
    *s = (struct secret){.data = base + page, .len = n, .mapped = mapped};
    return OK;
}

void secret_done(struct secret *s)
{
    if (s->data == NULL)
        return;
    secret_wipe(s->data, s->mapped);
    size_t page = page_size();
    (void)munmap(s->data - page, s->mapped + 2 * page);
    *s = (struct secret){0};
}

void secret_wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t differs = 0;
    for (size_t i = 0; i < n; i++)
        differs |= x[i] ^ y[i];
    return differs == 0;
}
