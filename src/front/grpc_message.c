/* Frames, and an allocator that keeps count. */
#include "front/grpc_message.h"

#include "base/mem.h"

#include <assert.h>
#include <endian.h>
#include <stdalign.h>
#include <string.h>

/* In front of each block, so that freeing it gives back what it took. */
struct block {
    alignas(max_align_t) size_t size;
};

/* ── frames ── */

err_t grpc_frame_take(struct view *in, bool *ret_compressed, struct view *ret_message)
{
    struct view at = *in;
    uint8_t flag = 0;
    uint32_t len = 0;
    TRY(view_u8(&at, &flag));
    TRY(view_u32be(&at, &len));
    if (flag > 1)
        return ERR_MALFORMED;
    TRY(view_take(&at, len, ret_message));
    *ret_compressed = flag == 1;
    *in = at;
    return OK;
}

void grpc_prefix(uint8_t ret[static GRPC_PREFIX], size_t len)
{
    const uint32_t raw = htobe32((uint32_t)len);
    ret[0] = 0;
    memcpy(ret + 1, &raw, sizeof(raw));
}

/* ── reading ── */

static void *take_block(void *self, size_t n)
{
    struct grpc_memory *m = self;
    size_t whole = 0;
    if (__builtin_add_overflow(n, sizeof(struct block), &whole) || whole > m->left) {
        m->full = true;
        return NULL;
    }
    struct block *b = mem_resize(NULL, whole);
    m->failed = m->failed || b == NULL;
    if (b == NULL)
        return NULL;
    b->size = whole;
    m->left -= whole;
    return b + 1;
}

static void give_block(void *self, void *p)
{
    struct grpc_memory *m = self;
    if (p == NULL)
        return;
    struct block *b = (struct block *)p - 1;
    m->left += b->size;
    mem_free(b);
}

err_t grpc_unpack(const ProtobufCMessageDescriptor *type, struct view message, struct grpc_memory *m,
                  ProtobufCMessage **ret)
{
    ProtobufCAllocator a = {take_block, give_block, m};
    m->full = m->failed = false;
    *ret = protobuf_c_message_unpack(type, &a, message.len, message.data);
    if (*ret != NULL)
        return OK;
    if (m->full)
        return ERR_TOO_LARGE;
    return m->failed ? ERR_NOMEM : ERR_MALFORMED;
}

void grpc_free(ProtobufCMessage **message, struct grpc_memory *m)
{
    ProtobufCAllocator a = {take_block, give_block, m};
    if (*message != NULL)
        protobuf_c_message_free_unpacked(TAKE_PTR(*message), &a);
}

/* ── writing ── */

err_t grpc_put(const ProtobufCMessage *message, struct buf *out)
{
    uint8_t *room = NULL;
    size_t len = protobuf_c_message_get_packed_size(message);
    TRY(buf_reserve(out, MAX(len, 1), &room));
    size_t put = protobuf_c_message_pack(message, room);
    assert(put == len);
    buf_commit(out, put);
    return OK;
}

err_t grpc_put_framed(const ProtobufCMessage *message, struct buf *out)
{
    uint8_t prefix[GRPC_PREFIX];
    grpc_prefix(prefix, protobuf_c_message_get_packed_size(message));
    TRY(buf_put(out, prefix, sizeof(prefix)));
    return grpc_put(message, out);
}

ProtobufCBinaryData grpc_text(struct view text)
{
    return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

ProtobufCBinaryData grpc_literal(const char *text)
{
    return grpc_text(view_of(text, strlen(text)));
}
