/* Lines of a policy, trimmed and sorted. */
#include "verify/policy.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct line {
    struct view key;
    struct view value;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct view trimmed(struct view v)
{
    while (v.len > 0 && is_blank(v.data[v.len - 1]))
        v.len--;
    while (v.len > 0 && is_blank(v.data[0]))
        v = view_of(v.data + 1, v.len - 1);
    return v;
}

/* Everything up to `end`, which is taken too; all when it is not there. */
static struct view take_until(struct view *rest, uint8_t end)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
    size_t n = at != NULL ? (size_t)(at - rest->data) : rest->len;
    struct view part = view_of(rest->data, n);
    size_t taken = at != NULL ? n + 1 : n;
    *rest = view_of(rest->data + taken, rest->len - taken);
    return part;
}

static err_t read_line(struct view text, struct line *ret)
{
    struct view rest = text;
    struct view key = take_until(&rest, '=');
    if (key.len == text.len)
        return ERR_MALFORMED;
    *ret = (struct line){trimmed(key), trimmed(rest)};
    return ret->key.len > 0 ? OK : ERR_MALFORMED;
}

static err_t read_lines(struct view text, struct line lines[static POLICY_LINES], size_t *ret_count)
{
    size_t count = 0;
    while (text.len > 0) {
        struct view line = trimmed(take_until(&text, '\n'));
        if (line.len == 0 || line.data[0] == '#' || view_is(line, "[policy]"))
            continue;
        if (count == POLICY_LINES)
            return ERR_MALFORMED;
        TRY(read_line(line, &lines[count++]));
    }
    *ret_count = count;
    return OK;
}

static int compare_bytes(struct view a, struct view b)
{
    size_t n = MIN(a.len, b.len);
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0; /* nothing here is secret */
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* As the whole lines sort: behind a key comes a blank, which no key has and which is below all that one has. */
static int compare(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    int order = compare_bytes(x->key, y->key);
    return order != 0 ? order : compare_bytes(x->value, y->value);
}

err_t policy_canonical(struct view text, struct buf *out)
{
    size_t count = 0;
    AUTO_MEM struct line *lines = mem_alloc(POLICY_LINES, sizeof(*lines));
    if (lines == NULL)
        return ERR_NOMEM;
    TRY(read_lines(text, lines, &count));
    qsort(lines, count, sizeof(*lines), compare);
    for (size_t i = 0; i < count; i++) {
        TRY(buf_put_view(out, lines[i].key));
        TRY(buf_put_text(out, " = "));
        TRY(buf_put_view(out, lines[i].value));
        TRY(buf_put_u8(out, '\n'));
    }
    return OK;
}
