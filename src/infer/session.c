/* The options for models that nobody vouches for, and the session made with them. */
#include "infer/session.h"

#include "infer/isa.h"
#include "infer/meta.h"

#include <stdio.h>
#include <string.h>

/* A path below nothing: should a file that the scan passed still name external data, it is looked for there. */
#define NOWHERE "/nowhere"

/* Whatever decides what a model may do or what bits come out is said, even where it is the default. Telemetry, logs,
   profiles and settings inside the model are off by environment (ort_env_new, ORT_LOAD_CONFIG_FROM_MODEL unset) or not
   asked for. */
static const struct {
    const char *key;
    const char *value;
    const char *said; /* in the engine id */
} entries[] = {
    {"session.load_model_format", "ONNX", "format=onnx"}, /* not the format that is read without a check */
    {"session.model_external_initializers_file_folder_path", NOWHERE, "external=" NOWHERE},
    {"session.disable_prepacking", "0", "prepacking=1"}, /* without it other bits come out */
};

/* No arena and no patterns: memory goes back to malloc after each run, which costs nothing measurable (malloc.c keeps
   what small models need) and lets the process shrink after a large batch. */
#define FIXED_TEXT "opt=all;exec=seq;arena=0;pattern=0"

static err_t set_options(OrtSessionOptions *options)
{
    TRY(ort_load_result(ort->DisablePerSessionThreads(options)));
    TRY(ort_load_result(ort->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL)));
    TRY(ort_load_result(ort->SetSessionExecutionMode(options, ORT_SEQUENTIAL)));
    TRY(ort_load_result(ort->DisableCpuMemArena(options)));
    TRY(ort_load_result(ort->DisableMemPattern(options)));
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        TRY(ort_load_result(ort->AddSessionConfigEntry(options, entries[i].key, entries[i].value)));
    return OK;
}

/* "… git-commit-id=f2c39fe2f, …" */
static struct view commit_of(const char *build)
{
    static const char key[] = "git-commit-id=";
    const char *found = strstr(build, key);
    if (found == NULL)
        return view_of("?", 1);
    found += sizeof(key) - 1;
    return view_of(found, strcspn(found, ", "));
}

err_t session_engine(const struct ort_library *library, unsigned threads, char ret[static ENGINE_TEXT_MAX])
{
    char isa[ISA_TEXT_MAX];
    struct view commit = commit_of(library->build);
    AUTO_BUF struct buf text = {0};
    buf_init(&text, ENGINE_TEXT_MAX);
    isa_text(isa);
    TRY(buf_printf(&text, "onnxruntime=%s/%.*s;isa=%s;threads=%u;" FIXED_TEXT, library->version, (int)commit.len,
                   (const char *)commit.data, isa, threads));
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        TRY(buf_printf(&text, ";%s", entries[i].said));
    TRY(buf_put_u8(&text, '\0'));
    memcpy(ret, text.data, text.len);
    return OK;
}

static void release_options(OrtSessionOptions **options)
{
    ort->ReleaseSessionOptions(*options);
}

err_t session_new(OrtEnv *env, struct view file, struct session *ret, struct why *why)
{
    AUTO(release_options) OrtSessionOptions *options = NULL;
    AUTO(session_done) struct session s = {0};
    TRY(ort_load_result(ort->CreateSessionOptions(&options)));
    TRY(set_options(options));
    TRY(ort_load_result(ort->CreateSessionFromArray(env, file.data, file.len, options, &s.ort)));
    TRY(meta_read(&s, why));
    *ret = s;
    s = (struct session){0};
    return OK;
}

/* y = x: ONNX IR 7, operator set 13. */
static const char identity[] = "\x08\x07\x42\x02\x10\x0d\x3a\x2b"
                               "\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity"
                               "\x12\x01g"
                               "\x5a\x09\x0a\x01x\x12\x04\x0a\x02\x08\x01"
                               "\x62\x09\x0a\x01y\x12\x04\x0a\x02\x08\x01";

err_t session_warm(OrtEnv *env)
{
    struct why why = {{0}};
    AUTO(session_done) struct session s = {0};
    return session_new(env, view_of(identity, sizeof(identity) - 1), &s, &why);
}

void session_done(struct session *s)
{
    meta_done(s);
    if (s->ort != NULL)
        ort->ReleaseSession(s->ort);
    *s = (struct session){0};
}
