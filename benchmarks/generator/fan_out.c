#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "failure.h"
#include "measurement.h"
#include "scenarios.h"

/* The text of a message begins with its publisher and its number, so that each delivery can be checked: every client
   must get every message of every publisher once, in order. A server that loses some would look fast. */
enum { PUBLISHER_DIGITS = 3, NUMBER_DIGITS = 9 };

/* What stands around the text when it is sent. It comes back the same, but without the first `stripped` bytes. */
static const struct frame {
    const char *head, *tail;
    size_t stripped;
} SOCKET_IO = {"42[\"chat\",\"", "\"]", 1}, PLAIN = {"chat", "", 0};

struct publisher {
    uint32_t published;
    struct message {
        uint32_t missing; /* clients that do not have it yet */
        uint64_t sent_at;
    } *under_way; /* in_flight of them; number modulo in_flight */
};

static const struct options *options;
static struct client *clients;
static struct publisher *publishers;
static uint32_t *delivered; /* [client][publisher]: how many of its messages came */
static char *packet;        /* what is sent, of which only the number and publisher change */
static size_t packet_length;
static size_t text_at, stripped;

static void put_digits(char *to, unsigned digits, uint32_t value) {
    while (digits--) {
        to[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

static uint32_t get_digits(const char *from, unsigned digits) {
    uint32_t value = 0;
    while (digits--) value = value * 10 + (uint32_t)(*from++ - '0');
    return value;
}

static void publish(uint32_t index) {
    struct publisher *publisher = &publishers[index];
    struct message *message = &publisher->under_way[publisher->published % options->in_flight];
    message->missing = options->clients;
    message->sent_at = clock_now();
    char *text = packet + text_at;
    put_digits(text, PUBLISHER_DIGITS, index);
    put_digits(text + PUBLISHER_DIGITS, NUMBER_DIGITS, publisher->published++);
    client_send(&clients[index], packet, packet_length);
}

static void receive(struct client *client, const char *event, size_t length) {
    const char *text = event + text_at - stripped, *filler = text + PUBLISHER_DIGITS + NUMBER_DIGITS;
    const char *own = packet + stripped;
    size_t filler_at = (size_t)(filler - event);
    if (length != packet_length - stripped || memcmp(event, own, text_at - stripped) ||
        memcmp(filler, own + filler_at, length - filler_at))
        fail_on_bytes("a chat event with the text that was sent", event, length);
    uint32_t index = get_digits(text, PUBLISHER_DIGITS);
    uint32_t number = get_digits(text + PUBLISHER_DIGITS, NUMBER_DIGITS);
    if (index >= options->publishers) fail_on_bytes("a known publisher", event, length);
    uint32_t *expected = &delivered[client->ordinal * options->publishers + index];
    if (number != *expected)
        fail("client %u expected message %u of publisher %u, got %u", client->ordinal, *expected, index, number);
    ++*expected;
    struct message *message = &publishers[index].under_way[number % options->in_flight];
    measurement_record(stream_received_at - message->sent_at);
    if (!--message->missing) publish(index);
}

static void compose_packet(void) {
    const struct frame *frame = options->transport == TRANSPORT_PLAIN ? &PLAIN : &SOCKET_IO;
    packet = malloc(options->size + 32);
    if (!packet) fail("out of memory for a message");
    stripped = frame->stripped;
    text_at = packet_length = (size_t)sprintf(packet, "%s", frame->head);
    memset(packet + packet_length, 'x', options->size);
    packet_length += options->size;
    packet_length += (size_t)sprintf(packet + packet_length, "%s", frame->tail);
}

void fan_out_run(const struct options *given) {
    static const struct client_events EVENTS = {.connected = crowd_connected, .packet = receive};
    options = given;
    compose_packet();
    publishers = calloc(options->publishers, sizeof *publishers);
    delivered = calloc((size_t)options->clients * options->publishers, sizeof *delivered);
    if (!publishers || !delivered) fail("out of memory for the publishers");
    clients = crowd_gather(options, &EVENTS);
    for (uint32_t index = 0; index < options->publishers; index++) {
        publishers[index].under_way = calloc(options->in_flight, sizeof *publishers[index].under_way);
        if (!publishers[index].under_way) fail("out of memory for the messages under way");
        for (unsigned i = 0; i < options->in_flight; i++) publish(index);
    }
    measurement_run(options->warm_up_milliseconds, options->milliseconds);
}
