/* fuzz_decode_alertmanager.c - any bytes as a body for the decoder "alertmanager". */
#include "decoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_and_check("alertmanager", (struct str){(const char *)data, size}, NULL);
    return 0;
}
