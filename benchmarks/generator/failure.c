#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 160 }; /* enough of a packet or a status line to see what it is */

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("generator: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

void fail_on_bytes(const char *expected, const char *bytes, size_t length) {
    int shown = length < SHOWN ? (int)length : SHOWN;
    fail("expected %s, got %zu bytes: %.*s", expected, length, shown, bytes);
}
