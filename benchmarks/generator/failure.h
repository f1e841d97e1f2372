/* A benchmark that meets something it does not expect has nothing to report: it says what, and stops. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stddef.h>

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/* As fail(), with the first bytes of what came in place of what was expected. */
__attribute__((noreturn)) void fail_on_bytes(const char *expected, const char *bytes, size_t length);

#endif
