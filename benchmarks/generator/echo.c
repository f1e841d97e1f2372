#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "failure.h"
#include "measurement.h"
#include "scenarios.h"

enum { HEAD_LIMIT = 32 }; /* 42<id>["echo","  */

struct request {
    uint32_t id;
    uint64_t sent_at;
};

static const struct options *options;
static struct client *clients;
static struct request *requests; /* [client][in_flight]: the one with id i is at i modulo in_flight */
static char *packet, *tail;      /* the tail is what follows the id, `","` included; the head is put before it */
static size_t tail_length;
static char *answer; /* what has to follow the id in the acknowledgement */
static size_t answer_length;

static void request(struct client *client, uint32_t id) {
    struct request *slot = &requests[(size_t)client->ordinal * options->in_flight + id % options->in_flight];
    char head[HEAD_LIMIT];
    int length = snprintf(head, sizeof head, "42%u", id);
    memcpy(tail - length, head, (size_t)length);
    slot->id = id;
    slot->sent_at = clock_now();
    client_send(client, tail - length, (size_t)length + tail_length);
}

static void receive(struct client *client, const char *acknowledgement, size_t length) {
    size_t at = 1;
    uint32_t id = 0;
    for (; at < length && acknowledgement[at] >= '0' && acknowledgement[at] <= '9'; at++)
        id = id * 10 + (uint32_t)(acknowledgement[at] - '0');
    if (acknowledgement[0] != '3' || length - at != answer_length ||
        memcmp(acknowledgement + at, answer, answer_length))
        fail_on_bytes("an acknowledgement with the text that was sent", acknowledgement, length);
    struct request *slot = &requests[(size_t)client->ordinal * options->in_flight + id % options->in_flight];
    if (slot->id != id)
        fail("client %u expected the acknowledgement of %u, got that of %u", client->ordinal, slot->id, id);
    measurement_record(stream_received_at - slot->sent_at);
    request(client, id + options->in_flight);
}

static void compose_packets(void) {
    packet = malloc(options->size + 2 * HEAD_LIMIT);
    answer = malloc(options->size + HEAD_LIMIT);
    if (!packet || !answer) fail("out of memory for a message");
    tail = packet + HEAD_LIMIT;
    tail_length = (size_t)sprintf(tail, "[\"echo\",\"");
    memset(tail + tail_length, 'x', options->size);
    tail_length += options->size;
    tail_length += (size_t)sprintf(tail + tail_length, "\"]");
    answer_length = (size_t)sprintf(answer, "[\"");
    memset(answer + answer_length, 'x', options->size);
    answer_length += options->size;
    answer_length += (size_t)sprintf(answer + answer_length, "\"]");
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
    measurement_run(options->warm_up_milliseconds, options->milliseconds);
}
