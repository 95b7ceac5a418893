/* fuzz_decode_prometheus.c - any bytes as a body for the decoder "prometheus". */
#include "decoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_and_check("prometheus", (struct str){(const char *)data, size}, NULL);
    return 0;
}
