/* Names of kinds and the form of URLs. */
#include "wire/source.h"

#include <string.h>

const char *const source_kind_names[SOURCE_KINDS_] = {
    [SOURCE_STORE] = "store", [SOURCE_GATEWAY] = "gateway", [SOURCE_KUBO] = "kubo", [SOURCE_FILES] = "files"};

/* Folders where files are replaced, not written; those of certificates as Debian and Fedora have them. */
const char *const source_system_files[SOURCE_SYSTEM_FILES] = {
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/etc/ssl/openssl.cnf",
    "/etc/ssl/certs",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    NULL,
};

err_t source_kind_find(struct view name, enum source_kind *ret)
{
    for (unsigned i = 0; i < SOURCE_KINDS_; i++)
        if (view_is(name, source_kind_names[i])) {
            *ret = (enum source_kind)i;
            return OK;
        }
    return ERR_USAGE;
}

/* ── URLs ── */

static bool skip_scheme(struct view *url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        struct view rest = *url, scheme = {0};
        if (view_take(&rest, strlen(schemes[i]), &scheme) == OK && view_is(scheme, schemes[i])) {
            *url = rest;
            return true;
        }
    }
    return false;
}

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A name or an IPv4 address, or an IPv6 address in brackets; up to the port or the path. */
static bool skip_host(struct view *url)
{
    size_t n = 0;
    bool brackets = url->len > 0 && url->data[0] == '[';
    if (brackets) {
        for (n = 1; n < url->len && (is_letter_or_digit(url->data[n]) || url->data[n] == ':' || url->data[n] == '.');)
            n++;
        if (n < 4 || n == url->len || url->data[n++] != ']')
            return false;
    } else {
        while (n < url->len && (is_letter_or_digit(url->data[n]) || url->data[n] == '.' || url->data[n] == '-'))
            n++;
    }
    *url = view_of(url->data + n, url->len - n);
    return n > 0;
}

static bool skip_port(struct view *url)
{
    size_t n = 1;
    unsigned port = 0;
    if (url->len == 0 || url->data[0] != ':')
        return true;
    for (; n < url->len && url->data[n] >= '0' && url->data[n] <= '9' && n < 6; n++)
        port = 10 * port + (unsigned)(url->data[n] - '0');
    *url = view_of(url->data + n, url->len - n);
    return n > 1 && port > 0 && port <= UINT16_MAX;
}

static bool is_path(struct view path)
{
    for (size_t i = 0; i < path.len; i++)
        if (path.data[i] <= ' ' || path.data[i] > '~' || strchr("\"\\?#@<>^`{|}", path.data[i]) != NULL)
            return false;
    return path.len == 0 || path.data[0] == '/';
}

err_t source_url_check(struct view url, struct why *why)
{
    if (url.len >= SOURCE_URL_MAX)
        return why_set(why, ERR_USAGE, "a URL of at most %d characters", SOURCE_URL_MAX - 1);
    if (!skip_scheme(&url) || !skip_host(&url) || !skip_port(&url) || !is_path(url))
        return why_set(why, ERR_USAGE, "a URL: http:// or https://, host, maybe :port and /path, nothing else");
    return OK;
}
