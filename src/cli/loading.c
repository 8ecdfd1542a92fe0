/* Asking the administration listener now and then. */
#include "cli/loading.h"

#include "base/mem.h"
#include "cli/http.h"
#include "cli/node.h"
#include "cli/progress.h"
#include "wire/conf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 500

struct loading {
    char url[NODE_URL_MAX];
    struct progress progress;
};

static uint64_t number(yyjson_val *row, const char *name)
{
    return yyjson_get_uint(yyjson_obj_get(row, name));
}

void loading_text(yyjson_val *row, char ret[static LOADING_TEXT_MAX])
{
    const char *state = yyjson_get_str(yyjson_obj_get(row, "state"));
    const char *code = yyjson_get_str(yyjson_obj_get(row, "code"));
    yyjson_val *percent = yyjson_obj_get(row, "percent");
    uint64_t retry_s = (number(row, "retry_ms") + 999) / 1000;
    if (code != NULL && retry_s > 0)
        (void)snprintf(ret, LOADING_TEXT_MAX, "failed: %s, again in %" PRIu64 " s", code, retry_s);
    else if (code != NULL)
        (void)snprintf(ret, LOADING_TEXT_MAX, "failed: %s", code);
    else if (percent != NULL)
        (void)snprintf(ret, LOADING_TEXT_MAX, "%s %" PRIu64 " %%", state, yyjson_get_uint(percent));
    else
        (void)snprintf(ret, LOADING_TEXT_MAX, "%s", state != NULL ? state : "?");
}

struct loading *loading_new(const char *admin_url, const char *model)
{
    char base[NODE_URL_MAX];
    struct view name = view_of(model, strlen(model));
    if (isatty(STDERR_FILENO) == 0 || conf_name_len(name) != name.len || admin_url[0] == '\0' ||
        node_url(admin_url, "/models?model=", base, NULL) != OK)
        return NULL;
    struct loading *l = mem_alloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    int n = snprintf(l->url, sizeof(l->url), "%s%s", base, model);
    if (n > 0 && (size_t)n < sizeof(l->url)) {
        progress_begin(&l->progress, "loading the model");
        return l;
    }
    mem_free(l);
    return NULL;
}

static void show_row(struct loading *l, yyjson_val *row)
{
    const char *state = yyjson_get_str(yyjson_obj_get(row, "state"));
    if (state != NULL && strcmp(state, "downloading") == 0)
        progress_show(&l->progress, number(row, "bytes"), number(row, "file_bytes"), (unsigned)number(row, "sources"));
    else
        progress_clear(&l->progress);
}

void loading_show(void *loading)
{
    struct loading *l = loading;
    struct http_call call = {.url = l->url, .timeout_ms = PATIENCE_MS};
    AUTO(http_result_done) struct http_result r = {0};
    if (http_perform(&call, &r, NULL) != OK || r.status != 200)
        return;
    yyjson_doc *doc = yyjson_read((const char *)r.body.data, r.body.len, 0);
    show_row(l, yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "models")));
    yyjson_doc_free(doc);
}

void loading_free(struct loading *l)
{
    if (l == NULL)
        return;
    progress_clear(&l->progress);
    mem_free(l);
}
