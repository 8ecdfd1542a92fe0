/* What a node tells the world outside its messages: the certificate and key files, the URL, the ready file. */
#include "super/state.h"

#include "base/fd.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PEM_MAX (BASE64_LEN(CERT_MAX) + BASE64_LEN(CERT_MAX) / 64 + 128)

/* SubjectPublicKeyInfo of a P-256 key before its point (RFC 5480 §2). */
static const uint8_t spki_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

/* Replaces a file as a whole: a reader sees the old one or the new one. */
static err_t write_file(const char *path, struct view text)
{
    char temporary[PATH_BYTES_MAX + 8];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return ERR_TOO_LARGE;
    (void)unlink(temporary); /* of a node that was killed; a link there is not followed */
    AUTO_FD int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_errno();
    TRY(fd_write_all(fd, text.data, text.len));
    return rename(temporary, path) == 0 ? OK : err_errno();
}

static err_t write_pem(const char *dir, const char *name, const char *label, struct view der)
{
    char path[PATH_BYTES_MAX];
    AUTO_BUF struct buf pem = BUF_WITH(PEM_MAX);
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_TOO_LARGE;
    TRY(pem_put(&pem, label, der));
    return write_file(path, buf_view(&pem));
}

/* The text whose digest stands in PCR18 and in every receipt, for verifiers. */
static err_t write_policy(const struct super *s)
{
    char path[PATH_BYTES_MAX];
    int n = snprintf(path, sizeof(path), "%s/policy.conf", s->state);
    return n > 0 && (size_t)n < sizeof(path) ? write_file(path, conf_policy_text(s->conf)) : ERR_TOO_LARGE;
}

err_t publish_keys(const struct super *s)
{
    TRY(write_policy(s));
    uint8_t spki[sizeof(spki_head) + sizeof(s->keys.receipt_key)];
    memcpy(spki, spki_head, sizeof(spki_head));
    memcpy(spki + sizeof(spki_head), s->keys.receipt_key, sizeof(s->keys.receipt_key));
    TRY(write_pem(s->state, "receipt-key.pem", "PUBLIC KEY", view_of(spki, sizeof(spki))));
    return write_pem(s->state, "cert.pem", "CERTIFICATE", identity_certificate(&s->identity));
}

/* The host part as written, with the port that was bound. A wildcard is reached at the loopback address. What has no host is
   reached through another process, and stands here as it was written. */
static void url_of(const struct address *l, uint32_t port, const char *scheme, char *ret, size_t size)
{
    if (address_is_local(l)) {
        (void)snprintf(ret, size, "%s", l->text);
        return;
    }
    const char *colon = strrchr(l->text, ':');
    int host_len = colon != NULL ? (int)(colon - l->text) : (int)strlen(l->text);
    static const uint8_t any[16] = {0};
    bool wildcard = memcmp(l->addr, any, sizeof(any)) == 0;
    if (wildcard)
        (void)snprintf(ret, size, "%s://127.0.0.1:%u", scheme, port);
    else
        (void)snprintf(ret, size, "%s://%.*s:%u", scheme, host_len, l->text, port);
}

/* A path of the configuration has no control characters, quotes or backslashes (veronnx-config refuses them). */
static err_t put_ready(const struct super *s, const char *url, const char *admin_url, struct buf *json)
{
    TRY(buf_printf(json, "{\"url\":\"%s\",\"admin_url\":\"%s\",\"pid\":%d,", url, admin_url, getpid()));
    return buf_printf(json, "\"cert\":\"%s/cert.pem\",\"receipt_key\":\"%s/receipt-key.pem\"}\n", s->state, s->state);
}

/* In the state folder, where the command line looks, and where --ready-file says. */
static err_t write_ready_files(const struct super *s, struct view json)
{
    char path[PATH_BYTES_MAX];
    int n = snprintf(path, sizeof(path), "%s/ready.json", s->state);
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_TOO_LARGE;
    TRY(write_file(path, json));
    return s->conf->ready_file[0] != '\0' ? write_file(s->conf->ready_file, json) : OK;
}

err_t publish_ready(const struct super *s)
{
    char url[ADDRESS_TEXT_MAX + 16], admin_url[ADDRESS_TEXT_MAX + 16];
    AUTO_BUF struct buf json = BUF_WITH(8 * KIB);
    url_of(&s->conf->listen[0], s->ports[0], "https", url, sizeof(url));
    url_of(&s->conf->admin, s->admin_port, "http", admin_url, sizeof(admin_url));
    TRY(put_ready(s, url, admin_url, &json));
    TRY(write_ready_files(s, buf_view(&json)));
    (void)printf("veronnx serves %s%s\n", url, s->conf->simulate != 0 ? " (SIMULATED: receipts prove nothing about hardware)" : "");
    (void)fflush(stdout);
    return OK;
}
