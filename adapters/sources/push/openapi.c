#include "adapters/sources/push/openapi.h"

/* The file itself, taken in by the assembler: one text for readers, tests and clients. */
__asm__(".section .rodata\n"
        "adapters_push_openapi_begin: .incbin \"" XINQIAO_OPENAPI "\"\n"
        "adapters_push_openapi_end: .byte 0\n"
        ".previous\n");

extern const uint8_t adapters_push_openapi_begin[], adapters_push_openapi_end[];

struct bus_bytes adapters_push_openapi_view(void)
{
    return bus_bytes_of(adapters_push_openapi_begin, (size_t)(adapters_push_openapi_end - adapters_push_openapi_begin));
}
