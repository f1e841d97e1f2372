/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"

struct options {
    const char *scenario;
    uint16_t port;
    enum transport transport;
    unsigned clients;    /* in the room; for the connect scenario: connected one after another in the measured time */
    unsigned publishers; /* the first of the clients: those that send */
    unsigned in_flight;  /* messages that each sender has under way */
    size_t size;         /* bytes of a message's text */
    unsigned warm_up_milliseconds, milliseconds;
    unsigned concurrency; /* connections that are being made at one time */
    int server; /* process id, to tell how busy the server was; 0: not told */
    bool spin;  /* never sleep; see stream_loop_spin() */
    unsigned deadline;    /* seconds after which the generator gives up */
};

/* Ends the process with a usage line when they make no sense. */
struct options options_read(int count, char **arguments);

#endif
