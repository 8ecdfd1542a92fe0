/* Lines and their keys, as far as it takes to see which ones are there. */
#include "cli/wanted.h"

#include "wire/options.h"

static struct view key_of(struct view line)
{
    struct view key = view_cut(&line, '=');
    while (key.len > 0 && (key.data[0] == ' ' || key.data[0] == '\t'))
        key = view_of(key.data + 1, key.len - 1);
    while (key.len > 0 && key.data[key.len - 1] <= ' ')
        key.len--;
    return key;
}

/* Whether a line has this key; NULL: any. */
static bool has_key(struct view text, const char *wanted)
{
    while (text.len > 0) {
        struct view key = key_of(view_cut(&text, '\n'));
        bool is_key = key.len > 0 && key.data[0] != '#' && key.data[0] != '[';
        if (is_key && (wanted == NULL || view_is(key, wanted)))
            return true;
    }
    return false;
}

err_t wanted_fill(struct buf *policy)
{
    if (!has_key(buf_view(policy), NULL))
        return OK;
    for (size_t i = 0; i < options_count; i++)
        if (options[i].section == SECTION_POLICY && options[i].initial != NULL &&
            !has_key(buf_view(policy), options[i].key))
            TRY(buf_printf(policy, "\n%s = %s\n", options[i].key, options[i].initial));
    return OK;
}
