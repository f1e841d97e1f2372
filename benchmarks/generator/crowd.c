#include "crowd.h"

#include <stdlib.h>

#include "failure.h"

enum { TURN_MILLISECONDS = 100 };

static unsigned connected;

void crowd_connected(struct client *client) {
    (void)client;
    connected++;
}

bool crowd_is_at_peer(const struct options *options, const struct client *client) {
    return options->peer_port && client->ordinal >= options->clients / 2;
}

static void open_client(const struct options *options, struct client *client, unsigned ordinal,
                        const struct client_events *events) {
    client->ordinal = ordinal;
    uint16_t port = crowd_is_at_peer(options, client) ? options->peer_port : options->port;
    client_open(client, ordinal, port, options->transport, events);
}

struct client *crowd_gather(const struct options *options, const struct client_events *events) {
    struct client *clients = calloc(options->clients, sizeof *clients);
    if (!clients) fail("out of memory for %u clients", options->clients);
    unsigned opened = 0;
    while (connected < options->clients) {
        for (; opened < options->clients && opened - connected < options->concurrency; opened++)
            open_client(options, &clients[opened], opened, events);
        stream_loop_turn(TURN_MILLISECONDS);
    }
    return clients;
}
