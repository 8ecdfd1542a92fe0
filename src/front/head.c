/* Collecting and checking the head of a request. */
#include "front/head.h"

#include <string.h>

#define NAME(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }
static const struct {
    const char *text;
    size_t len;
} known_names[] = {
    [KNOWN_HOST] = NAME("host"),
    [KNOWN_CONTENT_LENGTH] = NAME("content-length"),
    [KNOWN_TRANSFER_ENCODING] = NAME("transfer-encoding"),
    [KNOWN_CONTENT_ENCODING] = NAME("content-encoding"),
    [KNOWN_CONTENT_TYPE] = NAME("content-type"),
    [KNOWN_EXPECT] = NAME("expect"),
    [KNOWN_AUTHORIZATION] = NAME("authorization"),
    [KNOWN_REQUEST_ID] = NAME("veronnx-request-id"),
    [KNOWN_JSON_LENGTH] = NAME("inference-header-content-length"),
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool same(struct view text, const char *name, size_t len)
{
    if (text.len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (lower(text.data[i]) != (uint8_t)name[i])
            return false;
    return true;
}

bool text_is(struct view text, const char *name)
{
    return same(text, name, strlen(name));
}

void head_init(struct head *h, uint8_t *bytes, size_t size)
{
    h->bytes = bytes;
    h->size = size;
    h->used = 0;
    h->target = (struct view){0};
    h->n_fields = 0;
}

err_t head_put(struct head *h, struct view *text, struct view piece)
{
    if (piece.len > h->size - h->used)
        return ERR_HEADERS_TOO_LARGE;
    if (text->data == NULL)
        text->data = h->bytes + h->used;
    if (piece.len > 0)
        memcpy(h->bytes + h->used, piece.data, piece.len);
    h->used += piece.len;
    text->len += piece.len;
    return OK;
}

void head_trim(struct view *value)
{
    while (value->len > 0 && (value->data[value->len - 1] == ' ' || value->data[value->len - 1] == '\t'))
        value->len--;
}

err_t head_next(struct head *h, struct head_field **ret)
{
    if (h->n_fields == HTTP_FIELDS_MAX)
        return ERR_HEADERS_TOO_LARGE;
    h->fields[h->n_fields] = (struct head_field){0};
    *ret = &h->fields[h->n_fields++];
    return OK;
}

struct view head_find(const struct head *h, const char *name)
{
    for (unsigned i = 0; i < h->n_fields; i++)
        if (text_is(h->fields[i].name, name))
            return h->fields[i].value;
    return (struct view){0};
}

static err_t check_field(struct head *h, const struct head_field *field, struct why *why)
{
    for (size_t k = 0; k < KNOWN_COUNT_; k++) {
        if (!same(field->name, known_names[k].text, known_names[k].len))
            continue;
        if (h->known[k].data != NULL)
            return why_set(why, k == KNOWN_CONTENT_ENCODING ? ERR_MEDIA_TYPE : ERR_BAD_REQUEST,
                           "the header field %s stands twice", known_names[k].text);
        h->known[k] = field->value;
        return OK;
    }
    return OK;
}

static err_t check_target(struct view target, struct why *why)
{
    if (target.len > HTTP_TARGET_MAX)
        return why_set(why, ERR_TARGET_TOO_LONG, "the request target may have %zu bytes", HTTP_TARGET_MAX);
    if (target.len == 0 || target.data[0] != '/')
        return why_set(why, ERR_BAD_REQUEST, "the request target must be a path");
    for (size_t i = 0; i < target.len; i++)
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#')
            return why_set(why, ERR_BAD_REQUEST, "the request target has a character that is not allowed");
    return OK;
}

err_t head_check(struct head *h, struct why *why)
{
    memset(h->known, 0, sizeof(h->known));
    for (unsigned i = 0; i < h->n_fields; i++)
        TRY(check_field(h, &h->fields[i], why));
    return check_target(h->target, why);
}

err_t head_coding(const struct head *h, enum coding *ret)
{
    *ret = CODING_NONE;
    return h->known[KNOWN_CONTENT_ENCODING].data != NULL ? coding_parse(h->known[KNOWN_CONTENT_ENCODING], ret) : OK;
}

err_t head_expects(const struct head *h, bool *ret)
{
    struct view value = h->known[KNOWN_EXPECT];
    *ret = value.data != NULL;
    return value.data == NULL || text_is(value, "100-continue") ? OK : ERR_BAD_REQUEST;
}
