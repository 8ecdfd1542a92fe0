/* Allocation through one door, so that a test can close it. */
#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 1024

static atomic_long mem_left = -1;

static bool mem_refused(void)
{
    long left = atomic_load_explicit(&mem_left, memory_order_relaxed);
    if (left < 0)
        return false;
    if (left == 0)
        return true;
    atomic_store_explicit(&mem_left, left - 1, memory_order_relaxed);
    return false;
}

/* glibc's calloc does not look among the small blocks that free keeps for malloc at hand, and of malloc and memset the
   compiler would make a calloc. */
static void *alloc_small(size_t bytes)
{
    void *p = malloc(bytes);
    if (p != NULL)
        explicit_bzero(p, bytes);
    return p;
}

void *mem_alloc(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || mem_refused())
        return NULL;
    return bytes <= SMALL ? alloc_small(bytes) : calloc(1, bytes);
}

void *mem_resize(void *p, size_t size)
{
    return mem_refused() ? NULL : realloc(p, size);
}

void *mem_copy(const void *p, size_t n)
{
    void *copy = mem_alloc(1, n > 0 ? n : 1);
    if (copy != NULL && n > 0)
        memcpy(copy, p, n);
    return copy;
}

size_t mem_size(const void *p)
{
    return malloc_usable_size((void *)(uintptr_t)p);
}

void mem_free(void *p)
{
    free(p);
}

void mem_free_at(void *p)
{
    void *block = NULL;
    memcpy(&block, p, sizeof(block));
    free(block);
}

void mem_fail_after(long n)
{
    atomic_store_explicit(&mem_left, n, memory_order_relaxed);
}
