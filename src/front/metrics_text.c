/* Names, helps and labels of all metrics. Labels are of fixed lists. */
#include "front/metrics_text.h"

#include <inttypes.h>

static const char *const path_labels[] = {
#define METRIC_PATH_LABEL(name, label) label,
    METRIC_PATHS(METRIC_PATH_LABEL)
#undef METRIC_PATH_LABEL
};
static const char *const reason_labels[] = {
#define METRIC_REASON_LABEL(name, label) label,
    METRIC_REASONS(METRIC_REASON_LABEL)
#undef METRIC_REASON_LABEL
};
static const char *const class_labels[] = {
#define METRIC_CLASS_LABEL(name, label) label,
    METRIC_CLASSES(METRIC_CLASS_LABEL)
#undef METRIC_CLASS_LABEL
};

static err_t put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* ── single numbers ── */

#define AT(field) offsetof(struct msg_admin_metrics, field)

static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t at; /* of a uint64_t */
} singles[] = {
    {"veronnx_inferences_total", "counter", "Inferences that were answered", AT(front.inferences)},
    {"veronnx_receipts_total", "counter", "Receipts that were handed out", AT(front.receipts)},
    {"veronnx_attestation_requests_total", "counter", "Attestation documents that were asked for", AT(front.questions)},
    {"veronnx_attestation_documents_total", "counter", "Attestation documents that were handed out",
     AT(front.documents)},
    {"veronnx_tls_handshakes_total", "counter", "TLS handshakes that were completed", AT(front.handshakes)},
    {"veronnx_connections", "gauge", "Open connections", AT(front.connections)},
    {"veronnx_pending_requests", "gauge", "Inferences that wait for their turn", AT(front.pending)},
    {"veronnx_transfer_memory_used_bytes", "gauge", "Memory of bodies, tensors in transit and answers",
     AT(front.transfer_bytes)},
    {"veronnx_transfer_memory_limit_bytes", "gauge", "What there is of it", AT(front.transfer_limit)},
    {"veronnx_model_loads_total", "counter", "Models that were loaded", AT(state.loads)},
    {"veronnx_model_load_failures_total", "counter", "Models that could not be loaded or whose process failed",
     AT(load_failures)},
    {"veronnx_model_loaded_bytes_total", "counter", "Bytes of models that were verified and loaded", AT(loaded_bytes)},
    {"veronnx_model_warm_ups_total", "counter", "Runs of models on zeros before anybody asked", AT(warm_ups)},
    {"veronnx_model_warm_up_failures_total", "counter", "Those that did not end well", AT(warm_up_failures)},
    {"veronnx_model_evictions_total", "counter", "Models that had to make room", AT(state.evictions)},
    {"veronnx_model_kills_total", "counter", "Processes of models that were killed", AT(state.kills)},
    {"veronnx_process_restarts_total", "counter", "Other processes that were started again", AT(state.restarts)},
    {"veronnx_model_memory_used_bytes", "gauge", "Memory that is reserved for models", AT(state.memory_used)},
    {"veronnx_model_memory_limit_bytes", "gauge", "What there is of it", AT(state.memory_total)},
};

static uint64_t number_at(const struct msg_admin_metrics *m, size_t at)
{
    return *(const uint64_t *)(const void *)((const char *)m + at);
}

static err_t put_singles(struct buf *out, const struct msg_admin_metrics *m)
{
    for (size_t i = 0; i < COUNT_OF(singles); i++) {
        TRY(put_head(out, singles[i].name, singles[i].type, singles[i].help));
        TRY(buf_printf(out, "%s %" PRIu64 "\n", singles[i].name, number_at(m, singles[i].at)));
    }
    TRY(put_head(out, "veronnx_models_ready", "gauge", "Models that are loaded"));
    TRY(buf_printf(out, "veronnx_models_ready %" PRIu32 "\n", m->state.models));
    TRY(put_head(out, "veronnx_uptime_seconds", "gauge", "Time since the node was started"));
    return buf_printf(out, "veronnx_uptime_seconds %" PRIu64 ".%03u\n", m->state.uptime_ms / 1000,
                      (unsigned)(m->state.uptime_ms % 1000));
}

/* ── with labels ── */

static err_t put_answers(struct buf *out, const struct front_counts *c)
{
    static const int codes[METRIC_CODES] = METRIC_CODE_LIST;
    TRY(put_head(out, "veronnx_http_requests_total", "counter", "Requests by path and status"));
    for (size_t p = 0; p < METRIC_PATHS_; p++)
        for (size_t i = 0; i < METRIC_CODES; i++) {
            if (c->answers[p][i] == 0)
                continue;
            TRY(buf_printf(out, "veronnx_http_requests_total{path=\"%s\",code=\"", path_labels[p]));
            TRY(codes[i] != 0 ? buf_printf(out, "%d", codes[i]) : buf_put_text(out, "other"));
            TRY(buf_printf(out, "\"} %" PRIu64 "\n", c->answers[p][i]));
        }
    return OK;
}

static err_t put_failures(struct buf *out, const struct front_counts *c, const char *name, const char *labels)
{
    TRY(put_head(out, name, "counter", "Inferences that failed, by reason"));
    for (size_t i = 0; i < METRIC_REASONS_; i++)
        TRY(buf_printf(out, "%s{%sreason=\"%s\"} %" PRIu64 "\n", name, labels, reason_labels[i], c->failures[i]));
    return OK;
}

static err_t put_processes(struct buf *out, const struct msg_admin_metrics *m)
{
    TRY(put_head(out, "veronnx_processes", "gauge", "Processes of the node"));
    for (size_t i = 0; i < METRIC_CLASSES_; i++)
        TRY(buf_printf(out, "veronnx_processes{class=\"%s\"} %" PRIu64 "\n", class_labels[i], m->processes[i]));
    TRY(put_head(out, "veronnx_process_resident_bytes", "gauge", "Their resident memory"));
    for (size_t i = 0; i < METRIC_CLASSES_; i++)
        TRY(buf_printf(out, "veronnx_process_resident_bytes{class=\"%s\"} %" PRIu64 "\n", class_labels[i],
                       m->rss_bytes[i]));
    TRY(put_head(out, "veronnx_process_cpu_seconds", "gauge", "Processor time of those that live"));
    for (size_t i = 0; i < METRIC_CLASSES_; i++)
        TRY(buf_printf(out, "veronnx_process_cpu_seconds{class=\"%s\"} %" PRIu64 ".%03u\n", class_labels[i],
                       m->cpu_ms[i] / 1000, (unsigned)(m->cpu_ms[i] % 1000)));
    return OK;
}

/* Numbers are the fetcher's. In an enclave it is the host's, and so are their meanings. */
static const char *source_kind(const struct conf *conf, size_t number)
{
    if (conf->blocks_from.family != 0)
        return "host";
    if (number <= 1)
        return number == 0 ? "cache" : source_kind_names[SOURCE_STORE];
    return source_kind_names[conf->sources[number - 2].kind];
}

static err_t put_sources(struct buf *out, const struct conf *conf, const struct msg_admin_metrics *m)
{
    const size_t known = conf->blocks_from.family != 0 ? SOURCE_NUMBERS : conf->n_sources + 2;
    TRY(put_head(out, "veronnx_source_bytes_total", "counter", "Bytes of blocks that were fetched and verified"));
    for (size_t n = 0; n < known; n++)
        TRY(buf_printf(out, "veronnx_source_bytes_total{source=\"%zu\",kind=\"%s\"} %" PRIu64 "\n", n,
                       source_kind(conf, n), m->source_bytes[n]));
    return OK;
}

static err_t put_kills(struct buf *out, const struct msg_admin_metrics *m)
{
    TRY(put_head(out, "veronnx_process_kills_total", "counter", "Processes that the supervisor killed, by reason"));
    for (unsigned e = OK + 1; e < ERR_COUNT_; e++)
        if (m->kills[e] > 0)
            TRY(buf_printf(out, "veronnx_process_kills_total{reason=\"%s\"} %" PRIu64 "\n", err_name((err_t)e),
                           m->kills[e]));
    return OK;
}

/* ── histograms ── */

static err_t put_seconds(struct buf *out, uint64_t us)
{
    return buf_printf(out, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

static err_t put_times(struct buf *out, const char *name, const char *help, const struct metric_times *t)
{
    static const uint64_t bounds[METRIC_BOUNDS] = METRIC_BOUND_LIST;
    uint64_t count = 0;
    TRY(put_head(out, name, "histogram", help));
    for (size_t i = 0; i < METRIC_BOUNDS; i++) {
        count += t->counts[i];
        TRY(buf_printf(out, "%s_bucket{le=\"", name));
        TRY(put_seconds(out, bounds[i]));
        TRY(buf_printf(out, "\"} %" PRIu64 "\n", count));
    }
    count += t->counts[METRIC_BOUNDS];
    TRY(buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, count, name));
    TRY(put_seconds(out, t->sum_us));
    return buf_printf(out, "\n%s_count %" PRIu64 "\n", name, count);
}

static err_t put_histograms(struct buf *out, const struct front_counts *c)
{
    TRY(put_times(out, "veronnx_request_duration_seconds", "Inferences from head to answer", &c->request));
    TRY(put_times(out, "veronnx_queue_duration_seconds", "Until their turn", &c->queue));
    TRY(put_times(out, "veronnx_compute_input_duration_seconds", "Making the tensors", &c->input));
    TRY(put_times(out, "veronnx_compute_infer_duration_seconds", "Running the model", &c->compute));
    return put_times(out, "veronnx_compute_output_duration_seconds", "Making the answer", &c->output);
}

/* ── Triton's names ── */

/* Triton has a label for each model; what clients ask for must not make labels here, so all models are one. */
#define TRITON_LABELS "model=\"all\",version=\"1\""

static uint64_t times_count(const struct metric_times *t)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= METRIC_BOUNDS; i++)
        count += t->counts[i];
    return count;
}

static err_t put_triton(struct buf *out, const struct front_counts *c)
{
    const struct {
        const char *name;
        const char *type;
        const char *help;
        uint64_t value;
    } rows[] = {
        {"nv_inference_request_success", "counter", "Inferences that were answered", c->inferences},
        {"nv_inference_count", "counter", "Inferences that were run", times_count(&c->compute)},
        {"nv_inference_exec_count", "counter", "Runs", times_count(&c->compute)},
        {"nv_inference_pending_request_count", "gauge", "Inferences that wait for their turn", c->pending},
        {"nv_inference_request_duration_us", "counter", "Inferences from head to answer, microseconds",
         c->request.sum_us},
        {"nv_inference_queue_duration_us", "counter", "Until their turn, microseconds", c->queue.sum_us},
        {"nv_inference_compute_input_duration_us", "counter", "Making the tensors, microseconds", c->input.sum_us},
        {"nv_inference_compute_infer_duration_us", "counter", "Running the models, microseconds", c->compute.sum_us},
        {"nv_inference_compute_output_duration_us", "counter", "Making the answers, microseconds", c->output.sum_us},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TRY(put_head(out, rows[i].name, rows[i].type, rows[i].help));
        TRY(buf_printf(out, "%s{" TRITON_LABELS "} %" PRIu64 "\n", rows[i].name, rows[i].value));
    }
    return put_failures(out, c, "nv_inference_request_failure", TRITON_LABELS ",");
}

err_t metrics_put(const struct msg_admin_metrics *m, const struct conf *conf, struct buf *out)
{
    TRY(put_singles(out, m));
    TRY(put_answers(out, &m->front));
    TRY(put_failures(out, &m->front, "veronnx_inference_failures_total", ""));
    TRY(put_histograms(out, &m->front));
    TRY(put_processes(out, m));
    TRY(put_sources(out, conf, m));
    TRY(put_kills(out, m));
    return conf->triton_metrics != 0 ? put_triton(out, &m->front) : OK;
}
