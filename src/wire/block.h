/* The block protocol between an infer process, which pulls, and the fetcher, over one byte stream. Frames are

       u32 little-endian: bytes that follow | u8 type | body

       from infer:  WANT         u8 flags | CID
                    CANCEL       CID                                      not wanted any more
                    REFUSED      u32 source | CID                         what came from it is not that block
       from fetch:  BLOCK        u32 source | u8 CID length | CID | bytes
                    NOT_FOUND    CID                                      no source has it
                    SOURCE_DEAD                                           no source answers any more

   Each side always reads. The wants that have not been answered take at most BLOCK_WANTS_MAX bytes of frames, so a
   want never blocks; who exceeds that, or sends anything else than its rows, is cut off. A REFUSED comes at most once
   for a BLOCK and asks for nothing: when the block is still wanted a WANT follows. Pure: these functions see buffers
   only. */
#ifndef VERONNX_WIRE_BLOCK_H
#define VERONNX_WIRE_BLOCK_H

#include "base/buf.h"

#define BLOCK_CID_MAX   44
#define BLOCK_DATA_MAX  (2 * MIB)
#define BLOCK_HEAD_MAX  64 /* what a frame has besides the bytes of a block */
#define BLOCK_FRAME_MAX (BLOCK_DATA_MAX + BLOCK_HEAD_MAX)
#define BLOCK_WANTS_MAX (4 * KIB)
#define BLOCK_IDLE_MS   30000 /* no byte for so long while something is wanted: the other side is dead */

enum block_type {
    BLOCK_WANT = 1,
    BLOCK_CANCEL,
    BLOCK_BLOCK,
    BLOCK_NOT_FOUND,
    BLOCK_SOURCE_DEAD,
    BLOCK_REFUSED,
};
enum block_sender {
    BLOCK_FROM_INFER,
    BLOCK_FROM_FETCH,
};
#define BLOCK_FLAG_WHOLE_DAG 1 /* WANT: everything below it will be wanted too */

struct block_frame {
    enum block_type type;
    uint8_t flags;     /* WANT */
    uint32_t source;   /* BLOCK: number of the source that it came from; REFUSED: the same, whose fault it is */
    struct view cid;   /* all but SOURCE_DEAD: 1 to BLOCK_CID_MAX bytes, not looked into */
    struct view bytes; /* BLOCK: at most BLOCK_DATA_MAX */
};

/* Takes the frame at the front of `in`; its views are borrowed from `in`. ERR_TRUNCATED: not all there yet (`in`
   unchanged, see block_missing). ERR_PROTOCOL: a type that `from` may not send, a wrong length, an unknown flag: cut
   the peer off. */
err_t block_decode(struct view *in, enum block_sender from, struct block_frame *ret);

/* While the frame at the front is not whole: how many bytes to read next (up to its type, then all of it). Never
   more than one frame, once block_decode has said ERR_TRUNCATED. */
size_t block_missing(struct view in);

/* Appends the frame but not the bytes of a BLOCK: those must follow at once, bytes.len of them, from wherever they
   are. */
err_t block_encode_head(struct buf *out, const struct block_frame *f);

/* Length of the WANT frame for a CID of `cid_len` bytes: what counts against BLOCK_WANTS_MAX. */
size_t block_want_len(size_t cid_len);

#endif
