/* The walk: one loop over a stack of open messages, no recursion. */
#include "infer/scan/run.h"

#include "base/protobuf.h"
#include "base/utf8.h"
#include "infer/scan/rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN 120

/* Where the walk is: the fields that lead to the innermost message. When there is no room the outer ones are left out,
   and what is left begins with a point. */
static const char *scan_path(const struct scan *s, char room[static PATH_LEN])
{
    size_t at = PATH_LEN - 1;

    room[at] = '\0';
    for (unsigned i = s->depth; i-- > 1;) {
        const struct scan_frame *f = &s->frames[i - 1];
        const struct schema_field *field = &schema_messages[f->id].fields[f->at];
        char part[64];
        int len = field->repeated
                      ? snprintf(part, sizeof(part), ".%s[%" PRIu64 "]", field->name, f->cells[f->at].count - 1)
                      : snprintf(part, sizeof(part), ".%s", field->name);

        if (len < 0 || (size_t)len > at)
            return room + at;
        at -= (size_t)len;
        memcpy(room + at, part, (size_t)len);
    }
    return s->depth > 1 ? room + at + 1 : "model";
}

err_t scan_refuse(const struct scan *s, err_t e, const char *format, ...)
{
    char path[PATH_LEN];
    char sentence[96];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return why_set(s->why, e, "%s: %s", scan_path(s, path), sentence);
}

void scan_done(struct scan *s)
{
    names_done(&s->names);
}

static err_t scan_enter(struct scan *s, enum schema_id id, struct view body)
{
    if (s->depth == SCAN_DEPTH_MAX)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %d messages inside each other", SCAN_DEPTH_MAX);
    if (s->messages == s->policy->limits.messages)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " messages", s->messages);

    struct scan_frame *f = &s->frames[s->depth++];
    s->messages++;
    f->id = id;
    f->at = 0;
    f->chosen = -1;
    f->names_base = s->names.count;
    f->rest = body;
    memset(f->cells, 0, schema_messages[id].field_count * sizeof(f->cells[0]));
    return OK;
}

static err_t name_element(struct scan *s, const struct schema_field *field, struct view name)
{
    if (field->distinct == 0)
        return OK;
    err_t e = names_push(&s->names, field->distinct, name);
    return e == ERR_TOO_LARGE ? scan_refuse(s, ERR_MODEL_LIMIT, "too many names: %s", field->name) : e;
}

/* The field that the table gives the mark first stands for all of them. */
static const char *distinct_name(enum schema_id id, uint32_t mark)
{
    const struct schema_field *field = schema_messages[id].fields;

    while (field->distinct != mark)
        field++;
    return field->name;
}

static err_t scan_leave(struct scan *s, struct scan_frame *f)
{
    const struct schema_message *message = &schema_messages[f->id];
    struct view key = {0};
    uint32_t mark = 0;

    TRY(rules_check(s, f));
    if (names_cut(&s->names, f->names_base, &mark))
        return scan_refuse(s, ERR_MODEL_MALFORMED, "two elements of %s have the same name", distinct_name(f->id, mark));
    if (message->key != SCHEMA_NO_KEY)
        key = f->cells[message->key].bytes;
    if (--s->depth == 0)
        return OK;

    struct scan_frame *parent = &s->frames[s->depth - 1];
    parent->cells[parent->at].bytes = key;
    return name_element(s, &schema_messages[parent->id].fields[parent->at], key);
}

static unsigned field_wire(enum schema_kind kind)
{
    static const uint8_t wires[KIND_REFUSED + 1] = {
        [KIND_INT32] = PROTO_VARINT,   [KIND_INT64] = PROTO_VARINT,  [KIND_UINT64] = PROTO_VARINT,
        [KIND_RANGE] = PROTO_VARINT,   [KIND_SIZE] = PROTO_VARINT,   [KIND_FLOAT] = PROTO_FIXED32,
        [KIND_DOUBLE] = PROTO_FIXED64, [KIND_NAME] = PROTO_BYTES,    [KIND_TEXT] = PROTO_BYTES,
        [KIND_BYTES] = PROTO_BYTES,    [KIND_MESSAGE] = PROTO_BYTES,
    };
    return wires[kind];
}

static err_t refuse_number(const struct scan *s, const struct schema_field *field, int64_t n, int64_t min, int64_t max)
{
    return scan_refuse(s, field->refusal == OK ? ERR_MODEL_MALFORMED : field->refusal,
                       "%s is %" PRId64 ", allowed: %" PRId64 " to %" PRId64, field->name, n, min, max);
}

static err_t take_size(const struct scan *s, const struct schema_field *field, struct scan_cell *cell, int64_t n)
{
    if (n < 0)
        return refuse_number(s, field, n, 0, INT64_MAX);
    if (cell->count == s->policy->limits.rank)
        return scan_refuse(s, ERR_MODEL_LIMIT, "%s: more than %" PRIu64, field->name, cell->count);
    if (cell->count == 0)
        cell->number = 1;
    cell->zero = cell->zero || n == 0;
    if (n > 0 && __builtin_mul_overflow(cell->number, n, &cell->number))
        return scan_refuse(s, ERR_MODEL_LIMIT, "%s: the product exceeds 63 bits", field->name);
    return OK;
}

static err_t take_varint(const struct scan *s, const struct schema_field *field, struct scan_cell *cell,
                         struct view *from)
{
    uint64_t raw = 0;

    if (proto_varint(from, &raw) != OK)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s is not a whole number in its shortest form", field->name);
    int64_t n = (int64_t)raw;
    if (field->kind == KIND_INT32 && (n < INT32_MIN || n > INT32_MAX))
        return refuse_number(s, field, n, INT32_MIN, INT32_MAX);
    if (field->kind == KIND_RANGE && (n < field->min || n > field->max))
        return refuse_number(s, field, n, field->min, field->max);
    if (field->kind == KIND_SIZE)
        TRY(take_size(s, field, cell, n));
    else
        cell->number = n;
    cell->count++;
    return OK;
}

static err_t take_fixed(const struct scan *s, const struct schema_field *field, struct scan_cell *cell,
                        struct view *from)
{
    struct view part = {0};

    if (view_take(from, field->kind == KIND_FLOAT ? 4 : 8, &part) != OK)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s ends too early", field->name);
    cell->count++;
    return OK;
}

static err_t take_packed(const struct scan *s, const struct schema_field *field, struct scan_cell *cell,
                         struct view run)
{
    size_t width = field->kind == KIND_FLOAT ? 4 : 8;

    if (cell->count > 0 || cell->packed)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s: a packed run and other elements", field->name);
    cell->packed = true;
    if (field_wire(field->kind) == PROTO_VARINT) {
        while (run.len > 0)
            TRY(take_varint(s, field, cell, &run));
        return OK;
    }
    if (run.len % width != 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s ends too early", field->name);
    cell->count = run.len / width;
    return OK;
}

static err_t check_text(const struct scan *s, const struct schema_field *field, struct view text)
{
    const struct scan_limits *limits = &s->policy->limits;
    size_t max = field->kind == KIND_NAME ? limits->name_len : limits->text_len;

    if (text.len > max)
        return scan_refuse(s, ERR_MODEL_LIMIT, "%s has more than %zu bytes", field->name, max);
    if (!utf8_valid(text) || (text.len > 0 && memchr(text.data, 0, text.len) != NULL))
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s is not UTF-8 or holds a NUL", field->name);
    return OK;
}

static err_t take_string(struct scan *s, const struct schema_field *field, struct scan_cell *cell, struct view text)
{
    if (field->kind != KIND_BYTES)
        TRY(check_text(s, field, text));
    if (field->repeated && s->strings++ == s->policy->limits.strings)
        return scan_refuse(s, ERR_MODEL_LIMIT, "more than %" PRIu64 " strings", s->policy->limits.strings);
    cell->bytes = text;
    cell->count++;
    return name_element(s, field, text);
}

/* Everything that has a length in front: strings, messages, packed runs. */
static err_t take_bytes(struct scan *s, struct scan_frame *f, const struct schema_field *field)
{
    struct scan_cell *cell = &f->cells[f->at];
    struct view part = {0};

    if (proto_bytes(&f->rest, &part) != OK)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s reaches beyond what holds it", field->name);
    if (field_wire(field->kind) != PROTO_BYTES)
        return take_packed(s, field, cell, part);
    if (field->kind != KIND_MESSAGE)
        return take_string(s, field, cell, part);
    cell->count++;
    return scan_enter(s, field->message, part);
}

static err_t take_value(struct scan *s, struct scan_frame *f, const struct schema_field *field, unsigned wire)
{
    struct scan_cell *cell = &f->cells[f->at];
    unsigned expected = field_wire(field->kind);

    if (wire == PROTO_BYTES && (expected == PROTO_BYTES || field->repeated))
        return take_bytes(s, f, field);
    if (wire != expected)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s has wire type %u", field->name, wire);
    if (cell->packed)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s: a packed run and other elements", field->name);
    return expected == PROTO_VARINT ? take_varint(s, field, cell, &f->rest) : take_fixed(s, field, cell, &f->rest);
}

/* Sets `f->at` to the row of the field. */
static err_t find_field(const struct scan *s, struct scan_frame *f, uint32_t number)
{
    const struct schema_message *message = &schema_messages[f->id];

    for (unsigned i = 0; i < message->field_count; i++) {
        if (message->fields[i].number == number) {
            f->at = i;
            return OK;
        }
    }
    return scan_refuse(s, ERR_MODEL_MALFORMED, "field %" PRIu32 " is not part of the format", number);
}

/* What may not stand at all, not twice, or not beside another. */
static err_t check_place(const struct scan *s, struct scan_frame *f, const struct schema_field *field)
{
    if (field->kind == KIND_REFUSED)
        return scan_refuse(s, field->refusal, "%s is refused", field->name);
    if (!field->repeated && f->cells[f->at].count > 0)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s stands twice", field->name);
    if (!field->one_of)
        return OK;
    if (f->chosen >= 0 && (unsigned)f->chosen != f->at)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "%s stands beside %s", field->name,
                           schema_messages[f->id].fields[f->chosen].name);
    f->chosen = (int)f->at;
    return OK;
}

static err_t scan_field(struct scan *s, struct scan_frame *f)
{
    struct proto_tag tag = {0};

    if (proto_tag(&f->rest, &tag) != OK)
        return scan_refuse(s, ERR_MODEL_MALFORMED, "a field begins with a broken tag");
    TRY(find_field(s, f, tag.number));
    const struct schema_field *field = &schema_messages[f->id].fields[f->at];
    TRY(check_place(s, f, field));
    return take_value(s, f, field, tag.wire);
}

err_t scan_run(struct scan *s, struct view file)
{
    TRY(scan_enter(s, MSG_MODEL, file));
    while (s->depth > 0) {
        struct scan_frame *f = &s->frames[s->depth - 1];

        TRY(f->rest.len > 0 ? scan_field(s, f) : scan_leave(s, f));
    }
    return OK;
}
