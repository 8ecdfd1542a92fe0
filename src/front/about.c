/* Identity and configuration as JSON. */
#include "front/about.h"

#include "base/text.h"
#include "receipt/keccak.h"
#include "tensor/print.h"
#include "wire/options.h"

#include <string.h>

#define TEXT_MAX (1 * MIB)
#define PEM_MAX  (2 * KIB)

static const char *const kinds[] = {"", "nitro", "simulated"};
static const char *const results[CHECK_RESULTS_] = {
    [CHECK_NOT_MADE] = "not made", [CHECK_HOLDS] = "holds", [CHECK_DEBUG] = "debug"};

/* ── pieces ── */

static err_t put_hex(struct buf *out, struct view bytes)
{
    uint8_t *room = NULL;
    TRY(buf_reserve(out, HEX_LEN(bytes.len) + 1, &room));
    hex_encode(bytes.data, bytes.len, (char *)room);
    buf_commit(out, HEX_LEN(bytes.len));
    return OK;
}

/* A member that has another one before it. */
static err_t put_bytes(struct buf *out, const char *name, err_t (*put)(struct buf *out, struct view v), struct view v)
{
    TRY(buf_printf(out, ",\"%s\":\"", name));
    TRY(put(out, v));
    return buf_put_u8(out, '"');
}

static err_t put_text(struct buf *out, const char *name, struct view text)
{
    TRY(buf_printf(out, ",\"%s\":", name));
    return print_string(out, text);
}

/* ── /.well-known/veronnx ── */

/* Those that documents show: the locked ones. */
static err_t put_registers(struct buf *out, const struct identity *i)
{
    const char *between = "";
    TRY(buf_put_text(out, ",\"pcrs\":{"));
    for (unsigned n = 0; n < IDENTITY_PCRS; n++) {
        if ((i->locked >> n & 1) == 0)
            continue;
        TRY(buf_printf(out, "%s\"PCR%u\":\"", between, n));
        TRY(put_hex(out, view_of(i->pcr[n], IDENTITY_PCR_LEN)));
        TRY(buf_put_u8(out, '"'));
        between = ",";
    }
    return buf_put_u8(out, '}');
}

static err_t put_checks(struct buf *out, const struct identity *i)
{
    TRY(buf_put_text(out, ",\"checks\":["));
    for (unsigned n = 0; n < CHECKS_; n++) {
        TRY(buf_printf(out, "%s{\"name\":\"%s\",\"result\":\"%s\"", n > 0 ? "," : "", identity_checks[n].name,
                       results[i->checks[n]]));
        TRY(put_text(out, "what", view_of(identity_checks[n].text, strlen(identity_checks[n].text))));
        TRY(buf_put_u8(out, '}'));
    }
    return buf_put_u8(out, ']');
}

static err_t put_node(struct buf *out, const struct conf *conf, const struct identity *i)
{
    TRY(buf_printf(out, "{\"simulated\":%s,\"kind\":\"%s\"", i->kind == 2 ? "true" : "false", kinds[i->kind]));
    TRY(buf_printf(out, ",\"versions\":{\"veronnx\":\"" VERONNX_VERSION "\",\"module\":\"%u.%u.%u\"}",
                   i->module_version[0], i->module_version[1], i->module_version[2]));
    TRY(put_text(out, "module_id", view_of(i->module_id, strlen(i->module_id))));
    TRY(buf_printf(out, ",\"made_ms\":%llu,\"not_after\":%llu", (unsigned long long)i->made_ms,
                   (unsigned long long)i->not_after));
    TRY(put_bytes(out, "keyset", base64_put, identity_keyset(i)));
    TRY(put_text(out, "configuration", conf_node_text(conf)));
    TRY(put_text(out, "policy", conf_policy_text(conf)));
    TRY(put_bytes(out, "document", base64_put, identity_document(i)));
    TRY(put_bytes(out, "certificate", base64_put, identity_certificate(i)));
    TRY(put_bytes(out, "user_data", put_hex, view_of(i->user_data, sizeof(i->user_data))));
    TRY(put_registers(out, i));
    TRY(put_checks(out, i));
    return buf_put_text(out, "}\n");
}

/* ── /enclave/config ── */

/* `KEY = `; the canonical text is sorted, so lines of one key follow each other. */
static struct view cut_key(struct view *line)
{
    struct view key = view_cut(line, ' ');
    (void)view_cut(line, ' ');
    return key;
}

static bool repeats(struct view key)
{
    const struct option *o = option_find(key);
    return o != NULL && (o->type == OPTION_LISTEN || o->type == OPTION_ALIAS || o->type == OPTION_ALLOW ||
                         o->type == OPTION_PRELOAD || o->type == OPTION_DOMAIN);
}

/* One canonical text as an object: strings, and arrays of strings for what may stand several times. */
static err_t put_section(struct buf *out, const char *name, struct view text)
{
    struct view before = {0};
    bool list = false;
    TRY(buf_printf(out, "  \"%s\": {", name));
    while (text.len > 0) {
        struct view value = view_cut(&text, '\n');
        struct view key = cut_key(&value);
        if (list && view_equal(key, before)) {
            TRY(buf_put_text(out, ", "));
        } else {
            TRY(buf_put_text(out, list ? "],\n    " : before.len > 0 ? ",\n    " : "\n    "));
            TRY(print_string(out, key));
            list = repeats(key);
            TRY(buf_put_text(out, list ? ": [" : ": "));
        }
        TRY(print_string(out, value));
        before = key;
    }
    return buf_put_text(out, list ? "]\n  }" : before.len > 0 ? "\n  }" : "}");
}

static err_t put_config(struct buf *out, const struct conf *conf)
{
    TRY(buf_put_text(out, "{\n"));
    TRY(put_section(out, "node", conf_node_text(conf)));
    TRY(buf_put_text(out, ",\n"));
    TRY(put_section(out, "policy", conf_policy_text(conf)));
    return buf_put_text(out, "\n}\n");
}

/* ── /signing-key ── */

static err_t put_signing_key(struct buf *out, const struct identity *i)
{
    const struct view rsa = identity_rsa(i);
    uint8_t tee_id[KECCAK_LEN];
    AUTO_BUF struct buf pem = BUF_WITH(PEM_MAX);
    keccak256(&rsa, 1, tee_id);
    TRY(pem_put(&pem, "PUBLIC KEY", rsa));
    TRY(buf_put_text(out, "{\"public_key\":"));
    TRY(print_string(out, buf_view(&pem)));
    TRY(buf_put_text(out, ",\"tee_id\":\"0x"));
    TRY(put_hex(out, view_of(tee_id, sizeof(tee_id))));
    return buf_printf(
        out, "\",\"enclave_info\":{\"platform\":\"%s\",\"version\":\"" VERONNX_VERSION "\"},\"measurements\":null}\n",
        kinds[i->kind]);
}

/* ── all ── */

static err_t put_all(const struct conf *conf, const struct identity *identity, struct about *a)
{
    TRY(put_node(&a->node, conf, identity));
    TRY(put_config(&a->config, conf));
    return put_signing_key(&a->signing_key, identity);
}

err_t about_make(const struct conf *conf, const struct identity *identity, struct about *ret)
{
    *ret = (struct about){BUF_WITH(TEXT_MAX), BUF_WITH(TEXT_MAX), BUF_WITH(TEXT_MAX)};
    err_t e = put_all(conf, identity, ret);
    if (e != OK)
        about_done(ret);
    return e;
}

void about_done(struct about *a)
{
    buf_done(&a->node);
    buf_done(&a->config);
    buf_done(&a->signing_key);
}
