/* HTTP/1.1 responses, as far as long-polling needs them. */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>

struct http_response {
    int status;
    char *body; /* in place; a chunked body has been joined there */
    size_t body_length;
};

/* The value of a header of the head that ends, with its empty line, before `end`; or NULL. */
const char *http_find_header(const char *head, const char *end, const char *name);

/* Read one response from the front of `bytes`: the number of bytes it takes, or 0 when it is not whole yet. */
size_t http_read_response(char *bytes, size_t length, struct http_response *response);

#endif
