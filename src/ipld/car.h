/* Content-addressed archives, version 1 (ipld.io/specs/transport/car/carv1), strict both ways.

       header   varint length | dag-cbor {"roots": [CID...], "version": 1}
       section  varint length | CID | bytes of the block             as many as there are */
#ifndef VERONNX_IPLD_CAR_H
#define VERONNX_IPLD_CAR_H

#include "base/varint.h"
#include "ipld/cid.h"

#define CAR_HEADER_MAX   (4 * KIB)
#define CAR_CID_MAX      168 /* of a section, whatever its hash */
#define CAR_SECTION_MAX  (CAR_CID_MAX + BLOCK_MAX)
#define CAR_SECTION_HEAD (VARINT_MAX_LEN + CID_MAX_LEN) /* what car_put_section appends, at most */

struct car_section {
    struct cid_ref cid; /* what the archive says, right or wrong; of any kind */
    struct view bytes;  /* at most BLOCK_MAX, borrowed */
    uint64_t offset;    /* of `bytes` in the archive */
};

/* Called from car_push; an error ends the reading with that error. */
struct car_sink {
    void *user;
    /* May be NULL. What the header lists, in order, when all of it is well-formed; archives in the wild list what they
       like. */
    err_t (*root)(void *user, const struct cid_ref *root);
    err_t (*section)(void *user, const struct car_section *section);
};

/* Holds the beginning of one section: never more than CAR_SECTION_MAX and its length. Sections that lie whole in what
   is pushed are not copied. */
struct car_reader {
    struct car_sink sink;
    struct buf in;
    uint64_t offset; /* of `in`, or of what is pushed next, in the archive */
    bool in_sections;
};
void car_reader_init(struct car_reader *r, const struct car_sink *sink);
/* Frees; accepts a zeroed struct. */
void car_reader_done(struct car_reader *r);

/* The next bytes of the archive, of any number. ERR_CAR_MALFORMED, ERR_CAR_VERSION, ERR_BLOCK_TOO_LARGE, ERR_NOMEM, or
   the sink's error; `why` (or NULL) gets the place and the reason. After an error the reader can only be freed. */
err_t car_push(struct car_reader *r, struct view bytes, struct why *why);
/* The archive ends here. ERR_CAR_TRUNCATED when that is inside the header or a section. (One that was cut between two
   sections cannot be told from a whole one: only who knows which blocks are needed can.) */
err_t car_finish(const struct car_reader *r, struct why *why);

/* Appends the header. ERR_TOO_LARGE for more roots than CAR_HEADER_MAX has room for. */
err_t car_put_header(struct buf *out, const struct cid *roots, size_t n_roots);
/* Appends the head of a section: `block_len` bytes must follow from wherever they are. ERR_BLOCK_TOO_LARGE. */
err_t car_put_section(struct buf *out, const struct cid *cid, size_t block_len);

#endif
