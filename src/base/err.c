/* The table of errors and its look-ups. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    int http;
    const char *text;
} err_rows[] = {
    [OK] = {"OK", 200, "ok"},
#define ERR_ROW(name, http, text) [ERR_##name] = {#name, http, text},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static size_t err_index(err_t e)
{
    return (size_t)e < COUNT_OF(err_rows) ? (size_t)e : (size_t)ERR_INTERNAL;
}

const char *err_name(err_t e)
{
    return err_rows[err_index(e)].name;
}

int err_http(err_t e)
{
    return err_rows[err_index(e)].http;
}

const char *err_text(err_t e)
{
    return err_rows[err_index(e)].text;
}

err_t err_from_wire(uint32_t n)
{
    return n < ERR_COUNT_ ? (err_t)n : ERR_INTERNAL;
}

err_t err_errno(void)
{
    switch (errno) {
    case EAGAIN:
        return ERR_WOULD_BLOCK;
    case ENOMEM:
        return ERR_NOMEM;
    case EPIPE:
    case ECONNRESET:
        return ERR_CLOSED;
    case EPERM:
    case EACCES:
        return ERR_NOT_PERMITTED;
    default:
        return ERR_IO;
    }
}

err_t why_set(struct why *w, err_t e, const char *format, ...)
{
    if (w != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(w->text, sizeof(w->text), format, args);
        va_end(args);
    }
    return e;
}
