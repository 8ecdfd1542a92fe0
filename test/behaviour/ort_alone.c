/* ort_alone LIBRARY MODEL: ONNX Runtime as its documentation shows it, without veronnx. Loads a model, says so, and waits for the
   end of standard input: what the library does meanwhile, it does for its own purposes. */
#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <stdio.h>

static const OrtApi *open_library(const char *path)
{
    const OrtApiBase *(*get_base)(void) = NULL;
    void *library = dlopen(path, RTLD_NOW);
    if (library != NULL)
        *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    return get_base != NULL ? get_base()->GetApi(ORT_API_VERSION) : NULL;
}

int main(int argc, char **argv)
{
    OrtEnv *env = NULL;
    OrtSessionOptions *options = NULL;
    OrtSession *session = NULL;
    const OrtApi *ort = argc == 3 ? open_library(argv[1]) : NULL;
    if (ort == NULL)
        return 2;
    if (ort->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "alone", &env) != NULL || ort->CreateSessionOptions(&options) != NULL ||
        ort->CreateSession(env, argv[2], options, &session) != NULL)
        return 1;
    (void)puts("loaded");
    (void)fflush(stdout);
    while (getchar() != EOF)
        continue;
    ort->ReleaseSession(session);
    ort->ReleaseSessionOptions(options);
    ort->ReleaseEnv(env);
    return 0;
}
