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
} SOCKET_IO = {"42[\"chat\",\"", "\"]", 1}, PLAIN = {"chat", "", 0}, DOCUMENT = {"42[\"chat\",{\"id\":\"", "\"}]", 1};

/* Documents are all different for longer than a window of deflate (32 KB) reaches back: a server that compresses each
   message with those before it in mind would otherwise send the same one again and again. */
enum { DOCUMENTS = 64, DOCUMENT_AROUND = 9 /* {"id":"…"} */, DOCUMENT_LOWEST = 64 };

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
static char *packets[DOCUMENTS]; /* what is sent in turn, of which only the number and publisher change */
static unsigned packet_count;
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

static void publish(uint32_t index, uint64_t now) {
    struct publisher *publisher = &publishers[index];
    struct message *message = &publisher->under_way[publisher->published % options->in_flight];
    if (message->missing)
        fail("more than %u messages of a publisher are under way: the server cannot keep up", options->in_flight);
    message->missing = options->clients;
    message->sent_at = now;
    measurement_published++;
    char *packet = packets[publisher->published % packet_count], *text = packet + text_at;
    put_digits(text, PUBLISHER_DIGITS, index);
    put_digits(text + PUBLISHER_DIGITS, NUMBER_DIGITS, publisher->published++);
    client_send(&clients[index], packet, packet_length);
}

static void receive(struct client *client, const char *event, size_t length) {
    if (length != packet_length - stripped) fail_on_bytes("a chat event of the length that was sent", event, length);
    const char *text = event + text_at - stripped, *filler = text + PUBLISHER_DIGITS + NUMBER_DIGITS;
    uint32_t index = get_digits(text, PUBLISHER_DIGITS);
    uint32_t number = get_digits(text + PUBLISHER_DIGITS, NUMBER_DIGITS);
    const char *own = packets[number % packet_count] + stripped;
    size_t filler_at = (size_t)(filler - event);
    if (memcmp(event, own, text_at - stripped) || memcmp(filler, own + filler_at, length - filler_at))
        fail_on_bytes("a chat event with the text that was sent", event, length);
    if (index >= options->publishers) fail_on_bytes("a known publisher", event, length);
    uint32_t *expected = &delivered[client->ordinal * options->publishers + index];
    if (number != *expected)
        fail("client %u expected message %u of publisher %u, got %u", client->ordinal, *expected, index, number);
    ++*expected;
    struct message *message = &publishers[index].under_way[number % options->in_flight];
    measurement_count++;
    if (!options->peer_port || crowd_is_at_peer(options, client))
        histogram_record(&measurement_latencies, stream_received_at - message->sent_at);
    if (!--message->missing && !options->rate) publish(index, clock_now());
}

/* Messages are sent when it is their time, however late the generator or a server is: their latency counts from then. */
static uint64_t pace(uint64_t now) {
    static uint64_t started, published;
    if (!started) started = now;
    for (;;) {
        uint64_t due = started + published * NANOSECONDS / options->rate;
        if (due > now) return due;
        publish((uint32_t)(published++ % options->publishers), due);
    }
}

static uint32_t draw(uint32_t below) {
    static uint32_t state = 2463534242U; /* xorshift: the same documents in every run */
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* What follows the id in a document, as JSON of a chat may look: `size` bytes, the last of them in a string. */
static void fill_document(char *text, size_t size) {
    static const char *const WORDS[] = {"meet",  "at",     "noon", "the",    "build", "is",   "green", "again",
                                        "who",   "has",    "seen", "my",     "keys",  "ship", "it",    "tomorrow",
                                        "thank", "you",    "for",  "review", "lunch", "was",  "great", "please",
                                        "look",  "into",   "this", "before", "we",    "all",  "go",    "home"};
    static const char END[] = "],\"note\":\"";
    enum { WORD_COUNT = sizeof WORDS / sizeof *WORDS, ROW_LIMIT = 160 };
    size_t at = (size_t)sprintf(text, "\",\"rows\":[");
    for (int rows = 0; at + ROW_LIMIT + sizeof END < size; rows++)
        at += (size_t)sprintf(text + at, "%s{\"user\":\"u%05u\",\"at\":%u,\"likes\":%u,\"text\":\"%s %s %s %s %s\"}",
                              rows ? "," : "", draw(100000), 1764000000 + draw(1000000), draw(50),
                              WORDS[draw(WORD_COUNT)], WORDS[draw(WORD_COUNT)], WORDS[draw(WORD_COUNT)],
                              WORDS[draw(WORD_COUNT)], WORDS[draw(WORD_COUNT)]);
    at += (size_t)sprintf(text + at, END);
    while (at < size) text[at++] = (char)('a' + draw(26));
}

static void compose_packet(char **packet, const struct frame *frame) {
    enum { AROUND = 32 }; /* more than any frame has around its text */
    size_t size = options->size - (frame == &DOCUMENT ? DOCUMENT_AROUND : 0);
    char *at = *packet = malloc(options->size + AROUND);
    if (!at) fail("out of memory for a message");
    stripped = frame->stripped;
    text_at = (size_t)sprintf(at, "%s", frame->head);
    at += text_at;
    if (frame == &DOCUMENT)
        fill_document(at + PUBLISHER_DIGITS + NUMBER_DIGITS, size - PUBLISHER_DIGITS - NUMBER_DIGITS);
    else
        memset(at, 'x', size);
    at += size;
    at += sprintf(at, "%s", frame->tail);
    packet_length = (size_t)(at - *packet);
}

static void compose_packets(void) {
    const struct frame *frame = options->transport == TRANSPORT_PLAIN      ? &PLAIN
                                : options->transport == TRANSPORT_DEFLATED ? &DOCUMENT
                                                                           : &SOCKET_IO;
    packet_count = frame == &DOCUMENT ? DOCUMENTS : 1;
    if (frame == &DOCUMENT && options->size < DOCUMENT_LOWEST) fail("expected documents of at least %d bytes", DOCUMENT_LOWEST);
    for (unsigned i = 0; i < packet_count; i++) compose_packet(&packets[i], frame);
}

void fan_out_run(const struct options *given) {
    static const struct client_events EVENTS = {.connected = crowd_connected, .packet = receive};
    options = given;
    compose_packets();
    publishers = calloc(options->publishers, sizeof *publishers);
    delivered = calloc((size_t)options->clients * options->publishers, sizeof *delivered);
    if (!publishers || !delivered) fail("out of memory for the publishers");
    clients = crowd_gather(options, &EVENTS);
    for (uint32_t index = 0; index < options->publishers; index++) {
        publishers[index].under_way = calloc(options->in_flight, sizeof *publishers[index].under_way);
        if (!publishers[index].under_way) fail("out of memory for the messages under way");
        for (unsigned i = 0; !options->rate && i < options->in_flight; i++) publish(index, clock_now());
    }
    measurement_run(options->warm_up_milliseconds, options->milliseconds, options->rate ? pace : NULL);
}
