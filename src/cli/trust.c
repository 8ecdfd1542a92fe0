/* Files and times behind the options. */
#include "cli/trust.h"

#include "attest/cert.h"
#include "attest/der.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/pem.h"
#include "cli/wanted.h"

#include <string.h>
#include <time.h>

#define FILE_MAX    (64 * KIB)
#define AGE_MAX     UINT64_C(1000000000) /* seconds */
#define SECONDS_MAX UINT64_C(253402300799) /* the end of the year 9999 */

void trust_init(struct trust *t)
{
    *t = (struct trust){.expect = {.max_age_ms = ATTEST_MAX_AGE_MS}};
    buf_init(&t->root, FILE_MAX);
    buf_init(&t->policy, FILE_MAX + WANTED_DEFAULTS);
}

void trust_done(struct trust *t)
{
    buf_done(&t->root);
    buf_done(&t->policy);
}

bool trust_take(struct trust *t, int option, const char *value)
{
    switch (option) {
    case TRUST_ROOT:
        t->root_file = value;
        return true;
    case TRUST_SIMULATED:
        t->expect.allow_simulated = true;
        return true;
    case TRUST_DEBUG:
        t->expect.allow_debug = true;
        return true;
    case TRUST_PCRS:
        t->pcrs_file = value;
        return true;
    case TRUST_POLICY:
        t->policy_file = value;
        return true;
    case TRUST_ANY_POLICY:
        t->expect.any_policy = true;
        return true;
    case TRUST_MAX_AGE:
        t->max_age = value;
        return true;
    case TRUST_AT:
        t->at = value;
        return true;
    case TRUST_ARCHIVE:
        t->expect.archived = true;
        return true;
    default:
        return false;
    }
}

/* ── files ── */

static err_t load_root(struct trust *t, struct why *why)
{
    AUTO_BUF struct buf file = BUF_WITH(FILE_MAX);
    struct cert cert;
    if (t->root_file == NULL)
        return OK;
    if (!t->expect.allow_simulated)
        return why_set(why, ERR_USAGE, "--root: only with --allow-simulated: no root but AWS's vouches for hardware");
    TRY(command_blame("--root", file_read(t->root_file, &file, why), why));
    bool is_der = file.len > 0 && file.data[0] == DER_SEQUENCE;
    if ((is_der ? buf_put_view(&t->root, buf_view(&file)) : pem_certificate(buf_view(&file), &t->root)) != OK)
        return why_set(why, ERR_USAGE, "--root: no certificate: %s", t->root_file);
    if (cert_read(buf_view(&t->root), &cert, why) != OK)
        return command_blame("--root", ERR_USAGE, why);
    t->expect.root = (struct veronnx_bytes){t->root.data, t->root.len};
    return OK;
}

static err_t load_pcrs(struct trust *t, struct why *why)
{
    AUTO_BUF struct buf json = BUF_WITH(16 * FILE_MAX);
    t->expect.any_image = t->pcrs_file == NULL;
    if (t->pcrs_file == NULL)
        return OK;
    TRY(command_blame("--pcrs", file_read(t->pcrs_file, &json, why), why));
    TRY(command_blame("--pcrs", pcrs_read(buf_view(&json), &t->pcrs, why), why));
    t->expect.pcrs = t->pcrs.items;
    t->expect.n_pcrs = t->pcrs.n;
    return OK;
}

static err_t load_policy(struct trust *t, struct why *why)
{
    if (t->policy_file == NULL)
        return OK;
    if (t->expect.any_policy)
        return why_set(why, ERR_USAGE, "--policy and --any-policy: one of them");
    TRY(command_blame("--policy", file_read(t->policy_file, &t->policy, why), why));
    TRY(wanted_fill(&t->policy));
    t->expect.policy = (struct veronnx_bytes){t->policy.len > 0 ? (const void *)t->policy.data : "", t->policy.len};
    return OK;
}

/* ── times ── */

static err_t read_time(const char *text, uint64_t *ret_seconds)
{
    struct tm tm = {0};
    if (text_u64(view_of(text, strlen(text)), SECONDS_MAX, ret_seconds) == OK)
        return OK;
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t seconds = end != NULL && *end == '\0' ? timegm(&tm) : -1;
    if (seconds < 0)
        return ERR_MALFORMED;
    *ret_seconds = (uint64_t)seconds;
    return OK;
}

static err_t load_time(struct trust *t, struct why *why)
{
    uint64_t seconds = 0;
    int given = (t->at != NULL) + (t->max_age != NULL) + t->expect.archived;
    if (given > 1)
        return why_set(why, ERR_USAGE, "--max-age, --at and --archive: one of them");
    t->expect.now_ms = clock_wall_us() / 1000;
    if (t->at != NULL) {
        if (read_time(t->at, &seconds) != OK)
            return why_set(why, ERR_USAGE, "--at: not Unix seconds, nor like 2026-01-31T12:00:00Z");
        t->expect.now_ms = seconds * 1000;
    }
    if (t->max_age != NULL) {
        if (text_u64(view_of(t->max_age, strlen(t->max_age)), AGE_MAX, &seconds) != OK)
            return why_set(why, ERR_USAGE, "--max-age: a number of seconds");
        t->expect.max_age_ms = seconds * 1000;
    }
    return OK;
}

err_t trust_load(struct trust *t, struct why *why)
{
    TRY(load_time(t, why));
    TRY(load_root(t, why));
    TRY(load_pcrs(t, why));
    return load_policy(t, why);
}

err_t trust_hex(const char *text, size_t min, size_t max, uint8_t *room, struct veronnx_bytes *ret, struct why *why)
{
    size_t n = strlen(text) / 2;
    if (n < min || n > max || hex_decode(view_of(text, strlen(text)), room, n) != OK)
        return why_set(why, ERR_USAGE, "%zu to %zu hex digits", 2 * min, 2 * max);
    *ret = (struct veronnx_bytes){room, n};
    return OK;
}
