/* Reading a ready file. */
#include "cli/node.h"

#include "cli/command.h"
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
    return why_set(why, ERR_USAGE, "HOME is not set: --ready-file is needed");
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
    else
        TRY(command_blame("--ready-file", file_read(ready_file, &text, why), why));
    if (ready_file == NULL && file_read(path, &text, NULL) != OK)
        return why_set(why, ERR_CLOSED, "no node is running that wrote %.128s (--ready-file names another)", path);
    yyjson_doc *doc = yyjson_read((const char *)text.data, text.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    take(root, "url", ret->url, sizeof(ret->url));
    take(root, "admin_url", ret->admin_url, sizeof(ret->admin_url));
    take(root, "cert", ret->cert, sizeof(ret->cert));
    take(root, "receipt_key", ret->receipt_key, sizeof(ret->receipt_key));
    yyjson_doc_free(doc);
    return ret->url[0] != '\0' ? OK : why_set(why, ERR_USAGE, "--ready-file: not what `veronnx serve` writes");
}

err_t node_url(const char *node, const char *path, char ret[static NODE_URL_MAX], struct why *why)
{
    size_t len = strlen(node);
    if (strncmp(node, "https://", 8) != 0 && strncmp(node, "http://", 7) != 0)
        return why_set(why, ERR_USAGE, "must begin with https:// or http://");
    while (node[len - 1] == '/')
        len--;
    int n = snprintf(ret, NODE_URL_MAX, "%.*s%s", (int)len, node, path);
    return n > 0 && n < NODE_URL_MAX ? OK : why_set(why, ERR_USAGE, "longer than %d bytes", NODE_URL_MAX - 8);
}
