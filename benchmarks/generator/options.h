/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"

enum { SERVERS_LIMIT = 8 };

struct options {
    const char *scenario;
    uint16_t port;
    uint16_t peer_port; /* of a second server of the same cluster; 0: none */
    enum transport transport;
    unsigned clients;    /* in the room; for the connect scenario: connected one after another in the measured time */
    unsigned publishers; /* the first of the clients: those that send */
    unsigned in_flight;  /* messages that each sender has under way */
    unsigned rate;       /* messages a second of all publishers, whatever has come back; 0: the next follows the last */
    size_t size;         /* bytes of a message's text */
    unsigned warm_up_milliseconds, milliseconds;
    unsigned concurrency; /* connections that are being made at one time */
    int servers[SERVERS_LIMIT]; /* process ids, to tell how busy each was */
    unsigned server_count;
    bool spin;  /* never sleep; see stream_loop_spin() */
    unsigned deadline;    /* seconds after which the generator gives up */
};

/* Ends the process with a usage line when they make no sense. */
struct options options_read(int count, char **arguments);

#endif
