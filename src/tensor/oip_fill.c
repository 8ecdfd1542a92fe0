/* From the JSON values of a request of the Open Inference Protocol to the elements of its tensors. */
#include "tensor/oip_inputs.h"

#include "tensor/json.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LONG_NUMBER 1200 /* bytes of an integer that has more than 64 bits */

/* An integer of more than 64 bits, or a real beyond double, which is refused. */
static bool long_number(struct view text, double *ret)
{
    char copy[LONG_NUMBER + 1];
    if (text.len > LONG_NUMBER)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *ret = strtod(copy, NULL);
    return isfinite(*ret);
}

/* JSON has no such numbers, so they are strings. */
static bool special_number(struct view text, double *ret)
{
    static const struct {
        const char *text;
        double value;
    } specials[] = {{"NaN", (double)NAN}, {"Infinity", (double)INFINITY}, {"-Infinity", -(double)INFINITY}};
    for (size_t i = 0; i < COUNT_OF(specials); i++)
        if (view_is(text, specials[i].text)) {
            *ret = specials[i].value;
            return true;
        }
    return false;
}

static err_t read_double(yyjson_val *v, double *ret)
{
    switch (yyjson_get_tag(v)) {
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
        *ret = unsafe_yyjson_get_real(v);
        return OK;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
        *ret = (double)unsafe_yyjson_get_uint(v);
        return OK;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT:
        *ret = (double)unsafe_yyjson_get_sint(v);
        return OK;
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE:
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC:
        return special_number(json_bytes(v), ret) ? OK : ERR_FIELD_TYPE;
    case YYJSON_TYPE_RAW:
        return long_number(json_bytes(v), ret) ? OK : ERR_VALUE_RANGE;
    default:
        return ERR_FIELD_TYPE;
    }
}

static err_t store_float(yyjson_val *v, uint8_t *element)
{
    double d = 0;
    TRY(read_double(v, &d));
    float f = (float)d;
    if (isinf(f) && !isinf(d))
        return ERR_VALUE_RANGE;
    memcpy(element, &f, sizeof(f));
    return OK;
}

static err_t store_double(yyjson_val *v, uint8_t *element)
{
    double d = 0;
    TRY(read_double(v, &d));
    memcpy(element, &d, sizeof(d));
    return OK;
}

static bool int_fits(yyjson_val *v, const struct dtype_info *info)
{
    unsigned bits = 8U * info->size;
    uint64_t n = unsafe_yyjson_get_uint(v);
    bool negative = yyjson_is_sint(v) && unsafe_yyjson_get_sint(v) < 0;
    if (negative)
        return info->kind == DTYPE_KIND_INT && unsafe_yyjson_get_sint(v) >= INT64_MIN >> (64 - bits);
    return n <= UINT64_MAX >> (64 - bits + (info->kind == DTYPE_KIND_INT));
}

static err_t store_int(yyjson_val *v, const struct dtype_info *info, uint8_t *element)
{
    if (yyjson_is_raw(v))
        return ERR_VALUE_RANGE;
    if (!yyjson_is_int(v))
        return ERR_FIELD_TYPE;
    if (!int_fits(v, info))
        return ERR_VALUE_RANGE;
    uint64_t n = htole64(unsafe_yyjson_get_uint(v));
    memcpy(element, &n, info->size);
    return OK;
}

/* true and false; 1 and 0 mean the same. */
static err_t store_bool(yyjson_val *v, uint8_t *element)
{
    if (yyjson_is_bool(v))
        *element = unsafe_yyjson_get_bool(v);
    else if (yyjson_is_uint(v) && unsafe_yyjson_get_uint(v) <= 1)
        *element = (uint8_t)unsafe_yyjson_get_uint(v);
    else
        return yyjson_is_num(v) ? ERR_VALUE_RANGE : ERR_FIELD_TYPE;
    return OK;
}

static err_t store(yyjson_val *v, enum dtype dtype, const struct dtype_info *info, uint8_t *element)
{
    if (dtype == DTYPE_FLOAT)
        return store_float(v, element);
    if (dtype == DTYPE_DOUBLE)
        return store_double(v, element);
    return dtype == DTYPE_BOOL ? store_bool(v, element) : store_int(v, info, element);
}

static err_t fill_numbers(const struct oip_input *in, size_t index, uint8_t *payload, size_t len, struct why *why)
{
    const struct dtype_info *info = dtype_info(in->dtype);
    const yyjson_val *end = unsafe_yyjson_get_next(in->data);
    size_t at = 0;
    for (yyjson_val *v = unsafe_yyjson_get_first(in->data); v < end; v++) {
        if (yyjson_is_arr(v))
            continue;
        if (at == len)
            return why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].data: more elements than the shape has", index);
        err_t e = store(v, in->dtype, info, payload + at);
        if (e != OK)
            return why_set(why, e, "inputs[%zu].data: element %zu is not a %s", index, at / info->size, info->oip);
        at += info->size;
    }
    return at == len ? OK
                     : why_set(why, ERR_SHAPE_MISMATCH, "inputs[%zu].data: fewer elements than the shape has", index);
}

static uint8_t *put_string(uint8_t *at, struct view text)
{
    uint32_t len = htole32((uint32_t)text.len);
    memcpy(at, &len, sizeof(len));
    if (text.len > 0)
        memcpy(at + sizeof(len), text.data, text.len);
    return at + sizeof(len) + text.len;
}

/* Measuring has seen that all of them are strings and how long they are. */
static void fill_strings(const struct oip_input *in, uint8_t *payload)
{
    const yyjson_val *end = unsafe_yyjson_get_next(in->data);
    for (yyjson_val *v = unsafe_yyjson_get_first(in->data); v < end; v++) {
        if (yyjson_is_arr(v))
            continue;
        payload = put_string(payload, json_bytes(v));
    }
}

err_t oip_input_fill(const struct oip_input *in, size_t index, uint8_t *payload, size_t len, struct why *why)
{
    if (in->data != NULL && dtype_info(in->dtype)->size > 0)
        return fill_numbers(in, index, payload, len, why);
    if (in->data != NULL)
        fill_strings(in, payload);
    else if (in->bare)
        put_string(payload, in->bytes);
    else if (len > 0 && !oip_input_later(in))
        memcpy(payload, in->bytes.data, len);
    return OK;
}
