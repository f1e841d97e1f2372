/* permessage-deflate (RFC 7692), the receiving side. */
#ifndef INFLATER_H
#define INFLATER_H

#include <stdbool.h>
#include <stddef.h>

struct inflater;

/* `keeps_context`: whether the server compresses each message with the ones before it in mind; it then takes a window of
   the client's own to read them. If not, a message means the same to every client, and one is for all of them. */
struct inflater *inflater_open(bool keeps_context);

/* The text of one compressed message. It stays in place until the next call. */
const char *inflater_read(struct inflater *inflater, const char *bytes, size_t length, size_t *text_length);

#endif
