/* The options of `veronnx host`; what is not its own goes to veronnx-config, which knows the rest. */
#ifndef VERONNX_HOST_OPTIONS_H
#define VERONNX_HOST_OPTIONS_H

#include "host/forward.h"
#include "host/heartbeat.h"
#include "host/services.h"

#define HOST_ARGS_MAX 128

struct host_options {
    struct forward_row forwards[FORWARD_MAX];
    size_t n_forwards;
    struct address at[SERVICES_]; /* family 0: not offered */
    struct address control_at;    /* likewise */
    uint32_t connections;
    uint32_t idle_s;
    struct heartbeat_options heartbeat;
    const char *config_args[HOST_ARGS_MAX]; /* behind argv[0], ends with NULL; borrowed */
    size_t n_config_args;
};

/* ERR_USAGE with a sentence that names the option. */
err_t host_options_parse(int argc, char **argv, struct host_options *ret, struct why *why);
/* tcp:HOST:PORT=ADDRESS, where ADDRESS is vsock:CID:PORT, unix:PATH, vhost:PATH:PORT or tcp:HOST:PORT. */
err_t host_forward_parse(const char *text, struct forward_row *ret);

extern const char host_help[];

#endif
