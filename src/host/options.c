/* Options, and the help that explains them. */
#include "host/options.h"

#include "base/text.h"

#include <string.h>
#include <sys/socket.h>

const char host_help[] =
    "Usage: veronnx host --forward tcp:HOST:PORT=ADDRESS... [options] [options of `veronnx serve`]\n"
    "       veronnx host run|describe|switch|stop [options]   start and end enclaves, this included: veronnx host run "
    "--help\n"
    "\n"
    "The side of an enclave that stands outside of it: hands connections to it byte for byte, delivers its\n"
    "configuration, brings its blocks with veronnx-fetch, prints its log. Nothing here is trusted by anybody.\n"
    "\n"
    "  --forward tcp:HOST:PORT=ADDRESS  listen there and connect to the enclave here: vsock:CID:PORT, unix:PATH or\n"
    "                                   vhost:PATH:PORT (a vsock device in user space); may stand several times\n"
    "  --config-at ADDRESS   where the enclave gets its configuration (default vsock:9002)\n"
    "  --blocks-at ADDRESS   where it gets blocks (default vsock:9003)\n"
    "  --log-at ADDRESS      where it sends its log (default vsock:9004), which goes to standard output\n"
    "  --boot-at ADDRESS     where its first heartbeat is answered (vsock:9000; default: not, nitro-cli does it)\n"
    "  --control-at ADDRESS  where a line \"ROW ADDRESS\" gives a --forward (from 0) another end (default: none); "
    "what\n"
    "                        `veronnx host switch` uses\n"
    "  --connections N       at a time (default 8192)\n"
    "  --idle-time SECONDS   before a connection on which nothing moves is closed (default 300)\n"
    "  --heartbeat-to URL    where the enclave's heartbeats for OpenGradient's contracts are posted (default: "
    "nowhere)\n"
    "  --heartbeat-contract ADDRESS  with this contract's address, 0x and 40 digits; needed with --heartbeat-to\n"
    "  --heartbeat-from URL  where they are had (default http://127.0.0.1:9001/heartbeat, forwarded to the "
    "administration)\n"
    "  --heartbeat-every SECONDS  (default 900)\n"
    "  --help                this text\n"
    "\n"
    "Each ADDRESS that is listened at is vsock:PORT, unix:PATH or `none`.\n"
    "All other options are those of the node. --config FILE is read as `veronnx serve` would read it: its [node] and\n"
    "[policy] are delivered, written out with every default; its [fetch] is for the fetcher here (--store, --source).\n"
    "\n"
    "Exit status: 0 ended by SIGTERM, 1 failure, 2 wrong usage.\n";

static const char *const defaults[SERVICES_] = {
    [SERVICE_CONFIG] = "vsock:9002",
    [SERVICE_BLOCKS] = "vsock:9003",
    [SERVICE_LOG] = "vsock:9004",
    [SERVICE_BOOT] = "none",
};

static err_t parse_side(struct view text, enum address_use use, struct address *ret)
{
    static const char tcp[] = "tcp:";
    const size_t n = sizeof(tcp) - 1;
    bool is_tcp = text.len > n && memcmp(text.data, tcp, n) == 0;
    TRY(address_parse(is_tcp ? view_of(text.data + n, text.len - n) : text, use, ret));
    return is_tcp != address_is_local(ret) ? OK : ERR_USAGE;
}

err_t host_forward_parse(const char *text, struct forward_row *ret)
{
    struct view to = view_of(text, strlen(text));
    struct view from = view_cut(&to, '=');
    struct forward_row row;
    TRY(parse_side(from, ADDRESS_LISTEN, &row.from));
    TRY(parse_side(to, ADDRESS_CONNECT, &row.to));
    *ret = row;
    return OK;
}

static err_t set_forward(struct host_options *o, unsigned which UNUSED, const char *value, struct why *why)
{
    if (o->n_forwards == FORWARD_MAX)
        return why_set(why, ERR_USAGE, "at most %d times", FORWARD_MAX);
    if (host_forward_parse(value, &o->forwards[o->n_forwards]) != OK)
        return why_set(why, ERR_USAGE,
                       "must be tcp:HOST:PORT=ADDRESS, ADDRESS vsock:CID:PORT, unix:PATH or vhost:PATH:PORT");
    o->n_forwards++;
    return OK;
}

static err_t set_address(struct address *ret, const char *value, struct why *why)
{
    *ret = (struct address){0};
    if (strcmp(value, "none") == 0)
        return OK;
    err_t e = address_parse(view_of(value, strlen(value)), ADDRESS_LISTEN, ret);
    if (e == OK && address_is_local(ret))
        return OK;
    return why_set(why, ERR_USAGE, "must be vsock:PORT, unix:PATH or none");
}

static err_t set_at(struct host_options *o, unsigned which, const char *value, struct why *why)
{
    return set_address(&o->at[which], value, why);
}

static err_t set_control(struct host_options *o, unsigned which UNUSED, const char *value, struct why *why)
{
    err_t e = set_address(&o->control_at, value, why);
    return e != OK || o->control_at.family == AF_UNIX || o->control_at.family == 0
               ? e
               : why_set(why, ERR_USAGE, "must be unix:PATH or none");
}

enum { NUMBER_CONNECTIONS, NUMBER_IDLE, NUMBER_HEARTBEAT };

static err_t set_number(struct host_options *o, unsigned which, const char *value, struct why *why)
{
    uint32_t *const at[] = {
        [NUMBER_CONNECTIONS] = &o->connections, [NUMBER_IDLE] = &o->idle_s, [NUMBER_HEARTBEAT] = &o->heartbeat.every_s};
    static const uint64_t most[] = {[NUMBER_CONNECTIONS] = 30000, [NUMBER_IDLE] = 86400, [NUMBER_HEARTBEAT] = 86400};
    uint64_t n = 0;
    if (text_u64(view_of(value, strlen(value)), most[which], &n) != OK || n == 0)
        return why_set(why, ERR_USAGE, "must be from 1 to %u", (unsigned)most[which]);
    *at[which] = (uint32_t)n;
    return OK;
}

enum { URL_TO, URL_FROM };

static err_t set_url(struct host_options *o, unsigned which, const char *value, struct why *why)
{
    const char **const at[] = {[URL_TO] = &o->heartbeat.to, [URL_FROM] = &o->heartbeat.from};
    if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
        return why_set(why, ERR_USAGE, "must begin with https:// or http://");
    *at[which] = value;
    return OK;
}

static err_t set_contract(struct host_options *o, unsigned which UNUSED, const char *value, struct why *why)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    if (strlen(value) != 42 || strncmp(value, "0x", 2) != 0 || strspn(value + 2, digits) != 40)
        return why_set(why, ERR_USAGE, "must be 0x and 40 hexadecimal digits");
    o->heartbeat.contract = value;
    return OK;
}

static const struct own {
    const char *name;
    unsigned which;
    err_t (*set)(struct host_options *o, unsigned which, const char *value, struct why *why);
} own[] = {
    {"--forward", 0, set_forward},
    {"--config-at", SERVICE_CONFIG, set_at},
    {"--blocks-at", SERVICE_BLOCKS, set_at},
    {"--log-at", SERVICE_LOG, set_at},
    {"--boot-at", SERVICE_BOOT, set_at},
    {"--control-at", 0, set_control},
    {"--connections", NUMBER_CONNECTIONS, set_number},
    {"--idle-time", NUMBER_IDLE, set_number},
    {"--heartbeat-to", URL_TO, set_url},
    {"--heartbeat-from", URL_FROM, set_url},
    {"--heartbeat-contract", 0, set_contract},
    {"--heartbeat-every", NUMBER_HEARTBEAT, set_number},
};

/* NULL when it is an option for veronnx-config. `ret_value` NULL: the value is the next word. */
static const struct own *find(const char *word, const char **ret_value)
{
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        size_t n = strlen(own[i].name);
        if (strncmp(word, own[i].name, n) != 0 || (word[n] != '\0' && word[n] != '='))
            continue;
        *ret_value = word[n] == '=' ? word + n + 1 : NULL;
        return &own[i];
    }
    return NULL;
}

static err_t take(struct host_options *o, char **argv, int *at, struct why *why)
{
    const char *value = NULL;
    struct why said = {0};
    const struct own *option = find(argv[*at], &value);
    if (option == NULL) {
        if (o->n_config_args + 1 == HOST_ARGS_MAX)
            return why_set(why, ERR_USAGE, "too many options");
        o->config_args[o->n_config_args++] = argv[(*at)++];
        return OK;
    }
    if (value == NULL)
        value = argv[++*at];
    if (value == NULL)
        return why_set(why, ERR_USAGE, "%s: needs a value", option->name);
    ++*at;
    return option->set(o, option->which, value, &said) == OK
               ? OK
               : why_set(why, ERR_USAGE, "%s: %s", option->name, said.text);
}

err_t host_options_parse(int argc, char **argv, struct host_options *ret, struct why *why)
{
    struct host_options o = {.connections = FORWARD_FIRST_MAX,
                             .idle_s = 300,
                             .heartbeat = {.from = "http://127.0.0.1:9001/heartbeat", .every_s = 900}};
    for (unsigned i = 0; i < SERVICES_; i++)
        TRY(set_at(&o, i, defaults[i], why));
    for (int at = 1; at < argc;)
        TRY(take(&o, argv, &at, why));
    if (o.n_forwards == 0)
        return why_set(why, ERR_USAGE, "--forward: at least once (veronnx host --help)");
    if ((o.heartbeat.to != NULL) != (o.heartbeat.contract != NULL))
        return why_set(why, ERR_USAGE, "--heartbeat-to and --heartbeat-contract: both or none");
    *ret = o;
    return OK;
}
