#include "subscribers/serve/openapi.h"

/* The file itself, taken in by the assembler: one text for readers, tests and clients. */
__asm__(".section .rodata\n"
        "serve_openapi_begin: .incbin \"" XINQIAO_OPENAPI "\"\n"
        "serve_openapi_end: .byte 0\n"
        ".previous\n");

extern const uint8_t serve_openapi_begin[], serve_openapi_end[];

struct bus_bytes serve_openapi_view(void)
{
    return bus_bytes_of(serve_openapi_begin, (size_t)(serve_openapi_end - serve_openapi_begin));
}
