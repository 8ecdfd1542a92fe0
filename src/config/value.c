/* Numbers with units, addresses, models. */
#include "config/value.h"

#include "base/text.h"
#include "ipld/model_id.h"

#include <string.h>

struct unit {
    const char *suffix;
    uint64_t factor;
};

/* The longest suffix stands first. */
static err_t with_unit(struct view text, const struct unit *units, size_t n_units, uint64_t *ret)
{
    uint64_t n = 0;
    for (size_t i = 0; i < n_units; i++) {
        size_t len = strlen(units[i].suffix);
        if (text.len <= len || !view_is(view_of(text.data + text.len - len, len), units[i].suffix))
            continue;
        if (text_u64(view_of(text.data, text.len - len), UINT64_MAX / units[i].factor, &n) != OK)
            return ERR_USAGE;
        *ret = n * units[i].factor;
        return OK;
    }
    return ERR_USAGE;
}

err_t value_bytes(struct view text, uint64_t *ret)
{
    static const struct unit units[] = {{"k", KIB}, {"K", KIB}, {"M", MIB}, {"G", GIB}, {"T", 1024 * GIB}, {"", 1}};
    return with_unit(text, units, COUNT_OF(units), ret);
}

err_t value_time(struct view text, uint64_t *ret)
{
    static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    return with_unit(text, units, COUNT_OF(units), ret);
}

err_t value_word(struct view text, char *ret, size_t size)
{
    if (text.len == 0 || text.len >= size)
        return ERR_USAGE;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e || text.data[i] == '"' || text.data[i] == '\\')
            return ERR_USAGE;
    memset(ret, 0, size);
    memcpy(ret, text.data, text.len);
    return OK;
}

static bool is_wildcard(const struct address *a)
{
    static const uint8_t any[sizeof(a->addr)] = {0};
    return memcmp(a->addr, any, sizeof(any)) == 0; /* vsock and Unix sockets have no host either */
}

err_t value_listen(struct view text, struct address *ret, char ret_name[static 64])
{
    struct address a;
    TRY(address_parse(text, ADDRESS_LISTEN, &a));
    struct view host = view_of(text.data, text.len);
    while (host.len > 0 && host.data[--host.len] != ':')
        continue;
    if (host.len > 2 && host.data[0] == '[')
        host = view_of(host.data + 1, host.len - 2);
    memset(ret_name, 0, 64);
    if (!is_wildcard(&a))
        TRY(value_word(host, ret_name, 64));
    *ret = a;
    return OK;
}

err_t value_model(struct view text, struct wire_model *ret, struct why *why)
{
    struct model_id id;
    struct wire_model m = {0};
    if (model_id_parse(text, &id, why) != OK)
        return ERR_USAGE;
    m.cid_len = id.cid.len;
    memcpy(m.cid, id.cid.bytes, id.cid.len);
    m.path_len = id.path_len;
    memcpy(m.path, id.path, id.path_len);
    *ret = m;
    return OK;
}

err_t value_alias(struct view text, struct conf_alias *ret, struct why *why)
{
    struct conf_alias a = {0};
    struct wire_model other;
    size_t n = conf_name_len(text);
    struct view name = view_of(text.data, n);
    if (value_word(name, a.name, sizeof(a.name)) != OK || n == text.len || text.data[n] != ' ')
        return why_set(why, ERR_USAGE, "must be a name of letters, digits and ._-/ (at most %d), a blank, and a CID",
                       CONF_NAME_MAX - 1);
    if (value_model(name, &other, NULL) == OK)
        return why_set(why, ERR_USAGE, "the name must not be a CID itself");
    while (n < text.len && text.data[n] == ' ')
        n++;
    TRY(value_model(view_of(text.data + n, text.len - n), &a.model, why));
    *ret = a;
    return OK;
}

/* Up to a blank; the blanks behind it are dropped. */
static struct view take_word(struct view *text)
{
    size_t n = 0;
    while (n < text->len && text->data[n] != ' ')
        n++;
    struct view word = view_of(text->data, n);
    while (n < text->len && text->data[n] == ' ')
        n++;
    *text = view_of(text->data + n, text->len - n);
    return word;
}

err_t value_source(struct view text, struct conf_source *ret, struct view *ret_file, struct why *why)
{
    struct conf_source s = {0};
    enum source_kind kind = SOURCE_KINDS_;
    struct view word = take_word(&text), file = {0};
    if (source_kind_find(word, &kind) != OK || kind == SOURCE_STORE)
        return why_set(why, ERR_USAGE, "must begin with a kind (gateway, kubo or files) and a blank");
    struct view url = take_word(&text);
    struct why said = {0};
    if (source_url_check(url, &said) != OK || value_word(url, s.url, sizeof(s.url)) != OK)
        return why_set(why, ERR_USAGE, "behind the kind must stand %s", said.text);
    if (text.len > 0) {
        word = take_word(&text);
        file = text;
        if (!view_is(word, "token-file") || file.len == 0)
            return why_set(why, ERR_USAGE, "only `token-file FILE` may stand behind the URL");
    }
    s.kind = (uint32_t)kind;
    *ret = s;
    *ret_file = file;
    return OK;
}
