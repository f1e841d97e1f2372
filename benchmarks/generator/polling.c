#include "polling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "http.h"

enum { SEPARATOR = 0x1e, REQUEST_LIMIT = 512, POST_HEAD_LIMIT = REQUEST_LIMIT + 32 };

static const char HANDSHAKE[] = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char POLL[] = "GET /socket.io/?EIO=4&transport=polling&sid=%.*s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char POST[] = "POST /socket.io/?EIO=4&transport=polling&sid=%.*s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ";

static char *request_for(const char *format, const char *session, size_t length) {
    char request[REQUEST_LIMIT];
    int needed = snprintf(request, sizeof request, format, (int)length, session);
    if (needed >= REQUEST_LIMIT) fail_on_bytes("a session id of fewer bytes", session, length);
    char *copy = strdup(request);
    if (!copy) fail("out of memory for a request");
    return copy;
}

void polling_opened(struct client *client, const char *packet, size_t length) {
    static const char KEY[] = "\"sid\":\"";
    const char *session = memmem(packet, length, KEY, sizeof KEY - 1);
    const char *end = session ? memchr(session + sizeof KEY - 1, '"', length - (size_t)(session - packet) - sizeof KEY + 1)
                              : NULL;
    if (!end) fail_on_bytes("an open packet with a session id", packet, length);
    session += sizeof KEY - 1;
    client->poll_request = request_for(POLL, session, (size_t)(end - session));
    client->post_request = request_for(POST, session, (size_t)(end - session));
}

static stream_reader read_post_answer;

static void post_queued(struct client *client) {
    char head[POST_HEAD_LIMIT];
    if (client->post.descriptor < 0) stream_connect(&client->post, client->port, client->ordinal, read_post_answer, client);
    int length = snprintf(head, sizeof head, "%s%zu\r\n\r\n", client->post_request, client->queued.length);
    stream_write(&client->post, head, (size_t)length);
    stream_write(&client->post, client->queued.bytes, client->queued.length);
    client->queued.length = 0;
    client->posting = true;
}

void polling_send(struct client *client, const char *packet, size_t length) {
    if (client->queued.length) buffer_append(&client->queued, (const char[]){SEPARATOR}, 1);
    buffer_append(&client->queued, packet, length);
    if (!client->posting) post_queued(client);
}

static size_t read_post_answer(struct stream *stream, char *bytes, size_t length) {
    struct client *client = stream->owner;
    if (!length) {
        if (client->posting) fail("the server closed the connection instead of answering a POST");
        /* Servers close what has been idle for some seconds; the next POST connects again. */
        stream_close(stream);
        return 0;
    }
    struct http_response response;
    size_t taken = http_read_response(bytes, length, &response);
    if (!taken) return 0;
    if (response.status != 200) fail_on_bytes("200 to a POST", bytes, taken);
    client->posting = false;
    if (client->queued.length) post_queued(client);
    return taken;
}

static size_t read_poll_answer(struct stream *stream, char *bytes, size_t length) {
    struct client *client = stream->owner;
    if (!length) fail("the server closed the connection that polls");
    struct http_response response;
    size_t taken = http_read_response(bytes, length, &response);
    if (!taken) return 0;
    if (response.status != 200) fail_on_bytes("200 to a poll", bytes, taken);
    const char *packet = response.body, *end = response.body + response.body_length;
    while (packet < end) {
        const char *separator = memchr(packet, SEPARATOR, (size_t)(end - packet));
        const char *packet_end = separator ? separator : end;
        client_receive(client, packet, (size_t)(packet_end - packet));
        packet = packet_end + 1;
    }
    stream_write(stream, client->poll_request, strlen(client->poll_request));
    return taken;
}

void polling_open(struct client *client) {
    stream_connect(&client->stream, client->port, client->ordinal, read_poll_answer, client);
    stream_connect(&client->post, client->port, client->ordinal, read_post_answer, client);
    stream_write(&client->stream, HANDSHAKE, sizeof HANDSHAKE - 1);
}
