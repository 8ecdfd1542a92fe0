/* Plain (unsharded) UnixFS directories: the links of the node are the entries. */
#ifndef VERONNX_IPLD_DIRECTORY_H
#define VERONNX_IPLD_DIRECTORY_H

#include "ipld/dagpb.h"

/* What the entry `name` of a directory's links names. ERR_MODEL_PATH_NOT_FOUND; ERR_DAG_MALFORMED when two entries,
   whichever, have the same name; ERR_NOMEM. Takes n log n time and 16 bytes an entry. */
err_t directory_find(const struct dagpb_node *node, struct view name, struct cid_ref *ret);

#endif
