/* bare MODEL INPUT-FILE DIM...: ONNX Runtime alone, with the options of src/infer/session.c and one thread, on a
   model with one float input. Runs it on the same tensor again and again; a time is that of Run and of releasing
   what it made. */
#include "rounds.h"

#include "base/clock.h"
#include "infer/memory.h"
#include "infer/session.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bare {
    struct session session;
    OrtValue *input;
};

static err_t run_once(const struct bare *b)
{
    const OrtValue *inputs[] = {b->input};
    OrtValue *output = NULL;
    TRY(ort_run_result(ort->Run(b->session.ort, NULL, b->session.input_names, inputs, 1, b->session.output_names, 1,
                                &output)));
    ort->ReleaseValue(output);
    return OK;
}

static err_t run(void *self, uint64_t until_ns, struct times *t)
{
    uint64_t start, now = clock_mono_ns();
    do {
        start = now;
        TRY(run_once(self));
        now = clock_mono_ns();
        times_add(t, now - start);
    } while (now < until_ns);
    return OK;
}

static err_t make_input(struct view bytes, const int64_t *dims, size_t rank, OrtValue **ret)
{
    OrtMemoryInfo *memory = NULL;
    TRY(ort_load_result(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory)));
    void *data = (void *)(uintptr_t)bytes.data;
    err_t e = ort_load_result(ort->CreateTensorWithDataAsOrtValue(memory, data, bytes.len, dims, rank,
                                                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, ret));
    ort->ReleaseMemoryInfo(memory);
    return e;
}

static err_t prepare(struct bare *b, struct ort_library *library, char **argv, int argc)
{
    int64_t dims[8];
    size_t rank = 0;
    OrtEnv *env = NULL;
    struct why why = {0};
    AUTO_BUF struct buf model = read_file(argv[1], 0);
    struct buf input = read_file(argv[2], 0); /* stays: the tensor is these bytes */
    for (int i = 3; i < argc && rank < COUNT_OF(dims); i++)
        dims[rank++] = strtoll(argv[i], NULL, 10);
    TRY(ort_open(getenv("ONNXRUNTIME_ROOT"), library));
    TRY(ort_env_new(1, &env));
    TRY(session_new(env, buf_view(&model), &b->session, &why));
    (void)malloc_trim(0); /* as src/infer/load.c, so that memory can be compared */
    return make_input(buf_view(&input), dims, rank, &b->input);
}

int main(int argc, char **argv)
{
    struct bare b = {0};
    struct ort_library library = {0};
    if (argc < 3)
        give_up("usage", "bare MODEL INPUT-FILE DIM...");
    memory_tune_malloc();
    err_t e = prepare(&b, &library, argv, argc);
    if (e != OK)
        give_up(argv[1], err_name(e));
    return rounds_serve(library.version, run, &b);
}
