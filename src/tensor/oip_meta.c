/* A model's signature as JSON. */
#include "tensor/oip_meta.h"

#include "tensor/print.h"

#include <string.h>

static const char *datatype(const struct value_desc *d)
{
    if (d->type.kind == VALUE_TENSOR)
        return dtype_info(d->type.dtype)->oip;
    return d->type.kind == VALUE_MAP ? "MAP" : "SEQUENCE";
}

static err_t put_dims(struct buf *out, const struct value_desc *d)
{
    if (d->rank == RANK_UNKNOWN)
        return buf_put_text(out, "-1");
    for (unsigned i = 0; i < d->rank; i++)
        TRY(buf_printf(out, i > 0 ? ",%lld" : "%lld", (long long)d->dims[i]));
    return OK;
}

/* {"name":"x","datatype":"FP32","shape":[-1,4]} */
static err_t put_tensor(struct buf *out, const struct value_desc *d)
{
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, d->name));
    TRY(buf_printf(out, ",\"datatype\":\"%s\",\"shape\":[", datatype(d)));
    TRY(put_dims(out, d));
    return buf_put_text(out, "]}");
}

/* Triton's name for BYTES is another one there. */
static err_t put_config_tensor(struct buf *out, const struct value_desc *d)
{
    const char *type = datatype(d);
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, d->name));
    TRY(buf_printf(out, ",\"data_type\":\"TYPE_%s\",\"dims\":[", strcmp(type, "BYTES") == 0 ? "STRING" : type));
    TRY(put_dims(out, d));
    return buf_put_text(out, d->may_miss ? "],\"optional\":true}" : "]}");
}

static err_t put_list(struct buf *out, const char *key, const struct value_desc *items, size_t count,
                      err_t (*put)(struct buf *out, const struct value_desc *d))
{
    TRY(buf_printf(out, ",\"%s\":[", key));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            TRY(buf_put_u8(out, ','));
        TRY(put(out, &items[i]));
    }
    return buf_put_u8(out, ']');
}

err_t oip_metadata_write(const struct signature *s, struct view model_name, struct buf *out)
{
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, model_name));
    TRY(buf_put_text(out, ",\"versions\":[\"1\"],\"platform\":\"onnxruntime_onnx\""));
    TRY(put_list(out, "inputs", s->inputs, s->input_count, put_tensor));
    TRY(put_list(out, "outputs", s->outputs, s->output_count, put_tensor));
    return buf_put_u8(out, '}');
}

err_t oip_config_write(const struct signature *s, struct view model_name, unsigned instances, struct buf *out)
{
    TRY(buf_put_text(out, "{\"name\":"));
    TRY(print_string(out, model_name));
    TRY(buf_put_text(out, ",\"platform\":\"onnxruntime_onnx\",\"backend\":\"onnxruntime\","
                          "\"version_policy\":{\"latest\":{\"num_versions\":1}},\"max_batch_size\":0"));
    TRY(put_list(out, "input", s->inputs, s->input_count, put_config_tensor));
    TRY(put_list(out, "output", s->outputs, s->output_count, put_config_tensor));
    return buf_printf(out,
                      ",\"instance_group\":[{\"name\":\"cpu\",\"kind\":\"KIND_CPU\",\"count\":%u}],"
                      "\"default_model_filename\":\"model.onnx\"}",
                      instances);
}
