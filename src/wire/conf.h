/* The configuration as fixed-form records: what `veronnx-config` writes into a sealed memory file and every process reads.

   The file holds one `struct conf`, then the canonical [node] text, then the canonical [policy] text. Whoever receives it calls
   memfd_check and conf_map; nothing in it is trusted to be in range by its readers beyond what conf_check verifies. */
#ifndef VERONNX_WIRE_CONF_H
#define VERONNX_WIRE_CONF_H

#include "base/fd.h"
#include "wire/msg.h"

#define CONF_LISTEN_MAX 8
#define CONF_ALIAS_MAX  256
#define CONF_ALLOW_MAX  256
#define CONF_DOMAIN_MAX 16
#define CONF_NAME_MAX   128 /* alias or opaque id, with its NUL */
#define CONF_PATH_MAX   1024
#define CONF_TEXT_MAX   (64 * KIB)

struct conf_listen {
    uint16_t family; /* AF_INET or AF_INET6 */
    uint16_t port;   /* 0 = any free one */
    uint8_t addr[16];
    char text[64]; /* HOST:PORT as written, for messages */
};

struct conf_alias {
    char name[CONF_NAME_MAX];
    struct wire_model model;
};

enum conf_models { MODELS_ANY, MODELS_LIST };
enum conf_isolation { ISOLATION_SHARED, ISOLATION_EVERY, ISOLATION_PER_REQUEST };

struct conf {
    /* [node] */
    struct conf_listen listen[CONF_LISTEN_MAX];
    char listen_name[CONF_LISTEN_MAX][64]; /* the host part as written, for the certificate; "" for a wildcard */
    struct conf_listen admin;
    uint32_t n_listen;
    uint32_t simulate;
    char store[CONF_PATH_MAX];
    char state[CONF_PATH_MAX];
    char ready_file[CONF_PATH_MAX]; /* "" = none */
    uint64_t model_memory;          /* bytes; 0 = 75 % of the machine's */
    uint64_t model_file_max;
    uint64_t body_max;
    uint64_t header_max;
    uint64_t output_max;
    uint64_t transfer_memory; /* bodies, input and output areas together */
    uint32_t threads;         /* intra-op threads of ONNX Runtime */
    uint32_t workers;         /* runs at the same time per model; 0 = one per core */
    uint32_t json_depth;
    uint32_t queue_model;
    uint32_t queue_all;
    uint32_t connections;
    uint32_t idle_ms;
    uint32_t header_ms;
    uint64_t body_rate; /* bytes per second, least */
    uint32_t run_ms;
    uint32_t load_ms;
    uint64_t load_rate; /* bytes per second: cold load may take load_ms or size / load_rate, whichever is longer */
    uint32_t drain_ms;
    uint32_t receipts; /* 0 or 1 */
    uint32_t key_days;
    /* [policy] */
    uint32_t models; /* enum conf_models */
    uint32_t isolation;
    uint32_t isolation_every;
    uint32_t n_aliases;
    uint32_t n_allow;
    uint32_t n_domains;
    struct conf_alias aliases[CONF_ALIAS_MAX];
    struct wire_model allow[CONF_ALLOW_MAX]; /* with MODELS_LIST: these and the aliases' */
    char domains[CONF_DOMAIN_MAX][64];       /* operator domains beside ai.onnx and ai.onnx.ml */
    /* behind the struct */
    uint32_t node_text_len;
    uint32_t policy_text_len;
};

/* Maps a received configuration: seals, size and every count are checked. `ret_map` owns the memory that `ret_conf` points into. */
err_t conf_map(int fd, struct map *ret_map, const struct conf **ret_conf);
/* The canonical texts, borrowed from the mapping. */
struct view conf_node_text(const struct conf *c);
struct view conf_policy_text(const struct conf *c);

#endif
