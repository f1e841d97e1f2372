#include "inflater.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "failure.h"

enum { TEXT_LIMIT = 256 * 1024, WINDOW_BITS = 15, KNOWN = 4096, KNOWN_LIMIT = 4096 };

struct inflater {
    bool keeps_context;
    z_stream stream;
};

/* What bytes without a context mean is a fact about them: a message that comes to five hundred clients is inflated for
   the first, and compared, byte for byte, for the others. Otherwise the generator would be what is measured. */
static struct known {
    char *bytes, *text;
    size_t length, text_length;
} known[KNOWN];

static char text[TEXT_LIMIT];

static size_t slot_of(const char *bytes, size_t length) {
    /* A word of every four: what follows a difference is shifted by bits, so that nearly all of them differ. */
    enum { STRIDE = 32 };
    uint64_t hash = length, word;
    for (size_t at = 0; at + sizeof word <= length; at += STRIDE) {
        memcpy(&word, bytes + at, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 32;
    }
    return hash % KNOWN;
}

static char *copy_of(const char *bytes, size_t length) {
    char *copy = malloc(length);
    if (!copy) fail("out of memory for a message");
    return memcpy(copy, bytes, length);
}

struct inflater *inflater_open(bool keeps_context) {
    static struct inflater *shared;
    if (!keeps_context && shared) return shared;
    struct inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater || inflateInit2(&inflater->stream, -WINDOW_BITS) != Z_OK) fail("out of memory to inflate");
    inflater->keeps_context = keeps_context;
    if (!keeps_context) shared = inflater;
    return inflater;
}

static void feed(z_stream *stream, const char *bytes, size_t length) {
    stream->next_in = (unsigned char *)(uintptr_t)bytes;
    stream->avail_in = (unsigned)length;
    int error = inflate(stream, Z_SYNC_FLUSH);
    /* Z_BUF_ERROR: nothing to do, as for the tail of a message whose last block ended on a byte. */
    if ((error != Z_OK && error != Z_BUF_ERROR) || stream->avail_in || !stream->avail_out)
        fail("a compressed message that cannot be inflated: %s", stream->msg ? stream->msg : zError(error));
}

static size_t inflate_message(struct inflater *inflater, const char *bytes, size_t length) {
    static const char TAIL[] = {0, 0, (char)0xff, (char)0xff}; /* section 7.2.2 */
    z_stream *stream = &inflater->stream;
    stream->next_out = (unsigned char *)text;
    stream->avail_out = TEXT_LIMIT;
    feed(stream, bytes, length);
    feed(stream, TAIL, sizeof TAIL);
    if (!inflater->keeps_context && inflateReset(stream) != Z_OK) fail("an inflater that cannot be reset");
    return TEXT_LIMIT - stream->avail_out;
}

const char *inflater_read(struct inflater *inflater, const char *bytes, size_t length, size_t *text_length) {
    if (inflater->keeps_context || length > KNOWN_LIMIT) {
        *text_length = inflate_message(inflater, bytes, length);
        return text;
    }
    struct known *entry = &known[slot_of(bytes, length)];
    if (!entry->bytes || entry->length != length || memcmp(entry->bytes, bytes, length)) {
        entry->text_length = inflate_message(inflater, bytes, length);
        entry->length = length;
        free(entry->bytes);
        free(entry->text);
        entry->bytes = copy_of(bytes, length);
        entry->text = copy_of(text, entry->text_length);
    }
    *text_length = entry->text_length;
    return entry->text;
}
