#include "client.h"

#include <string.h>

#include "failure.h"
#include "polling.h"
#include "websocket.h"

void client_open(struct client *client, unsigned ordinal, uint16_t port, enum transport transport,
                 const struct client_events *events) {
    client->ordinal = ordinal;
    client->port = port;
    client->transport = transport;
    client->events = events;
    client->state = CLIENT_CONNECTING;
    if (transport == TRANSPORT_POLLING)
        polling_open(client);
    else
        websocket_open(client);
}

void client_send(struct client *client, const char *packet, size_t length) {
    if (client->transport == TRANSPORT_POLLING)
        polling_send(client, packet, length);
    else
        websocket_send(client, packet, length);
}

void client_close(struct client *client) {
    client->state = CLIENT_CLOSING;
    websocket_close(client);
}

void client_lost(struct client *client) {
    if (client->state != CLIENT_CLOSING) fail("the server closed connection %u", client->ordinal);
    client->state = CLIENT_CLOSED;
    stream_close(&client->stream);
    client->events->closed(client);
}

void client_upgraded(struct client *client) {
    if (client->transport != TRANSPORT_PLAIN) return;
    client->state = CLIENT_CONNECTED;
    client->events->connected(client);
}

static void receive_message(struct client *client, const char *packet, size_t length) {
    if (client->state == CLIENT_CLOSING) return;
    if (length && (packet[0] == '2' || packet[0] == '3') && client->state == CLIENT_CONNECTED) {
        client->events->packet(client, packet, length);
    } else if (length && packet[0] == '0' && client->state == CLIENT_OPENING) {
        client->state = CLIENT_CONNECTED;
        client->events->connected(client);
    } else {
        fail_on_bytes("an event, an acknowledgement or the answer to CONNECT", packet, length);
    }
}

void client_receive(struct client *client, const char *packet, size_t length) {
    if (client->transport == TRANSPORT_PLAIN) {
        if (client->state == CLIENT_CONNECTED) client->events->packet(client, packet, length);
        return;
    }
    switch (length ? packet[0] : 0) {
    case '0': /* open; a client that speaks Socket.IO now connects to the main namespace */
        if (client->transport == TRANSPORT_POLLING) polling_opened(client, packet, length);
        client->state = CLIENT_OPENING;
        client_send(client, "40", 2);
        return;
    case '2': /* ping, from the server in Engine.IO v4 */
        if (client->state != CLIENT_CLOSING) client_send(client, "3", 1);
        return;
    case '4': receive_message(client, packet + 1, length - 1); return;
    case '6': return; /* noop */
    default: fail_on_bytes("an Engine.IO packet", packet, length);
    }
}
