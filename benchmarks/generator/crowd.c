#include "crowd.h"

#include <stdlib.h>

#include "failure.h"

enum { TURN_MILLISECONDS = 100 };

static unsigned connected;

void crowd_connected(struct client *client) {
    (void)client;
    connected++;
}

struct client *crowd_gather(const struct options *options, const struct client_events *events) {
    struct client *clients = calloc(options->clients, sizeof *clients);
    if (!clients) fail("out of memory for %u clients", options->clients);
    unsigned opened = 0;
    while (connected < options->clients) {
        for (; opened < options->clients && opened - connected < options->concurrency; opened++)
            client_open(&clients[opened], opened, options->transport, events);
        stream_loop_turn(TURN_MILLISECONDS);
    }
    return clients;
}
