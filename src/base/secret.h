/* Memory for secrets: locked, not dumped, not inherited, wiped. Private keys lie in OpenSSL's secure heap instead (keeper/keys.c),
   because its arithmetic makes copies of them there. */
#ifndef VERONNX_BASE_SECRET_H
#define VERONNX_BASE_SECRET_H

#include "base/err.h"

struct secret {
    uint8_t *data;
    size_t len;    /* bytes asked for */
    size_t mapped; /* bytes mapped, whole pages */
};

/* `n` zeroed bytes on pages of their own, between guard pages. ERR_NOMEM, or ERR_NOT_PERMITTED when they cannot be locked. */
err_t secret_init(struct secret *s, size_t n);

/* Wipes and unmaps; accepts a zeroed struct. */
void secret_done(struct secret *s);

/* Overwrites in a way the compiler keeps. */
void secret_wipe(void *p, size_t n);

/* Compares in time that depends on `n` only. */
bool secret_equal(const void *a, const void *b, size_t n);

#endif
