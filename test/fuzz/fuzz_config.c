/* The configuration file: whatever is accepted has a committed text that is accepted again and gives the same text. */
#include "base/mem.h"
#include "config/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t canonical(const struct config *c, struct buf *out)
{
    TRY(buf_put_text(out, "[node]\n"));
    TRY(config_canonical(c, SECTION_NODE, out));
    TRY(buf_put_text(out, "[policy]\n"));
    return config_canonical(c, SECTION_POLICY, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config first, second;
    AUTO_BUF struct buf text = BUF_WITH(4 * CONF_TEXT_MAX);
    AUTO_BUF struct buf again = BUF_WITH(4 * CONF_TEXT_MAX);
    struct why why = {0};
    uint32_t line = 0;
    if (config_init(&first, "/", &why) != OK)
        abort();
    if (config_text(&first, view_of(data, size), &line, &why) != OK || config_finish(&first, &why) != OK)
        return 0;
    if (canonical(&first, &text) != OK || text.len > CONFIG_FILE_MAX)
        return 0;
    if (config_init(&second, "/", &why) != OK || config_text(&second, buf_view(&text), &line, &why) != OK)
        abort();
    if (canonical(&second, &again) != OK || !view_equal(buf_view(&text), buf_view(&again)))
        abort();
    return 0;
}
