/* What names sources and what they answer: lines of the configuration, URLs, token files, media types. */
#include "config/value.h"
#include "fetch/answer.h"
#include "fetch/source.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted has a URL that is accepted, and a request with it that fits. */
static void read_line(struct view text)
{
    struct conf_source conf = {0};
    struct view file = {0};
    struct why why = {0};
    if (value_source(text, &conf, &file, &why) != OK) {
        assert(why.text[0] != '\0');
        return;
    }
    assert(source_url_check(view_of(conf.url, strlen(conf.url)), NULL) == OK);
    assert(conf.kind > SOURCE_STORE && conf.kind < SOURCE_KINDS_);
    struct source source = {.kind = (enum source_kind)conf.kind};
    memcpy(source.url, conf.url, sizeof(source.url));
    char url[SOURCE_REQUEST_MAX];
    struct http_request request = {0};
    struct cid cid = cid_make(1, CID_RAW, (const uint8_t[SHA256_LEN]){0});
    source_request(&source, &cid, url, &request);
    assert(strncmp(url, conf.url, strlen(conf.url)) == 0 && strstr(url, "bafkreiaaaa") != NULL);
}

/* One line, whatever came in: no second field of a head. */
static void read_token(struct view text)
{
    AUTO_BUF struct buf out = {.max = 8192};
    if (source_authorization(text, &out) != OK)
        return;
    assert(out.data[out.len - 1] == '\0' && strlen((const char *)out.data) == out.len - 1);
    for (size_t i = 0; i + 1 < out.len; i++)
        assert(out.data[i] >= ' ' && out.data[i] <= '~');
}

static void read_type(struct view text)
{
    AUTO_BUF struct buf copy = {.max = 8192};
    if (buf_put_view(&copy, text) != OK || buf_put_u8(&copy, 0) != OK)
        return;
    bool raw = answer_has_type((const char *)copy.data, "application/vnd.ipld.raw");
    assert(!raw || !answer_has_type((const char *)copy.data, "application/vnd.ipld.car"));
}

/* Nothing but 200 is a block. */
static void read_status(struct view text)
{
    uint16_t status = 0;
    if (view_u16le(&text, &status) != OK)
        return;
    for (enum source_kind kind = 0; kind < SOURCE_KINDS_; kind++)
        assert((answer_of_status(kind, status % 700) == ANSWER_BLOCK) == (status % 700 == 200));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view text = view_of(data, size);
    (void)source_url_check(text, NULL);
    read_line(text);
    read_token(text);
    read_type(text);
    read_status(text);
    return 0;
}
