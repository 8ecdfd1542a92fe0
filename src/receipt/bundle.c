/* The map of the bundle, one table of parts for both directions. */
#include "receipt/bundle.h"

#define KEY_VERSION 1

/* In the order of their keys, from 2 on. */
static const struct {
    const char *name;
    size_t max;
    size_t offset;
} parts[] = {
    {"receipt", RECEIPT_BYTES_MAX, offsetof(struct bundle, receipt)},
    {"document", BUNDLE_DOCUMENT_MAX, offsetof(struct bundle, document)},
    {"keyset", KEYSET_MAX, offsetof(struct bundle, keyset)},
    {"node configuration", BUNDLE_TEXT_MAX, offsetof(struct bundle, node)},
    {"policy", BUNDLE_TEXT_MAX, offsetof(struct bundle, policy)},
};

err_t bundle_write(const struct bundle *b, struct cbor_writer *w)
{
    struct view written = {0};
    cbor_put_map(w, 1 + COUNT_OF(parts));
    cbor_put_uint(w, KEY_VERSION);
    cbor_put_uint(w, BUNDLE_VERSION);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const struct view *part = (const struct view *)(const void *)((const char *)b + parts[i].offset);
        if (part->len > parts[i].max)
            return ERR_TOO_LARGE;
        cbor_put_uint(w, KEY_VERSION + 1 + i);
        cbor_put_bytes(w, *part);
    }
    return cbor_written(w, &written);
}

static err_t get_version(struct cbor_reader *r)
{
    uint64_t key = 0, version = 0;
    TRY(cbor_enter_map(r, 1 + COUNT_OF(parts)));
    TRY(cbor_get_uint(r, KEY_VERSION, &key));
    TRY(cbor_get_uint(r, BUNDLE_VERSION, &version));
    return key == KEY_VERSION && version == BUNDLE_VERSION ? OK : ERR_MALFORMED;
}

static err_t get_part(struct cbor_reader *r, size_t i, struct bundle *b)
{
    uint64_t key = 0;
    TRY(cbor_get_uint(r, KEY_VERSION + COUNT_OF(parts), &key));
    if (key != KEY_VERSION + 1 + i)
        return ERR_MALFORMED;
    return cbor_get_bytes(r, parts[i].max, (struct view *)(void *)((char *)b + parts[i].offset));
}

err_t bundle_read(struct view bytes, struct bundle *ret, struct why *why)
{
    struct bundle b = {0};
    struct cbor_reader r = cbor_reader_on(bytes, CBOR_DETERMINISTIC);
    if (get_version(&r) != OK)
        return why_set(why, ERR_BUNDLE_MALFORMED, "bundle: not a map that begins with version %d", BUNDLE_VERSION);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (get_part(&r, i, &b) != OK)
            return why_set(why, ERR_BUNDLE_MALFORMED, "%s: missing, or not %zu bytes at most", parts[i].name,
                           parts[i].max);
    if (cbor_leave(&r) != OK || cbor_end(&r) != OK)
        return why_set(why, ERR_BUNDLE_MALFORMED, "bundle: something follows its parts");
    *ret = b;
    return OK;
}
