/* The allocator of the tree: zeroed memory, overflow-checked, and able to fail on demand. */
#ifndef VERONNX_BASE_MEM_H
#define VERONNX_BASE_MEM_H

#include "base/defs.h"

/* count × size zeroed bytes, or NULL (also on overflow). Owned by the caller; any thread. */
void *mem_alloc(size_t count, size_t size) MUST_CHECK;

/* Resizes to `size` bytes like realloc; new bytes are not zeroed. On NULL the old block is still owned by the caller. */
void *mem_resize(void *p, size_t size) MUST_CHECK;

/* Copies `n` bytes. */
void *mem_copy(const void *p, size_t n) MUST_CHECK;

/* Bytes that the block has: at least as many as were asked for. */
size_t mem_size(const void *p);

/* Accepts NULL. */
void mem_free(void *p);

/* For AUTO: frees what the pointer variable at `p` points to. */
void mem_free_at(void *p);
#define AUTO_MEM AUTO(mem_free_at)

/* Tests only: lets `n` more allocations succeed and fails all after them; -1 = never fail. */
void mem_fail_after(long n);

#endif
