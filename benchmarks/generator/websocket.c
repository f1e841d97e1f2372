#include "websocket.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "failure.h"
#include "http.h"

enum opcode { OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };
enum { FINAL = 0x80, COMPRESSED = 0x40, MASKED = 0x80, LENGTH_16 = 126, LENGTH_64 = 127, HEADER_LIMIT = 14 };

static const char UPGRADE[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                              "Host: 127.0.0.1\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
static const char OFFER[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
/* Bytes: what is longer has to come compressed. The applications are set to the same. */
enum { DEFLATE_THRESHOLD = 1024 };
/* The answer to that key, worked out in RFC 6455, section 1.3. */
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/* A mask has to differ from frame to frame, not to be a secret: xorshift does. */
static uint32_t next_mask(void) {
    static uint32_t state = 2463534242U;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void copy_masked(char *to, const char *from, size_t length, uint32_t mask) {
    uint64_t wide = (uint64_t)mask << 32 | mask, word;
    size_t done = 0;
    for (; done + sizeof word <= length; done += sizeof word) {
        memcpy(&word, from + done, sizeof word);
        word ^= wide;
        memcpy(to + done, &word, sizeof word);
    }
    for (; done < length; done++) to[done] = (char)(from[done] ^ ((const char *)&mask)[done % sizeof mask]);
}

static void send_frame(struct client *client, enum opcode opcode, const char *payload, size_t length) {
    char *frame = stream_reserve(&client->stream, HEADER_LIMIT + length);
    size_t at = 0;
    frame[at++] = (char)(FINAL | opcode);
    if (length < LENGTH_16) {
        frame[at++] = (char)(MASKED | length);
    } else if (length <= UINT16_MAX) {
        uint16_t extended = htobe16((uint16_t)length);
        frame[at++] = (char)(MASKED | LENGTH_16);
        memcpy(frame + at, &extended, sizeof extended);
        at += sizeof extended;
    } else {
        uint64_t extended = htobe64(length);
        frame[at++] = (char)(MASKED | LENGTH_64);
        memcpy(frame + at, &extended, sizeof extended);
        at += sizeof extended;
    }
    uint32_t mask = next_mask();
    memcpy(frame + at, &mask, sizeof mask);
    at += sizeof mask;
    copy_masked(frame + at, payload, length, mask);
    stream_commit(&client->stream, at + length);
}

void websocket_send(struct client *client, const char *message, size_t length) {
    send_frame(client, OPCODE_TEXT, message, length);
}

void websocket_close(struct client *client) {
    static const char NORMAL_CLOSURE[] = {0x03, (char)0xe8}; /* 1000 */
    send_frame(client, OPCODE_CLOSE, NORMAL_CLOSURE, sizeof NORMAL_CLOSURE);
}

static void receive_frame(struct client *client, unsigned char first, const char *payload, size_t length) {
    switch (first) {
    case FINAL | OPCODE_TEXT:
        if (client->inflater && length >= DEFLATE_THRESHOLD) fail_on_bytes("a compressed message", payload, length);
        client_receive(client, payload, length);
        return;
    case FINAL | COMPRESSED | OPCODE_TEXT:
        if (!client->inflater) fail("a compressed message, which was not agreed on");
        payload = inflater_read(client->inflater, payload, length, &length);
        client_receive(client, payload, length);
        return;
    case FINAL | OPCODE_PING: send_frame(client, OPCODE_PONG, payload, length); return;
    case FINAL | OPCODE_CLOSE:
        if (client->state == CLIENT_CLOSING) return;
        fail_on_bytes("no Close frame", payload, length);
    default: fail("expected a whole text frame, got a frame that begins with 0x%02x", first);
    }
}

static size_t read_frames(struct stream *stream, char *bytes, size_t length) {
    struct client *client = stream->owner;
    if (!length) {
        client_lost(client);
        return 0;
    }
    size_t at = 0;
    while (length - at >= 2) {
        const unsigned char *frame = (const unsigned char *)bytes + at;
        size_t header = 2, payload = frame[1];
        if (payload & MASKED) fail("a masked frame from the server");
        if (payload == LENGTH_16) {
            header = 4;
            if (length - at < header) break;
            payload = (size_t)frame[2] << 8 | frame[3];
        } else if (payload == LENGTH_64) {
            header = 10;
            if (length - at < header) break;
            uint64_t extended;
            memcpy(&extended, frame + 2, sizeof extended);
            payload = be64toh(extended);
        }
        if (length - at - header < payload) break;
        receive_frame(client, frame[0], bytes + at + header, payload);
        at += header + payload;
    }
    return at;
}

/* How the server answered the offer of permessage-deflate (RFC 7692, section 7.1). It must have taken it. */
static struct inflater *open_inflater(const char *head, const char *end) {
    static const char NAME[] = "permessage-deflate", NO_CONTEXT[] = "server_no_context_takeover";
    const char *value = http_find_header(head, end, "sec-websocket-extensions");
    const char *value_end = value ? memmem(value, (size_t)(end - value), "\r\n", 2) : NULL;
    if (!value_end || !memmem(value, (size_t)(value_end - value), NAME, sizeof NAME - 1))
        fail_on_bytes("an answer that agrees on permessage-deflate", head, (size_t)(end - head));
    return inflater_open(!memmem(value, (size_t)(value_end - value), NO_CONTEXT, sizeof NO_CONTEXT - 1));
}

static size_t read_upgrade(struct stream *stream, char *bytes, size_t length) {
    if (!length) fail("the server closed a connection in place of upgrading it");
    char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - bytes) + 4;
    if (strncmp(bytes, "HTTP/1.1 101 ", 13) || !memmem(bytes, head, ACCEPT, sizeof ACCEPT - 1))
        fail_on_bytes("101 Switching Protocols with the right Sec-WebSocket-Accept", bytes, head);
    struct client *client = stream->owner;
    if (client->transport == TRANSPORT_DEFLATED) client->inflater = open_inflater(bytes, end + 2);
    stream->reader = read_frames;
    client_upgraded(client);
    return head + (length > head ? read_frames(stream, bytes + head, length - head) : 0);
}

void websocket_open(struct client *client) {
    stream_connect(&client->stream, client->port, client->ordinal, read_upgrade, client);
    stream_write(&client->stream, UPGRADE, sizeof UPGRADE - 1);
    if (client->transport == TRANSPORT_DEFLATED) stream_write(&client->stream, OFFER, sizeof OFFER - 1);
    stream_write(&client->stream, "\r\n", 2);
}
