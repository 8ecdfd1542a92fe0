/* From the JSON values of a request to the elements of its tensors. */
#include "tensor/fixed.h"
#include "tensor/infer_inputs.h"
#include "tensor/json.h"

#include <endian.h>
#include <math.h>
#include <string.h>

enum { PAIR_VALUE, PAIR_DECIMALS, PAIR_COUNT };
static const struct json_name pair_names[PAIR_COUNT] = {
    [PAIR_VALUE] = JSON_NAME("value"),
    [PAIR_DECIMALS] = JSON_NAME("decimals"),
};

#define RANGE_TEXT ": does not fit the declared type, "

/* What is wrong with an entry: a code and the end of the sentence that begins with the entry's path. */
struct fault {
    err_t code;
    const char *text;
};

static err_t fault_set(struct fault *f, err_t code, const char *text)
{
    *f = (struct fault){code, text};
    return code;
}

/* A real is cut towards zero. False when it is not from 0 to FIXED_MAX_DECIMALS then. */
static bool decimals_from_real(double d, unsigned *ret)
{
    if (!(d > -1 && d < FIXED_MAX_DECIMALS + 1))
        return false;
    *ret = (unsigned)fabs(d);
    return true;
}

/* int(decimals), as in the original, which refuses more than 18 and takes negative ones, with inexact results. */
static err_t read_decimals(yyjson_val *v, unsigned *ret, struct fault *fault)
{
    static const char text[] = ".decimals: an integer from 0 to 1000";
    _Static_assert(FIXED_MAX_DECIMALS == 1000, "the text says so");
    err_t e = ERR_TOO_LARGE;
    if (v == NULL)
        return fault_set(fault, ERR_FIELD_MISSING, ".decimals: missing");
    if (yyjson_is_str(v)) {
        e = fixed_decimals_from_text(json_bytes(v), ret);
    } else if (yyjson_is_uint(v) && unsafe_yyjson_get_uint(v) <= FIXED_MAX_DECIMALS) {
        *ret = (unsigned)unsafe_yyjson_get_uint(v);
        e = OK;
    } else if (yyjson_is_real(v) && decimals_from_real(unsafe_yyjson_get_real(v), ret)) {
        e = OK;
    } else if (!yyjson_is_num(v) && !yyjson_is_raw(v)) {
        e = ERR_MALFORMED;
    }
    return e == OK ? OK : fault_set(fault, e == ERR_MALFORMED ? ERR_FIELD_TYPE : ERR_FIELD_VALUE, text);
}

static err_t read_text(struct view text, struct fixed *ret, struct fault *fault)
{
    err_t e = fixed_from_text(text, ret);
    if (e == ERR_TOO_LARGE)
        return fault_set(fault, ERR_FIELD_VALUE, ".value: at most 1200 bytes");
    return e == OK ? OK : fault_set(fault, ERR_FIELD_VALUE, ".value: a decimal number");
}

/* A real too large for a double is an infinity, as Python reads it; an integer is exact at any length. */
static err_t read_raw(struct view text, struct fixed *ret, struct fault *fault)
{
    if (memchr(text.data, '.', text.len) == NULL && memchr(text.data, 'e', text.len) == NULL &&
        memchr(text.data, 'E', text.len) == NULL)
        return read_text(text, ret, fault);
    *ret = (struct fixed){.class = FIXED_INFINITE, .negative = text.data[0] == '-'};
    return OK;
}

static err_t read_value(yyjson_val *v, struct fixed *ret, struct fault *fault)
{
    switch (yyjson_get_tag(v)) {
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
        *ret = fixed_from_uint(unsafe_yyjson_get_uint(v));
        return OK;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT:
        *ret = fixed_from_int(unsafe_yyjson_get_sint(v));
        return OK;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
        *ret = fixed_from_double(unsafe_yyjson_get_real(v));
        return OK;
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE:
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC:
        return read_text(json_bytes(v), ret, fault);
    case YYJSON_TYPE_RAW:
        return read_raw(json_bytes(v), ret, fault);
    case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE:
    case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE:
        *ret = fixed_from_uint(unsafe_yyjson_get_bool(v));
        return OK;
    default:
        return fault_set(fault, ERR_FIELD_TYPE, ".value: a number or a string");
    }
}

/* {value, decimals}, or a number or string alone. */
static err_t read_entry(yyjson_val *v, struct fixed *ret, unsigned *ret_decimals, struct fault *fault)
{
    yyjson_val *pair[PAIR_COUNT] = {v, NULL};
    size_t twice = 0;
    *ret_decimals = 0;
    if (yyjson_is_obj(v)) {
        if (json_fields(v, pair_names, PAIR_COUNT, pair, &twice) != OK)
            return fault_set(fault, ERR_FIELD_DUPLICATE, ": value or decimals stands twice");
        if (pair[PAIR_VALUE] == NULL)
            return fault_set(fault, ERR_FIELD_MISSING, ".value: missing");
        TRY(read_decimals(pair[PAIR_DECIMALS], ret_decimals, fault));
    }
    return read_value(pair[PAIR_VALUE], ret, fault);
}

static err_t store_entry(yyjson_val *v, enum dtype dtype, uint8_t *element, struct fault *fault)
{
    struct fixed number = {0};
    unsigned decimals = 0;
    TRY(read_entry(v, &number, &decimals, fault));
    if (fixed_store(&number, decimals, dtype, element) != OK)
        return fault_set(fault, ERR_VALUE_RANGE, RANGE_TEXT);
    return OK;
}

/* The values behind those that were packed before the text was parsed. */
static err_t fill_parsed(const struct infer_source *at, enum dtype dtype, uint8_t *payload, size_t *index,
                         struct fault *fault)
{
    yyjson_arr_iter values = {0};
    (void)yyjson_arr_iter_init(at->values, &values);
    if (at->pairs.count > 0)
        (void)yyjson_arr_iter_next(&values);
    for (yyjson_val *v = yyjson_arr_iter_next(&values); v != NULL; v = yyjson_arr_iter_next(&values)) {
        TRY(store_entry(v, dtype, payload + *index * dtype_info(dtype)->size, fault));
        ++*index;
    }
    return OK;
}

static err_t fill_numbers(const struct infer_source *at, enum dtype dtype, uint8_t *payload, struct why *why)
{
    struct fault fault = {OK, ""};
    size_t index = 0;
    err_t e = fixed_store_pairs(at->pairs.items, at->pairs.count, dtype, payload, &index);
    e = e == OK ? fill_parsed(at, dtype, payload, &index, &fault) : fault_set(&fault, e, RANGE_TEXT);
    return e == OK ? OK
                   : why_set(why, e, "%s[%zu].values[%zu]%s%s", at->list, at->index, index, fault.text,
                             e == ERR_VALUE_RANGE ? dtype_info(dtype)->name : "");
}

/* Measuring has seen that all of them are strings and how long they are. */
static void fill_strings(const struct infer_source *at, uint8_t *payload)
{
    yyjson_arr_iter values = {0};
    (void)yyjson_arr_iter_init(at->values, &values);
    for (yyjson_val *v = yyjson_arr_iter_next(&values); v != NULL; v = yyjson_arr_iter_next(&values)) {
        struct view text = json_bytes(v);
        uint32_t len = htole32((uint32_t)text.len);
        memcpy(payload, &len, sizeof(len));
        memcpy(payload + sizeof(len), text.data, text.len);
        payload += sizeof(len) + text.len;
    }
}

err_t infer_inputs_fill(const struct infer_inputs *in, uint8_t *area, struct why *why)
{
    for (size_t i = 0; i < in->set.descs.count; i++) {
        enum dtype dtype = in->set.descs.items[i].type.dtype;
        uint8_t *payload = area + in->set.places[i].offset;
        if (dtype == DTYPE_STRING)
            fill_strings(&in->sources[i], payload);
        else
            TRY(fill_numbers(&in->sources[i], dtype, payload, why));
    }
    return OK;
}
