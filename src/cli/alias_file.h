/* Folders of models served by name: which names their files have, and the part of a configuration that pins each to its
 * CID. */
#ifndef VERONNX_CLI_ALIAS_FILE_H
#define VERONNX_CLI_ALIAS_FILE_H

#include "ipld/cid.h"
#include "wire/conf.h"

struct alias_item {
    char name[CONF_NAME_MAX];
    char *path;
    uint64_t version; /* the folder NAME/VERSION/ that it is in; 0: in none */
    struct cid cid;
};

/* Large, so it is made with mem_alloc. */
struct alias_list {
    struct alias_item items[CONF_ALIAS_MAX];
    size_t count;
};
/* For AUTO; accepts a pointer to NULL. */
void alias_list_free(struct alias_list **l);

/* The name of a file by its path below the folder that was given, which ends in ".onnx": the path without that, and
   without what other servers put behind a model's name, /VERSION/model. ERR_USAGE, with a sentence, when it cannot be
   an alias. */
err_t alias_name(struct view path, char ret[static CONF_NAME_MAX], uint64_t *ret_version, struct why *why);

/* Appends the file, or every *.onnx in and below the folder: what begins with a dot and lost+found are passed over,
   links are followed. The sentence of an error names the file. ERR_IO, ERR_MODEL_ID_INVALID, ERR_TOO_LARGE, ERR_NOMEM.
 */
err_t alias_find(const char *path, struct alias_list *l, struct why *why);

/* When all are found: sorts them by name and keeps the highest version of each. `only` (NULL: none) is the name of the
   model if there is only one. ERR_MODEL_NOT_FOUND, ERR_MODEL_ID_INVALID for two with one name, ERR_USAGE for `only`. */
err_t alias_settle(struct alias_list *l, const char *only, struct why *why);

/* Writes the configuration as a whole; a file that says the same already stays as it is. ERR_TOO_LARGE, ERR_USAGE,
 * ERR_IO. */
err_t alias_write(const struct alias_list *l, const char *file, struct why *why);

#endif
