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
enum form {
    FORM_ONNX = 1,     /* a model's file */
    FORM_PREPARED = 2, /* its prepared form, whose weights stay where they are */
    FORM_SAVED = 4,    /* a model's file of which the prepared form is made */
    FORM_ANY = 7,
};

static const struct {
    unsigned forms;
    const char *key;
    const char *value;
    const char *said; /* in the engine id; the supervisor adds which form it was */
} entries[] = {
    {FORM_ONNX | FORM_SAVED, "session.load_model_format", "ONNX", "format=onnx"}, /* not the format that is read without a check */
    {FORM_ANY, "session.model_external_initializers_file_folder_path", NOWHERE, "external=" NOWHERE},
    {FORM_ANY, "session.disable_prepacking", "0", "prepacking=1"}, /* without it other bits come out */
    {FORM_SAVED, "session.save_model_format", "ORT", NULL},
    {FORM_PREPARED, "session.load_model_format", "ORT", NULL},
    {FORM_PREPARED, "session.use_ort_model_bytes_directly", "1", NULL},
    {FORM_PREPARED, "session.use_ort_model_bytes_for_initializers", "1", NULL},
};

/* No arena and no patterns: memory goes back to malloc after each run, which costs nothing measurable (malloc.c keeps
   what small models need) and lets the process shrink after a large batch. */
#define FIXED_TEXT "opt=all;exec=seq;arena=0;pattern=0"

static err_t set_options(OrtSessionOptions *options, enum form form)
{
    TRY(ort_load_result(ort->DisablePerSessionThreads(options)));
    TRY(ort_load_result(ort->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL)));
    TRY(ort_load_result(ort->SetSessionExecutionMode(options, ORT_SEQUENTIAL)));
    TRY(ort_load_result(ort->DisableCpuMemArena(options)));
    TRY(ort_load_result(ort->DisableMemPattern(options)));
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        if ((entries[i].forms & form) != 0)
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
        if (entries[i].said != NULL)
            TRY(buf_printf(&text, ";%s", entries[i].said));
    TRY(buf_put_u8(&text, '\0'));
    memcpy(ret, text.data, text.len);
    return OK;
}

static void release_options(OrtSessionOptions **options)
{
    ort->ReleaseSessionOptions(*options);
}

static err_t create(OrtEnv *env, struct view file, enum form form, const char *save_path, OrtSession **ret)
{
    AUTO(release_options) OrtSessionOptions *options = NULL;
    TRY(ort_load_result(ort->CreateSessionOptions(&options)));
    TRY(set_options(options, form));
    if (form == FORM_SAVED)
        TRY(ort_load_result(ort->SetOptimizedModelFilePath(options, save_path)));
    return ort_load_result(ort->CreateSessionFromArray(env, file.data, file.len, options, ret));
}

static err_t open_form(OrtEnv *env, struct view file, enum form form, struct session *ret, struct why *why)
{
    AUTO(session_done) struct session s = {0};
    TRY(create(env, file, form, NULL, &s.ort));
    TRY(meta_read(&s, why));
    *ret = s;
    s = (struct session){0};
    return OK;
}

err_t session_new(OrtEnv *env, struct view file, struct session *ret, struct why *why)
{
    return open_form(env, file, FORM_ONNX, ret, why);
}

err_t session_prepared(OrtEnv *env, struct map *file, struct session *ret, struct why *why)
{
    TRY(open_form(env, view_of(file->addr, file->size), FORM_PREPARED, ret, why));
    ret->prepared = *file;
    *file = (struct map){0};
    return OK;
}

err_t session_save(OrtEnv *env, struct view file, const char *path)
{
    AUTO(session_done) struct session s = {0};
    return create(env, file, FORM_SAVED, path, &s.ort);
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
    map_done(&s->prepared);
    *s = (struct session){0};
}
