/* The client's side of RFC 6455, for text messages that come in one frame each, compressed where that was agreed on. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include "client.h"

void websocket_open(struct client *client);
void websocket_send(struct client *client, const char *message, size_t length);
void websocket_close(struct client *client);

#endif
