/* veronnx models. */
#include "cli/cmd_models.h"

#include "cli/command.h"
#include "cli/http.h"
#include "cli/loading.h"
#include "cli/node.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

static const char help[] = "Usage: veronnx models [--admin URL | --ready-file FILE] [--json]\n"
                           "\n"
                           "Lists the models of a node, one a line: bytes of the file, model, state.\n"
                           "\n"
                           "  --admin URL        administration listener; default: that of the node that runs here\n"
                           "  --ready-file FILE  where that node wrote its ready file\n"
                           "  --json             the node's answer as it came\n"
                           "  --help             this text\n";

struct models {
    const char *admin;
    const char *ready_file;
    bool json;
    bool help;
};

static err_t parse(struct models *m, int argc, char **argv, struct why *why)
{
    static const struct option options[] = {
        {"admin", required_argument, NULL, 'a'}, {"ready-file", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int o = 0; o != -1;) {
        TRY(command_option(argc, argv, options, &o, why));
        m->admin = o == 'a' ? optarg : m->admin;
        m->ready_file = o == 'r' ? optarg : m->ready_file;
        m->json = o == 'j' || m->json;
        m->help = o == 'h' || m->help;
    }
    return command_no_more(argc, argv, why);
}

static void print_rows(yyjson_val *root)
{
    size_t i = 0, n = 0;
    yyjson_val *row = NULL;
    yyjson_arr_foreach(yyjson_obj_get(root, "models"), i, n, row)
    {
        char state[LOADING_TEXT_MAX];
        yyjson_val *model = yyjson_obj_get(row, "model");
        loading_text(row, state);
        (void)printf("%12" PRIu64 "  ", yyjson_get_uint(yyjson_obj_get(row, "file_bytes")));
        show_escaped(view_of(yyjson_get_str(model), yyjson_get_len(model)));
        (void)printf("  ");
        show_escaped(view_of(state, strlen(state)));
        (void)putchar('\n');
    }
}

static err_t show(const struct models *m, struct http_result *r, struct why *why)
{
    struct node node = {0};
    char url[NODE_URL_MAX];
    if (m->admin == NULL)
        TRY(node_find(m->ready_file, &node, why));
    TRY(command_blame("--admin", node_url(m->admin != NULL ? m->admin : node.admin_url, "/models", url, why), why));
    struct http_call call = {.url = url};
    TRY(http_perform(&call, r, why));
    if (r->status != 200)
        return why_set(why, ERR_CLOSED, "the node answered %ld", r->status);
    if (m->json) {
        (void)printf("%.*s", (int)r->body.len, (const char *)r->body.data);
        return OK;
    }
    yyjson_doc *doc = yyjson_read((const char *)r->body.data, r->body.len, 0);
    print_rows(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return OK;
}

int cmd_models(int argc, char **argv)
{
    struct models m = {0};
    struct why why = {0};
    AUTO(http_result_done) struct http_result r = {0};
    err_t e = parse(&m, argc, argv, &why);
    if (e == OK && m.help)
        (void)fputs(help, stdout);
    else if (e == OK)
        e = show(&m, &r, &why);
    return command_end("models", e, &why);
}
