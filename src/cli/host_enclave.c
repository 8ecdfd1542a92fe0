/* Start, patience, drain. */
#include "cli/host_enclave.h"

#include "attest/document.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/attested.h"
#include "cli/cmd_image.h"
#include "cli/files.h"
#include "cli/sim_root.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_MS      (10 * 60 * 1000) /* an emulated machine, many models to be loaded */
#define ASK_EVERY_MS  200
#define LOOK_EVERY    10    /* questions to the node for one to nitro-cli */
#define DRAIN_MS      45000 /* drain-time, and a machine's way down */
#define CONSOLE_LINES 12
#define CONSOLE_MAX   (16 * MIB)
#define HTTP_OK       200
#define HTTP_NOT_YET  503

err_t enclave_of(const char *image, uint32_t cid, struct enclave *ret, struct why *why)
{
    AUTO(map_done) struct map file = {0};
    struct eif eif = {0};
    TRY(image_map(image, &file, why));
    TRY(eif_read(image_bytes(&file), &eif, why));
    *ret = (struct enclave){.cid = cid, .state = ENCLAVE_STARTING};
    (void)snprintf(ret->image, sizeof(ret->image), "%s", image);
    for (size_t i = 0; i < ENCLAVE_PCRS; i++)
        hex_encode(eif.pcr[i], PCR_LEN, ret->pcr[i]);
    return OK;
}

/* ── until it is ready ── */

static void say(const struct enclave *e, uint64_t since_ms, const char *what)
{
    (void)fprintf(stderr, "veronnx host: enclave %u, %.1f s: %s\n", e->cid, (double)(clock_mono_ms() - since_ms) / 1000,
                  what);
}

static const char *stage(long status)
{
    return status == HTTP_OK ? "the node is ready" : status == HTTP_NOT_YET ? "the node preloads its models" : "boots";
}

static err_t wait_until_ready(const struct host_side *s, struct enclave *e, struct why *why)
{
    const struct machine *m = machine_of(&s->settings);
    uint64_t since_ms = clock_mono_ms();
    const char *said = stage(0);
    say(e, since_ms, said);
    for (unsigned n = 0; clock_mono_ms() - since_ms < READY_MS; n++) {
        long status = host_side_ask(s->probe, "/readyz", false);
        const char *now = stage(status);
        if (now != said)
            say(e, since_ms, now);
        said = now;
        e->ready_ms = (uint32_t)(clock_mono_ms() - since_ms);
        if (status == HTTP_OK)
            return OK;
        if (n % LOOK_EVERY == 0 && m->life(e) == LIFE_GONE)
            return why_set(why, ERR_CLOSED, "the enclave ended before its node was ready");
        if (process_nap(ASK_EVERY_MS))
            return why_set(why, ERR_CLOSED, "ended by a signal before the node was ready");
    }
    return why_set(why, ERR_TIMEOUT, "the node did not get ready within %d s", READY_MS / 1000);
}

/* Its last words; an enclave that is not in debug mode has none. */
static void print_console(const struct host_folder *f, const struct enclave *e)
{
    AUTO_BUF struct buf text = BUF_WITH(CONSOLE_MAX);
    char path[HOST_PATH_MAX];
    host_folder_of(f, e->cid, "console", path);
    if (access(path, R_OK) != 0 || file_read(path, &text, NULL) != OK)
        return;
    size_t from = text.len, lines = 0;
    while (from > 0 && (lines += text.data[from - 1] == '\n') <= CONSOLE_LINES)
        from--;
    for (size_t i = from; i < text.len; i++) { /* a terminal must not obey it */
        uint8_t c = text.data[i];
        if (c == '\n' || (c >= 0x20 && c < 0x7f))
            (void)fputc(c, stderr);
    }
    (void)fprintf(stderr, "veronnx host: the console is in %s\n", path);
}

/* ── what verifiers are given ── */

static err_t save_pcrs(const struct host_folder *f, const struct enclave *e, struct why *why)
{
    AUTO_BUF struct buf text = BUF_WITH(4 * KIB);
    char path[HOST_PATH_MAX];
    TRY(buf_put_text(&text, "{\n  \"Measurements\": {\n    \"HashAlgorithm\": \"Sha384 { ... }\""));
    for (unsigned i = 0; i < ENCLAVE_PCRS; i++)
        TRY(buf_printf(&text, ",\n    \"PCR%u\": \"%s\"", i, e->pcr[i]));
    TRY(buf_put_text(&text, "\n  }\n}\n"));
    host_folder_of(f, e->cid, "pcrs.json", path);
    return host_folder_put(path, buf_view(&text), why);
}

static bool same_registers(const struct document *d, const struct enclave *e)
{
    bool same = true;
    for (size_t i = 0; i < ENCLAVE_PCRS; i++) {
        uint8_t pcr[PCR_LEN];
        same &= hex_decode(view_of(e->pcr[i], HEX_LEN(PCR_LEN)), pcr, PCR_LEN) == OK &&
                view_equal(d->pcr[i], view_of(pcr, PCR_LEN));
    }
    return same;
}

static err_t save_root(const struct host_folder *f, const struct attested *a, struct enclave *e, struct why *why)
{
    AUTO_BUF struct buf pem = BUF_WITH(16 * KIB);
    char path[HOST_PATH_MAX];
    err_t error = sim_root_of(a, &pem, why);
    if (error == ERR_DOC_ROOT)
        return OK; /* AWS's */
    TRY(error);
    host_folder_of(f, e->cid, "root.pem", path);
    TRY(host_folder_put(path, buf_view(&pem), why));
    e->simulated = true;
    return OK;
}

static err_t save_identity(const struct host_folder *f, const struct host_side *s, struct enclave *e, struct why *why)
{
    AUTO(attested_done) struct attested a = {0};
    struct document d;
    TRY(attested_ask(s->probe, &a, why));
    TRY(document_read(buf_view(&a.document), &d, why));
    e->matches = same_registers(&d, e);
    return save_root(f, &a, e, why);
}

static err_t get_ready(const struct host_folder *f, const struct host_side *s, struct enclave *e, struct why *why)
{
    TRY(wait_until_ready(s, e, why));
    TRY(save_pcrs(f, e, why));
    TRY(save_identity(f, s, e, why));
    e->state = ENCLAVE_READY;
    return enclave_write(f, e, why);
}

/* ── start and end ── */

static err_t stop_and_forget(const struct host_folder *f, const struct host_side *s, const struct enclave *e,
                             struct why *why)
{
    struct why said = {0};
    if (machine_of(&s->settings)->stop(e, &said) != OK)
        return why_set(why, ERR_CLOSED, "enclave %u may still run: %s (%s)", e->cid, e->id[0] != '\0' ? e->id : e->name,
                       said.text);
    enclave_forget(f, e);
    return OK;
}

err_t enclave_run(const struct host_folder *f, const struct host_side *s, struct enclave *e, struct why *why)
{
    char console[HOST_PATH_MAX];
    enclave_forget(f, e); /* what a command that was killed has left */
    host_folder_of(f, e->cid, "console", console);
    (void)unlink(console);
    (void)snprintf(e->name, sizeof(e->name), "veronnx-%u-%d-%llu", e->cid, (int)getpid(),
                   (unsigned long long)clock_wall_us());
    TRY(enclave_write(f, e, why)); /* whoever comes after a command that was killed here can end it */
    err_t error = machine_of(&s->settings)->start(f, &s->settings, e, why);
    if (error == OK)
        error = enclave_write(f, e, why);
    if (error == OK)
        error = get_ready(f, s, e, why);
    if (error == OK)
        return OK;
    print_console(f, e);
    struct why left = {0};
    if (stop_and_forget(f, s, e, &left) != OK)
        (void)fprintf(stderr, "veronnx host: %s\n", left.text);
    return error;
}

err_t enclave_end(const struct host_folder *f, const struct host_side *s, struct enclave *e, bool drain,
                  struct why *why)
{
    const struct machine *m = machine_of(&s->settings);
    struct why unwritten = {0};
    uint64_t until_ms = clock_mono_ms() + DRAIN_MS;
    e->state = ENCLAVE_DRAINING;
    if (enclave_write(f, e, &unwritten) != OK)
        (void)fprintf(stderr, "veronnx host: %s\n", unwritten.text);
    if (drain && host_side_ask(s->probe_admin, "/drain", true) == HTTP_OK)
        while (m->life(e) != LIFE_GONE && clock_mono_ms() < until_ms)
            (void)usleep(ASK_EVERY_MS * 1000);
    return stop_and_forget(f, s, e, why);
}

void enclave_print(const struct host_folder *f, const struct host_side *s, const struct enclave *e)
{
    char path[HOST_PATH_MAX];
    for (size_t i = 0; i < s->n_public; i++)
        (void)printf("url      %s\n", s->public_url[i]);
    (void)printf("admin    %s\n", s->admin);
    (void)printf("enclave  %u %s (%s), ready after %.1f s\n", e->cid, e->id, machine_of(&s->settings)->name,
                 (double)e->ready_ms / 1000);
    (void)printf("image    %s\n", e->image);
    for (unsigned i = 0; i < ENCLAVE_PCRS; i++)
        (void)printf("PCR%u     %s\n", i, e->pcr[i]);
    host_folder_of(f, e->cid, "pcrs.json", path);
    (void)printf("pcrs     %s (%s)\n", path,
                 e->matches ? "its document says the same" : "its document says OTHERS: debug mode, or another image");
    if (e->simulated) {
        host_folder_of(f, e->cid, "root.pem", path);
        (void)printf("root     %s (simulated: of use with --allow-simulated only, and no proof about hardware)\n",
                     path);
    }
    host_folder_of(f, e->cid, "console", path);
    if (s->settings.qemu[0] != '\0')
        (void)printf("console  %s\n", path);
    else if (s->settings.debug)
        (void)printf(
            "console  nitro-cli console --enclave-id %s (debug mode: PCR0, 1 and 2 are zero in its documents)\n",
            e->id);
    host_folder_file(f, "log.txt", path);
    (void)printf("log      %s\n", path);
    (void)fflush(stdout);
}
