/* Attributes and small macros that every other header may use. */
#ifndef VERONNX_BASE_DEFS_H
#define VERONNX_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK  __attribute__((warn_unused_result))
/* On an enum: every function that returns it must be checked. clang 14 knows only the GNU spelling in gnu17. */
#ifdef __clang__
#define MUST_CHECK_TYPE MUST_CHECK
#else
#define MUST_CHECK_TYPE [[nodiscard]]
#endif
#define PRINTF(f,a) __attribute__((format(printf, f, a)))
#define NORETURN    __attribute__((noreturn))
#define UNUSED      __attribute__((unused))

/* Scope-owned variable: `AUTO(fd_close) int fd = -1;`. The destructor gets a pointer to the variable and
   must accept its initial value. Always initialise at the declaration. */
#define AUTO(fn) __attribute__((cleanup(fn)))

/* Gives ownership away and leaves nothing to clean up behind. */
#define TAKE_PTR(p)                                                                                                    \
    ({                                                                                                                 \
        __auto_type take_ptr_ = (p);                                                                                   \
        (p) = NULL;                                                                                                    \
        take_ptr_;                                                                                                     \
    })
#define TAKE_FD(fd)                                                                                                    \
    ({                                                                                                                 \
        int take_fd_ = (fd);                                                                                           \
        (fd) = -1;                                                                                                     \
        take_fd_;                                                                                                      \
    })

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)       ((a) < (b) ? (a) : (b))
/* A large array that is written before it is read: the compiler clears all others. */
#define UNINITIALIZED   __attribute__((uninitialized))
#define MAX(a, b)       ((a) > (b) ? (a) : (b))

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#endif
