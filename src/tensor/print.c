/* Numbers and strings as JSON text. */
#include "tensor/print.h"

#include "base/utf8.h"
#include "tensor/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

/* yyjson writes into what its allocator gives it: here always the same buffer. */
#define WRITER_BYTES 64

static void *writer_malloc(void *buffer, size_t size)
{
    return size <= WRITER_BYTES ? buffer : NULL;
}

static void *writer_realloc(void *buffer UNUSED, void *p UNUSED, size_t old_size UNUSED, size_t size UNUSED)
{
    return NULL;
}

static void writer_free(void *buffer UNUSED, void *p UNUSED)
{
}

/* The shortest digits that read back equal, as yyjson lays them out. */
static size_t shortest(double d, char buffer[static WRITER_BYTES])
{
    const yyjson_alc alc = {writer_malloc, writer_realloc, writer_free, buffer};
    yyjson_val number = {0};
    size_t len = 0;
    (void)yyjson_set_real(&number, d);
    (void)yyjson_val_write_opts(&number, 0, &alc, &len, NULL);
    return len;
}

/* From a number's text: its digits without zeros at either end, and the power of ten of the first one. */
struct digits {
    char text[WRITER_BYTES];
    size_t count;
    int exponent;
};

static void split(const char *text, size_t len, struct digits *ret)
{
    int before_point = 0;
    int leading = 0;
    bool point = false;
    size_t i = 0;
    for (; i < len && text[i] != 'e'; i++) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        before_point += !point;
        if (text[i] == '0' && ret->count == 0)
            leading++;
        else
            ret->text[ret->count++] = text[i];
    }
    while (ret->text[ret->count - 1] == '0')
        ret->count--;
    ret->exponent = before_point - leading - 1;
    bool negative = i + 1 < len && text[i + 1] == '-';
    int written = 0;
    for (i += negative ? 2 : 1; i < len; i++)
        written = written * 10 + (text[i] - '0');
    ret->exponent += negative ? -written : written;
}

/* The same number in Python's form with an exponent: d[.ddd]e±dd. */
static __attribute__((noinline)) size_t with_exponent(const char *text, size_t text_len, char *ret)
{
    struct digits d = {.count = 0};
    size_t len = 0;
    split(text, text_len, &d);
    ret[len++] = d.text[0];
    if (d.count > 1) {
        ret[len++] = '.';
        memcpy(ret + len, d.text + 1, d.count - 1);
        len += d.count - 1;
    }
    int exponent = d.exponent < 0 ? -d.exponent : d.exponent;
    ret[len++] = 'e';
    ret[len++] = d.exponent < 0 ? '-' : '+';
    if (exponent >= 100)
        ret[len++] = (char)('0' + exponent / 100);
    ret[len++] = (char)('0' + exponent / 10 % 10);
    ret[len++] = (char)('0' + exponent % 10);
    return len;
}

static size_t print_special(double d, char *ret)
{
    const char *text = isnan(d) ? "\"NaN\"" : d > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    size_t len = strlen(text);
    memcpy(ret, text, len);
    return len;
}

size_t print_double(double d, char *ret)
{
    char buffer[WRITER_BYTES];
    size_t sign = 0;
    if (!isfinite(d))
        return print_special(d, ret);
    if (signbit(d)) {
        ret[sign++] = '-';
        d = -d;
    }
    size_t len = shortest(d, buffer);
    if (d != 0 && (d < 1e-4 || d >= 1e16))
        return sign + with_exponent(buffer, len, ret + sign);
    memcpy(ret + sign, buffer, len); /* between these limits both write plain digits with a point */
    return sign + len;
}

size_t print_uint(uint64_t n, char *ret)
{
    char reversed[PRINT_MAX];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    for (size_t i = 0; i < len; i++)
        ret[i] = reversed[len - 1 - i];
    return len;
}

size_t print_int(int64_t n, char *ret)
{
    if (n >= 0)
        return print_uint((uint64_t)n, ret);
    ret[0] = '-';
    return 1 + print_uint(-(uint64_t)n, ret + 1);
}

#define LOAD(type)                                                                                                     \
    ({                                                                                                                 \
        type load_ = 0;                                                                                                \
        memcpy(&load_, element, sizeof(load_));                                                                        \
        load_;                                                                                                         \
    })

size_t print_element(enum dtype dtype, const void *element, char *ret)
{
    switch (dtype) {
    case DTYPE_FLOAT:
        return print_double((double)LOAD(float), ret);
    case DTYPE_DOUBLE:
        return print_double(LOAD(double), ret);
    case DTYPE_FLOAT16:
        return print_double(float16_to_double(LOAD(uint16_t)), ret);
    case DTYPE_BFLOAT16:
        return print_double(bfloat16_to_double(LOAD(uint16_t)), ret);
    case DTYPE_INT8:
        return print_int(LOAD(int8_t), ret);
    case DTYPE_INT16:
        return print_int(LOAD(int16_t), ret);
    case DTYPE_INT32:
        return print_int(LOAD(int32_t), ret);
    case DTYPE_INT64:
        return print_int(LOAD(int64_t), ret);
    case DTYPE_UINT8:
        return print_uint(LOAD(uint8_t), ret);
    case DTYPE_UINT16:
        return print_uint(LOAD(uint16_t), ret);
    case DTYPE_UINT32:
        return print_uint(LOAD(uint32_t), ret);
    case DTYPE_UINT64:
        return print_uint(LOAD(uint64_t), ret);
    case DTYPE_BOOL:
        return print_uint(LOAD(uint8_t) != 0, ret);
    case DTYPE_NONE:
    case DTYPE_STRING:
        break;
    }
    return 0;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static err_t put_escape(struct buf *out, uint8_t c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte, letter */
    for (size_t i = 0; i + 1 < sizeof(letters); i += 2)
        if (c == (uint8_t)letters[i])
            return buf_put(out, (const char[]){'\\', letters[i + 1]}, 2);
    return buf_printf(out, "\\u%04x", c);
}

/* Writes as much of a private copy as is made of whole characters. `last`: nothing follows, so all of it must be. */
static err_t put_characters(struct buf *out, struct view text, bool last, size_t *ret_used)
{
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && is_plain(text.data[at]))
            at++;
        TRY(buf_put(out, text.data + start, at - start));
        if (at == text.len)
            break;
        if (text.data[at] < 0x80) {
            TRY(put_escape(out, text.data[at++]));
            continue;
        }
        size_t len = utf8_char(view_of(text.data + at, text.len - at));
        if (len == 0 && !last && text.len - at < UTF8_MAX)
            break;
        if (len == 0)
            return ERR_MALFORMED;
        TRY(buf_put(out, text.data + at, len));
        at += len;
    }
    *ret_used = at;
    return OK;
}

err_t print_string(struct buf *out, struct view text)
{
    uint8_t chunk[1024];
    size_t held = 0; /* the beginning of a character that the last chunk cut in two */
    TRY(buf_put_u8(out, '"'));
    while (text.len > 0 || held > 0) {
        size_t n = MIN(text.len, sizeof(chunk) - held);
        size_t used = 0;
        area_copy(chunk + held, text.data, n);
        text = view_of(text.data + n, text.len - n);
        TRY(put_characters(out, view_of(chunk, held + n), text.len == 0, &used));
        held += n;
        held -= used;
        memmove(chunk, chunk + used, held);
    }
    return buf_put_u8(out, '"');
}
