/* Finding lists of pairs that are all written alike, and packing them. */
#include "tensor/pairs.h"

#include "tensor/digits.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <yyjson.h>

#define LIST_NAME   "values"
#define LIST_MIN    8      /* fewer pairs are not worth it */
#define PAIR_MIN    24     /* bytes of the shortest: {"value":1,"decimals":4} */
#define STAND_IN    "\x7f" /* first key of an object that stands for pairs; allowed in JSON, and written by nobody */
#define NUMBERED    "\\u00"
#define PIECE_WORDS 3

/* A quote, and the words around it, as they are written in JSON and in JSON inside a string. */
static const struct spelling {
    const char *quote;
    const char *value;
    const char *decimals;
} spellings[] = {
    {"\"", "\"value\"", "\"decimals\""},
    {"\\\"", "\\\"value\\\"", "\\\"decimals\\\""},
};

/* Text that is the same in each pair, ready to be compared in words of eight bytes. */
struct piece {
    uint64_t bytes[PIECE_WORDS];
    uint64_t mask[PIECE_WORDS];
    size_t len;
};

_Static_assert(PAIRS_PAD >= PIECE_WORDS * sizeof(uint64_t), "the end of the text is compared as well");

/* How the pairs of a list are written: what stands around their digits. */
struct style {
    struct piece middle; /* from a value to its decimals */
    struct piece close;  /* from decimals to the end of the pair */
    struct piece next;   /* from decimals to the next value */
    bool value_text;     /* in quotes: leading zeros are allowed */
    bool decimals_text;
};

/* ── the first pair, token by token ──
   Everything that is looked for ends at a zero byte, and zeros stand behind the text: nothing is read beyond them. */

/* Behind `word`, which stands here, or NULL. Takes NULL. */
static const uint8_t *match(const uint8_t *at, const char *word)
{
    while (at != NULL && *word != '\0')
        at = *at == (uint8_t)*word++ ? at + 1 : NULL;
    return at;
}

/* The same, perhaps after spaces: the only white space that means the same in and outside a string. */
static const uint8_t *token(const uint8_t *at, const char *word)
{
    while (at != NULL && *at == ' ')
        at++;
    return match(at, word);
}

/* To where a number begins, with or without a quote. */
static const uint8_t *open_number(const uint8_t *at, const char *quote, bool *ret_text)
{
    const uint8_t *inside = token(at, quote);
    *ret_text = inside != NULL;
    return inside != NULL ? inside : token(at, "");
}

static const uint8_t *skip_number(const uint8_t *at)
{
    while (at != NULL && (*at == '-' || (*at >= '0' && *at <= '9')))
        at++;
    return at;
}

static bool piece_make(const uint8_t *from, const uint8_t *to, struct piece *ret)
{
    *ret = (struct piece){.len = (size_t)(to - from)};
    if (ret->len > sizeof(ret->bytes))
        return false;
    memcpy(ret->bytes, from, ret->len);
    memset(ret->mask, 0xff, ret->len);
    return true;
}

static const uint8_t *open_value(const uint8_t *at, const struct spelling *s, bool *ret_text)
{
    at = token(token(token(at, "{"), s->value), ":");
    return open_number(at, s->quote, ret_text);
}

/* From the pair at `at` and the beginning of the next one; `ret_first` is where its value begins. */
static bool learn_style(const uint8_t *at, const struct spelling *s, struct style *ret, const uint8_t **ret_first)
{
    bool next_text = false;
    const uint8_t *value = open_value(at, s, &ret->value_text);
    const uint8_t *value_end = skip_number(value);
    at = token(ret->value_text ? token(value_end, s->quote) : value_end, ",");
    const uint8_t *decimals = open_number(token(token(at, s->decimals), ":"), s->quote, &ret->decimals_text);
    const uint8_t *decimals_end = skip_number(decimals);
    const uint8_t *end = token(ret->decimals_text ? token(decimals_end, s->quote) : decimals_end, "}");
    const uint8_t *next = open_value(token(end, ","), s, &next_text);
    *ret_first = value;
    return next != NULL && next_text == ret->value_text && piece_make(value_end, decimals, &ret->middle) &&
           piece_make(decimals_end, end, &ret->close) && piece_make(decimals_end, next, &ret->next);
}

/* ── all pairs ── */

static uint64_t load(const uint8_t *at)
{
    uint64_t word = 0;
    memcpy(&word, at, sizeof(word));
    return word;
}

static bool piece_at(const struct piece *p, const uint8_t *at)
{
    uint64_t first = (load(at) ^ p->bytes[0]) & p->mask[0];
    uint64_t second = (load(at + 8) ^ p->bytes[1]) & p->mask[1];
    uint64_t third = (load(at + 16) ^ p->bytes[2]) & p->mask[2];
    return (first | second | third) == 0;
}

struct digits {
    uint64_t number;
    size_t count;
};

/* Up to eight of them. */
static inline __attribute__((always_inline)) struct digits read_eight(const uint8_t *at)
{
    uint64_t values = digits_values(le64toh(load(at)));
    uint64_t others = digits_others(values);
    size_t n = others != 0 ? (size_t)__builtin_ctzll(others) / 8 : DIGITS_AT_ONCE;
    return (struct digits){n > 0 ? digits_join(values << 8 * (DIGITS_AT_ONCE - n)) : 0, n};
}

/* What goes on behind the first eight; the number is right up to FIXED_PAIR_DIGITS digits. */
static __attribute__((noinline)) struct digits read_more(const uint8_t *at, struct digits d)
{
    for (size_t more = DIGITS_AT_ONCE; more == DIGITS_AT_ONCE && d.count <= FIXED_PAIR_DIGITS; d.count += more) {
        struct digits next = read_eight(at + d.count);
        d.number = d.number * digits_power(next.count) + next.number;
        more = next.count;
    }
    return d;
}

/* One or two; anything else has no number that is allowed. */
static struct digits read_decimals(const uint8_t *at)
{
    unsigned first = at[0] - (unsigned)'0';
    unsigned second = at[1] - (unsigned)'0';
    bool two = second <= 9;
    return (struct digits){first > 9 ? UINT64_MAX : two ? first * 10 + second : first, 1 + two};
}

/* JSON takes no zero in front of a number. */
static bool is_padded(const uint8_t *number, size_t digits)
{
    return number[0] == '0' && digits > 1;
}

/* The pair whose value begins at `at`: behind its decimals, or NULL when it is not plain. Signs come at random, so no
   branch depends on them. */
static inline const uint8_t *read_pair(const uint8_t *at, const struct style *s, struct fixed_pair *ret)
{
    int64_t sign = -(int64_t)(*at == '-');
    at -= sign;
    struct digits value = read_eight(at);
    if (value.count == DIGITS_AT_ONCE)
        value = read_more(at, value);
    bool minus_zero = (value.number == 0) & (sign != 0);
    if (value.count - 1 >= FIXED_PAIR_DIGITS || minus_zero || (!s->value_text && is_padded(at, value.count)))
        return NULL;
    at += value.count;
    if (!piece_at(&s->middle, at))
        return NULL;
    at += s->middle.len;
    struct digits decimals = read_decimals(at);
    if (decimals.number > FIXED_PAIR_DECIMALS || (!s->decimals_text && is_padded(at, decimals.count)))
        return NULL;
    *ret = fixed_pair_of(((int64_t)value.number ^ sign) - sign, (unsigned)decimals.number);
    return at + decimals.count;
}

/* Packs pairs as long as they are like the first; there is room for all that the text can have. Returns how many;
   `ret_end` is behind the last of them. */
static size_t read_list(const uint8_t *at, const struct style *s, struct fixed_pair *ret, const uint8_t **ret_end)
{
    size_t count = 0;
    *ret_end = at;
    for (;;) {
        at = read_pair(at, s, &ret[count]);
        if (at == NULL)
            return count;
        bool more = piece_at(&s->next, at);
        if (!more && !piece_at(&s->close, at))
            return count;
        count++;
        *ret_end = at + s->close.len;
        if (!more)
            return count;
        at += s->next.len;
    }
}

/* ── the text ── */

/* Where the first value of a list stands if the key around `name` is the name of one. */
static const uint8_t *find_first(struct view text, const uint8_t *name, const struct spelling **ret)
{
    size_t before = (size_t)(name - text.data);
    if (before < 2 || name[-1] != '"')
        return NULL;
    *ret = &spellings[name[-2] == '\\'];
    const uint8_t *at = match(match(name, LIST_NAME), (*ret)->quote);
    return token(token(token(at, ":"), "["), "");
}

/* No stand-in, and no character of ASCII written by its number, which could be one. */
static bool is_innocent(struct view text)
{
    return text.len == 0 || (memchr(text.data, STAND_IN[0], text.len) == NULL &&
                             memmem(text.data, text.len, NUMBERED, strlen(NUMBERED)) == NULL);
}

static err_t keep(struct pairs *p, const uint8_t *from, const uint8_t *to)
{
    struct view text = view_of(from, (size_t)(to - from));
    return is_innocent(text) ? buf_put_view(&p->rest, text) : ERR_MALFORMED;
}

/* Takes the pairs from `first` on, if they are plain, and keeps what stands before them from `kept` on, which is then
   moved behind them. */
static err_t take_list(struct pairs *p, const uint8_t *first, const uint8_t *text_end, const struct spelling *s,
                       const uint8_t **kept)
{
    struct style style = {0};
    const uint8_t *value = NULL;
    const uint8_t *end = NULL;
    uint8_t *room = NULL;
    if (!learn_style(first, s, &style, &value))
        return OK;
    size_t most = (size_t)(text_end - first) / PAIR_MIN + 1;
    TRY(buf_reserve(&p->taken, most * sizeof(struct fixed_pair), &room));
    size_t count = read_list(value, &style, (struct fixed_pair *)(void *)room, &end);
    if (count < LIST_MIN)
        return OK;
    TRY(keep(p, *kept, first));
    TRY(buf_printf(&p->rest, "{%s" STAND_IN "%s:%zu,%s%s:%zu}", s->quote, s->quote,
                   p->taken.len / sizeof(struct fixed_pair), s->quote, s->quote, count));
    buf_commit(&p->taken, count * sizeof(struct fixed_pair));
    p->lists++;
    *kept = end;
    return OK;
}

err_t pairs_take(struct view text, size_t max_memory, struct pairs *ret)
{
    AUTO(pairs_done) struct pairs p = {.taken = BUF_WITH(max_memory / 2), .rest = BUF_WITH(max_memory / 2)};
    const uint8_t *end = text.data + text.len;
    const uint8_t *kept = text.data;
    const uint8_t *name = text.data;
    while ((name = memmem(name, (size_t)(end - name), LIST_NAME, strlen(LIST_NAME))) != NULL) {
        const struct spelling *spelling = NULL;
        const uint8_t *first = find_first(text, name, &spelling);
        if (first != NULL)
            TRY(take_list(&p, first, end, spelling, &kept));
        name = MAX(name + strlen(LIST_NAME), kept);
    }
    if (p.lists > 0) {
        TRY(keep(&p, kept, end));
        *ret = p;
        p = (struct pairs){0};
    }
    return OK;
}

void pairs_done(struct pairs *p)
{
    buf_done(&p->taken);
    buf_done(&p->rest);
    p->lists = 0;
}

struct pair_list pairs_of(const struct pairs *p, yyjson_val *values)
{
    yyjson_obj_iter fields = {0};
    (void)yyjson_obj_iter_init(yyjson_arr_get_first(values), &fields);
    yyjson_val *start = yyjson_obj_iter_next(&fields);
    yyjson_val *count = yyjson_obj_iter_next(&fields);
    if (p->lists == 0 || !yyjson_equals_str(start, STAND_IN))
        return (struct pair_list){0};
    uint64_t at = yyjson_get_uint(yyjson_obj_iter_get_val(start));
    uint64_t n = yyjson_get_uint(yyjson_obj_iter_get_val(count));
    assert(at + n <= p->taken.len / sizeof(struct fixed_pair));
    return (struct pair_list){(const struct fixed_pair *)(const void *)p->taken.data + at, n};
}
