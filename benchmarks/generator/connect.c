#include <stdbool.h>
#include <stdlib.h>

#include "clock.h"
#include "failure.h"
#include "measurement.h"
#include "scenarios.h"

enum { TURN_MILLISECONDS = 100 };

static const struct options *options;
static struct client *clients;
static uint64_t *opened_at;
static unsigned opened, finished, wanted;

static void open_next(struct client *client);

static void connected(struct client *client) {
    measurement_record(clock_now() - opened_at[client - clients]);
    client_close(client);
}

static void closed(struct client *client) {
    finished++;
    open_next(client);
}

static void open_next(struct client *client) {
    static const struct client_events EVENTS = {.connected = connected, .closed = closed};
    if (opened == wanted) return;
    opened_at[client - clients] = clock_now();
    client_open(client, opened++, options->port, TRANSPORT_WEBSOCKET, &EVENTS);
}

static void run(unsigned count) {
    opened = finished = 0;
    wanted = count;
    for (unsigned i = 0; i < options->concurrency; i++) open_next(&clients[i]);
    while (finished < wanted) stream_loop_turn(TURN_MILLISECONDS);
}

void connect_run(const struct options *given) {
    options = given;
    clients = calloc(options->concurrency, sizeof *clients);
    opened_at = calloc(options->concurrency, sizeof *opened_at);
    if (!clients || !opened_at) fail("out of memory for the clients");
    run(options->clients / 5 + options->concurrency); /* warm-up */
    measurement_start();
    run(options->clients);
    measurement_finish();
}
