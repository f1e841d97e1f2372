#include "http.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "failure.h"

enum { STATUS_AT = 9 }; /* "HTTP/1.1 200" */

/* The head ends with an empty line, so every value ends before it. */
const char *http_find_header(const char *head, const char *end, const char *name) {
    size_t name_length = strlen(name);
    for (const char *line = head; line < end;) {
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next) return NULL;
        line = next + 2;
        if ((size_t)(end - line) <= name_length || line[name_length] != ':') continue;
        if (!strncasecmp(line, name, name_length)) return line + name_length + 1;
    }
    return NULL;
}

/* Join the chunks in place; 0 when the last one has not come. */
static size_t read_chunks(char *bytes, size_t length, struct http_response *response) {
    /* First find whether the whole body is there: joining moves bytes, and must not be done twice. */
    for (int joining = 0; joining <= 1; joining++) {
        size_t at = 0, joined = 0;
        for (;;) {
            char *line_end = memmem(bytes + at, length - at, "\r\n", 2);
            if (!line_end) return 0;
            size_t size = strtoul(bytes + at, NULL, 16);
            at = (size_t)(line_end - bytes) + 2;
            if (length - at < size + 2) return 0;
            if (joining) memmove(bytes + joined, bytes + at, size);
            at += size + 2;
            joined += size;
            if (!size) break;
        }
        if (joining) {
            response->body = bytes;
            response->body_length = joined;
            return at;
        }
    }
    return 0;
}

size_t http_read_response(char *bytes, size_t length, struct http_response *response) {
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (strncmp(bytes, "HTTP/1.", 7)) fail_on_bytes("an HTTP response", bytes, length);
    response->status = atoi(bytes + STATUS_AT);
    size_t head = (size_t)(end - bytes) + 4;
    const char *content_length = http_find_header(bytes, end + 2, "content-length");
    if (content_length) {
        size_t body = strtoul(content_length, NULL, 10);
        if (length - head < body) return 0;
        response->body = bytes + head;
        response->body_length = body;
        return head + body;
    }
    if (!http_find_header(bytes, end + 2, "transfer-encoding"))
        fail_on_bytes("a response with Content-Length or in chunks", bytes, head);
    size_t chunks = read_chunks(bytes + head, length - head, response);
    return chunks ? head + chunks : 0;
}
