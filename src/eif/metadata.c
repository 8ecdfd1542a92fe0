/* One template. */
#include "eif/metadata.h"

#include <string.h>

static struct view or_else(struct view v, const char *text)
{
    return v.len > 0 ? v : view_of(text, strlen(text));
}

err_t metadata_put(struct view kernel_release, struct view custom, struct buf *out)
{
    const struct view release = or_else(kernel_release, "unknown"), extra = or_else(custom, "null");
    if (custom.len > METADATA_CUSTOM_MAX)
        return ERR_TOO_LARGE;
    return buf_printf(out,
                      "{\"ImageName\":\"veronnx\",\"ImageVersion\":\"" VERONNX_VERSION "\","
                      "\"BuildMetadata\":{\"BuildTime\":\"" METADATA_BUILD_TIME "\",\"BuildTool\":\"veronnx image\","
                      "\"BuildToolVersion\":\"" VERONNX_VERSION "\",\"OperatingSystem\":\"Linux\","
                      "\"KernelVersion\":\"%.*s\"},\"DockerInfo\":null,\"CustomMetadata\":%.*s}",
                      (int)release.len, (const char *)release.data, (int)extra.len, (const char *)extra.data);
}
