/* One function a scenario: each runs it whole and prints one line of JSON. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include "options.h"

/* Publishers keep `in_flight` messages each under way; one is followed by the next when every client has it. Counted:
   deliveries. Latency: from the sending of a message to each delivery; with a peer, to each delivery there. With a rate,
   publishers take turns to send at that rate, of which `in_flight` may be under way, and latency counts from when a message
   was due. */
void fan_out_run(const struct options *options);

/* Each client keeps `in_flight` requests under way; one is followed by the next when it is acknowledged. Counted:
   acknowledgements. Latency: from request to acknowledgement. */
void echo_run(const struct options *options);

/* `concurrency` clients connect, up to Socket.IO's answer to CONNECT, and close, until `clients` have. Counted: those
   rounds. Latency: from connect() to the answer. */
void connect_run(const struct options *options);

/* Connect `clients` and hold them, answering pings, until standard input ends. Prints {"connected": N} when all are. */
void idle_run(const struct options *options);

#endif
