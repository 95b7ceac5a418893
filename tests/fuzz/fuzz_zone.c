/* Any bytes as a zone file; a zone that is accepted answers any moment within reason. */
#include <stdlib.h>

#include "triaged/base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    struct zone *z = zone_parse((struct str){(const char *)data, size}, &why);
    const int64_t moments[] = {-62135596800, -2208988800, 0, 1732472070, 4102444800, 253402300799};

    if (!z) {
        if (!why)
            abort();
        return 0;
    }
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        int32_t a = zone_offset_at_utc(z, moments[i]);
        int32_t b = zone_offset_of_local(z, moments[i]);
        if (a < -27 * 3600 || a > 27 * 3600 || b < -27 * 3600 || b > 27 * 3600)
            abort();
    }
    zone_free(z);
    return 0;
}
