/* A growing run of bytes. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

struct buffer {
    char *bytes;
    size_t length, capacity;
};

/* Make room for `length` more bytes and return where they go; the caller adds what it wrote to `length`. */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_append(struct buffer *buffer, const char *bytes, size_t length);
/* Drop the first `length` bytes. */
void buffer_consume(struct buffer *buffer, size_t length);

#endif
