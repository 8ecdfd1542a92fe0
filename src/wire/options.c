/* The table of the configuration. */
#include "wire/options.h"

#include "base/buf.h"

const char *const option_sections[SECTION_COUNT_] = {"node", "policy", "fetch"};

static const char *const models_choices[] = {"any", "list", NULL};
static const char *const prepared_choices[] = {"auto", "always", "never", NULL};
static const char *const isolation_choices[] = {"shared", NULL};

#define AT(field) offsetof(struct conf, field)

const struct option options[] = {
    {"listen", SECTION_NODE, OPTION_LISTEN, 0, 0, 65535, "127.0.0.1:8000", "ADDRESS",
     "public TLS listener: HOST:PORT, vsock:PORT or unix:PATH; may stand several times; TCP port 0 picks one", NULL, false},
    {"admin-listen", SECTION_NODE, OPTION_ADMIN, 0, 0, 65535, "127.0.0.1:0", "ADDRESS",
     "administration, plain HTTP; never make it public", NULL, false},
    {"blocks-from", SECTION_NODE, OPTION_PEER, AT(blocks_from), 0, 0, NULL, "ADDRESS",
     "vsock:CID:PORT or unix:PATH of a fetcher of another machine (`veronnx host`) instead of an own one", NULL, true},
    {"log-to", SECTION_NODE, OPTION_PEER, AT(log_to), 0, 0, NULL, "ADDRESS",
     "vsock:CID:PORT or unix:PATH that gets the log's records as well (`veronnx host`)", NULL, true},
    {"simulate", SECTION_NODE, OPTION_FLAG, AT(simulate), 0, 1, "false", NULL,
     "work without a trusted execution environment; receipts say SIMULATED", NULL, false},
    {"state", SECTION_NODE, OPTION_PATH, AT(state), 0, 0, NULL, "DIR",
     "folder for what verifiers and the command line need: cert.pem, receipt-key.pem, policy.conf, ready.json, sim-root.pem; default $XDG_STATE_HOME/veronnx or ~/.local/state/veronnx", NULL, true},
    {"ready-file", SECTION_NODE, OPTION_PATH, AT(ready_file), 0, 0, NULL, "FILE",
     "written as JSON when the node is ready: url, admin_url, pid, cert, receipt_key", NULL, true},
    {"model-memory", SECTION_NODE, OPTION_BYTES, AT(model_memory), 0, UINT64_C(1) << 46, "0", "SIZE",
     "memory for all models together; 0 = 75 % of the machine's", NULL, false},
    {"model-file-max", SECTION_NODE, OPTION_BYTES, AT(model_file_max), 1, UINT64_C(1) << 40, "2G", "SIZE",
     "largest model file", NULL, false},
    {"body-max", SECTION_NODE, OPTION_BYTES, AT(body_max), 1 * KIB, 2 * GIB - 1, "64M", "SIZE",
     "largest request body, also after decompression", NULL, false},
    {"header-max", SECTION_NODE, OPTION_BYTES, AT(header_max), 1 * KIB, 1 * MIB, "32k", "SIZE", "largest request head",
     NULL, false},
    {"output-max", SECTION_NODE, OPTION_BYTES, AT(output_max), 1 * KIB, 2 * GIB - 1, "256M", "SIZE",
     "largest output of one run", NULL, false},
    {"transfer-memory", SECTION_NODE, OPTION_BYTES, AT(transfer_memory), 1 * MIB, UINT64_C(1) << 40, "1G", "SIZE",
     "memory for request bodies, tensors in transit and answers together", NULL, false},
    {"threads", SECTION_NODE, OPTION_NUMBER, AT(threads), 1, 64, "1", "N",
     "threads of ONNX Runtime inside one run; outputs may depend on it in the last bit", NULL, false},
    {"workers", SECTION_NODE, OPTION_NUMBER, AT(workers), 0, 64, "0", "N",
     "runs of one model at the same time; 0 = one per core", NULL, false},
    {"json-depth", SECTION_NODE, OPTION_NUMBER, AT(json_depth), 4, 1024, "64", "N", "deepest nesting of JSON", NULL,
     false},
    {"queue-model", SECTION_NODE, OPTION_NUMBER, AT(queue_model), 1, 512, "64", "N", "requests waiting for one model",
     NULL, false},
    {"queue-all", SECTION_NODE, OPTION_NUMBER, AT(queue_all), 1, 512, "256", "N", "requests waiting in all", NULL,
     false},
    {"priorities", SECTION_NODE, OPTION_NUMBER, AT(priorities), 0, 8, "0", "N",
     "levels at which requests wait, 1 first; who asks for none has level (N + 1) / 2, rounded down; 0 = no levels", NULL, false},
    {"connections", SECTION_NODE, OPTION_NUMBER, AT(connections), 1, 30000, "10000", "N", "connections at a time", NULL,
     false},
    {"idle-time", SECTION_NODE, OPTION_TIME, AT(idle_ms), 100, 3600000, "60s", "TIME",
     "how long a connection, or a stream of gRPC messages, may do nothing", NULL, false},
    {"header-time", SECTION_NODE, OPTION_TIME, AT(header_ms), 100, 600000, "10s", "TIME",
     "how long a request head may take", NULL, false},
    {"body-rate", SECTION_NODE, OPTION_BYTES, AT(body_rate), 1, 1 * GIB, "10k", "SIZE",
     "slowest body or answer, bytes per second", NULL, false},
    {"run-time", SECTION_NODE, OPTION_TIME, AT(run_ms), 10, 3600000, "30s", "TIME", "how long one run may take", NULL,
     false},
    {"load-time", SECTION_NODE, OPTION_TIME, AT(load_ms), 100, 3600000, "60s", "TIME",
     "how long loading a model may take (longer for files over load-time x load-rate)", NULL, false},
    {"load-rate", SECTION_NODE, OPTION_BYTES, AT(load_rate), 1 * KIB, 4 * GIB - 1, "20M", "SIZE",
     "slowest loading of a large model, bytes per second", NULL, false},
    {"prepared", SECTION_NODE, OPTION_CHOICE, AT(prepared), 0, 0, "auto", "auto|always|never",
     "which models get a prepared form for their next process: auto = those whose loading takes 50 ms of processor time",
     prepared_choices, false},
    {"warm-up", SECTION_NODE, OPTION_FLAG, AT(warm_up), 0, 1, "true", NULL,
     "run a model once on zeros when it is loaded before anybody asks for it", NULL, false},
    {"drain-time", SECTION_NODE, OPTION_TIME, AT(drain_ms), 0, 600000, "30s", "TIME",
     "how long SIGTERM waits for requests in flight", NULL, false},
    {"receipts", SECTION_NODE, OPTION_FLAG, AT(receipts), 0, 1, "true", NULL, "sign a receipt for every inference", NULL,
     false},
    {"triton-metrics", SECTION_NODE, OPTION_FLAG, AT(triton_metrics), 0, 1, "true", NULL,
     "metrics also under Triton's names (nv_inference_*)", NULL, false},
    {"model-control", SECTION_NODE, OPTION_FLAG, AT(model_control), 0, 1, "false", NULL,
     "whoever reaches the public listener may load and unload models", NULL, false},
    {"key-days", SECTION_NODE, OPTION_NUMBER, AT(key_days), 1, 3650, "90", "N",
     "days until the keys of this boot end", NULL, false},
    {"preload", SECTION_NODE, OPTION_PRELOAD, 0, 0, 0, NULL, "CID[/PATH]",
     "a model that is loaded at start, before /readyz says so; may stand several times", NULL, false},
    {"models", SECTION_POLICY, OPTION_CHOICE, AT(models), 0, 0, "any", "any|list",
     "which models are served; list = those of `allow` and `alias`", models_choices, false},
    {"isolation", SECTION_POLICY, OPTION_CHOICE, AT(isolation), 0, 0, "shared", "shared",
     "which requests share a process: all of one model", isolation_choices, false},
    {"alias", SECTION_POLICY, OPTION_ALIAS, 0, 0, 0, NULL, "NAME CID[/PATH]",
     "another name for a model, such as a Walrus blob id; may stand several times", NULL, false},
    {"allow", SECTION_POLICY, OPTION_ALLOW, 0, 0, 0, NULL, "CID[/PATH]",
     "a model served with models = list; may stand several times", NULL, false},
    {"operator-domain", SECTION_POLICY, OPTION_DOMAIN, 0, 0, 0, NULL, "DOMAIN",
     "operators allowed beside ai.onnx and ai.onnx.ml; may stand several times", NULL, false},
    {"store", SECTION_FETCH, OPTION_PATH, AT(store), 0, 0, NULL, "DIR",
     "the local block store; default $XDG_DATA_HOME/veronnx/store or ~/.local/share/veronnx/store", NULL, true},
    {"source", SECTION_FETCH, OPTION_SOURCE, 0, 0, 0, NULL, "KIND URL [token-file FILE]",
     "where to get what the store has not: KIND is gateway, kubo or files; may stand several times, asked in this order",
     NULL, true},
    {"source-ca", SECTION_FETCH, OPTION_PATH, AT(source_ca), 0, 0, NULL, "FILE",
     "PEM file of the certificates that https sources are checked with; default the system's", NULL, true},
    {"cache", SECTION_FETCH, OPTION_PATH, AT(cache), 0, 0, NULL, "DIR",
     "where fetched blocks are kept; default $XDG_CACHE_HOME/veronnx/blocks or ~/.cache/veronnx/blocks", NULL, true},
    {"cache-size", SECTION_FETCH, OPTION_BYTES, AT(cache_size), 0, UINT64_C(1) << 50, "20G", "SIZE",
     "how much is kept, what was used longest ago goes first; 0 = nothing", NULL, true},
};
_Static_assert(COUNT_OF(options) <= OPTIONS_MAX, "room for each wherever there is one per option");
const size_t options_count = COUNT_OF(options);

size_t option_number(const struct option *o, uint64_t *ret_min, uint64_t *ret_max)
{
    static const size_t sizes[] = {
        [OPTION_FLAG] = 4, [OPTION_NUMBER] = 4, [OPTION_TIME] = 4, [OPTION_CHOICE] = 4, [OPTION_BYTES] = 8, [OPTION_SOURCE] = 0};
    *ret_min = o->min;
    *ret_max = o->max;
    if (o->type == OPTION_CHOICE)
        while (o->choices[*ret_max + 1] != NULL)
            ++*ret_max;
    return sizes[o->type];
}

const struct option *option_find(struct view key)
{
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (view_is(key, options[i].key))
            return &options[i];
    return NULL;
}
