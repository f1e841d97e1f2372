/* Engine.IO over HTTP long-polling alone: one kept-alive connection always polls, another one posts. */
#ifndef POLLING_H
#define POLLING_H

#include "client.h"

void polling_open(struct client *client);
/* The session has opened: read its id from the open packet. */
void polling_opened(struct client *client, const char *packet, size_t length);
void polling_send(struct client *client, const char *packet, size_t length);

#endif
