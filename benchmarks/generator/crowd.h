/* All the clients of a scenario, connected a few at a time. */
#ifndef CROWD_H
#define CROWD_H

#include "client.h"
#include "options.h"

/* Connect options->clients clients, at most options->concurrency at one time; return when all are connected. Where there
   is a peer, the second half of them connect to it. */
struct client *crowd_gather(const struct options *options, const struct client_events *events);

/* Whether a client is the peer's. */
bool crowd_is_at_peer(const struct options *options, const struct client *client);

/* For client_events.connected. */
void crowd_connected(struct client *client);

#endif
