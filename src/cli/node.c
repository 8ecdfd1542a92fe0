/* Reading a ready file. */
#include "cli/node.h"

#include "cli/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static err_t default_file(char *ret, size_t size, struct why *why)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (state != NULL && state[0] == '/')
        n = snprintf(ret, size, "%s/veronnx/ready.json", state);
    else if (home != NULL && home[0] == '/')
        n = snprintf(ret, size, "%s/.local/state/veronnx/ready.json", home);
    if (n > 0 && (size_t)n < size)
        return OK;
    return why_set(why, ERR_USAGE, "HOME is not set: say where the node is");
}

static void take(yyjson_val *root, const char *key, char *ret, size_t size)
{
    const char *text = yyjson_get_str(yyjson_obj_get(root, key));
    (void)snprintf(ret, size, "%s", text != NULL ? text : "");
}

err_t node_find(const char *ready_file, struct node *ret, struct why *why)
{
    char path[1024];
    AUTO_BUF struct buf text = BUF_WITH(64 * KIB);
    if (ready_file == NULL)
        TRY(default_file(path, sizeof(path), why));
    if (file_read(ready_file != NULL ? ready_file : path, &text, NULL) != OK)
        return why_set(why, ERR_USAGE, "no node found (%.128s): is `veronnx serve` running? else say where it is",
                       ready_file != NULL ? ready_file : path);
    yyjson_doc *doc = yyjson_read((const char *)text.data, text.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    take(root, "url", ret->url, sizeof(ret->url));
    take(root, "admin_url", ret->admin_url, sizeof(ret->admin_url));
    take(root, "cert", ret->cert, sizeof(ret->cert));
    take(root, "receipt_key", ret->receipt_key, sizeof(ret->receipt_key));
    yyjson_doc_free(doc);
    return ret->url[0] != '\0' ? OK : why_set(why, ERR_USAGE, "the ready file is not what `veronnx serve` writes");
}
