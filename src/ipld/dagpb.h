/* dag-pb nodes (ipld.io/specs/codecs/dag-pb/spec): links, then data; strict, nothing allocated.

       PBNode { repeated PBLink Links = 2; optional bytes Data = 1 }
       PBLink { optional bytes Hash = 1; optional string Name = 2; optional uint64 Tsize = 3 }

   Links come in one run, before or (in old nodes) behind the data; the fields of a link in order, each once, the
   hash required. */
#ifndef VERONNX_IPLD_DAGPB_H
#define VERONNX_IPLD_DAGPB_H

#include "ipld/cid.h"

struct dagpb_node {
    struct view links; /* the run of link fields, for dagpb_take_link */
    size_t n_links;
    struct view data; /* empty when absent */
};

struct dagpb_link {
    struct cid_ref target;
    struct view name; /* empty when absent; any bytes */
    uint64_t tsize;   /* a hint that nobody checks: never account with it */
};

/* Checks the whole block, every link included; views are borrowed from it. ERR_DAG_MALFORMED. */
err_t dagpb_parse(struct view block, struct dagpb_node *ret);
/* Takes the next link from a run. */
err_t dagpb_take_link(struct view *links, struct dagpb_link *ret);

/* Appends one link to a run, in the form in which Kubo writes it: Name and Tsize always present. */
err_t dagpb_put_link(struct buf *links, const struct cid *target, struct view name, uint64_t tsize);
/* Appends the block: links, then data unless empty. */
err_t dagpb_put(struct buf *block, const struct dagpb_node *node);

#endif
