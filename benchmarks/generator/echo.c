#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "failure.h"
#include "measurement.h"
#include "scenarios.h"

enum { HEAD_LIMIT = 32 }; /* 42<id>["echo","  */

/* A request is `before`, its number, `head`, the text and `tail`; its answer has others of them. */
static const struct frame {
    const char *before, *head, *tail;
} SOCKET_IO = {"42", "[\"echo\",\"", "\"]"}, SOCKET_IO_ANSWER = {"3", "[\"", "\"]"}, PLAIN = {"echo", " ", ""};

struct request {
    uint32_t id;
    uint64_t sent_at;
};

static const struct options *options;
static struct client *clients;
static struct request *requests; /* [client][in_flight]: the one with id i is at i modulo in_flight */
static const char *before, *answer_before;
static size_t answer_at;
static char *tail; /* what follows the number; what stands before is put there for each request */
static size_t tail_length;
static char *answer; /* what has to follow the number in the answer */
static size_t answer_length;

static void request(struct client *client, uint32_t id) {
    struct request *slot = &requests[(size_t)client->ordinal * options->in_flight + id % options->in_flight];
    char head[HEAD_LIMIT];
    int length = snprintf(head, sizeof head, "%s%u", before, id);
    memcpy(tail - length, head, (size_t)length);
    slot->id = id;
    slot->sent_at = clock_now();
    client_send(client, tail - length, (size_t)length + tail_length);
}

static void receive(struct client *client, const char *acknowledgement, size_t length) {
    size_t at = answer_at;
    uint32_t id = 0;
    for (; at < length && acknowledgement[at] >= '0' && acknowledgement[at] <= '9'; at++)
        id = id * 10 + (uint32_t)(acknowledgement[at] - '0');
    if (length < at + answer_length || length - at != answer_length ||
        memcmp(acknowledgement, answer_before, answer_at) || memcmp(acknowledgement + at, answer, answer_length))
        fail_on_bytes("an answer with the text that was sent", acknowledgement, length);
    struct request *slot = &requests[(size_t)client->ordinal * options->in_flight + id % options->in_flight];
    if (slot->id != id)
        fail("client %u expected the acknowledgement of %u, got that of %u", client->ordinal, slot->id, id);
    measurement_record(stream_received_at - slot->sent_at);
    request(client, id + options->in_flight);
}

static char *compose(const struct frame *frame, size_t *length) {
    char *bytes = malloc(options->size + 2 * HEAD_LIMIT);
    if (!bytes) fail("out of memory for a message");
    bytes += HEAD_LIMIT; /* room for what stands before it */
    *length = (size_t)sprintf(bytes, "%s", frame->head);
    memset(bytes + *length, 'x', options->size);
    *length += options->size;
    *length += (size_t)sprintf(bytes + *length, "%s", frame->tail);
    return bytes;
}

static void compose_packets(void) {
    bool plain = options->transport == TRANSPORT_PLAIN;
    const struct frame *request_frame = plain ? &PLAIN : &SOCKET_IO, *answer_frame = plain ? &PLAIN : &SOCKET_IO_ANSWER;
    before = request_frame->before;
    answer_before = answer_frame->before;
    answer_at = strlen(answer_before);
    tail = compose(request_frame, &tail_length);
    answer = compose(answer_frame, &answer_length);
}

void echo_run(const struct options *given) {
    static const struct client_events EVENTS = {.connected = crowd_connected, .packet = receive};
    options = given;
    compose_packets();
    requests = calloc((size_t)options->clients * options->in_flight, sizeof *requests);
    if (!requests) fail("out of memory for the requests");
    clients = crowd_gather(options, &EVENTS);
    for (unsigned i = 0; i < options->clients; i++)
        for (uint32_t id = 0; id < options->in_flight; id++) request(&clients[i], id);
    measurement_run(options->warm_up_milliseconds, options->milliseconds, NULL);
}
