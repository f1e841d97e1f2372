#include <stdio.h>
#include <unistd.h>

#include "crowd.h"
#include "failure.h"
#include "scenarios.h"

enum { TURN_MILLISECONDS = 1000 };

static void receive(struct client *client, const char *packet, size_t length) {
    (void)client;
    fail_on_bytes("nothing on an idle connection", packet, length);
}

void idle_run(const struct options *options) {
    static const struct client_events EVENTS = {.connected = crowd_connected, .packet = receive};
    crowd_gather(options, &EVENTS);
    printf("{\"connected\": %u}\n", options->clients);
    fflush(stdout);
    stream_loop_watch(STDIN_FILENO);
    while (!stream_loop_watched_is_readable()) stream_loop_turn(TURN_MILLISECONDS);
}
