/* One client: Engine.IO v4 and Socket.IO v5 as far as a load generator needs them, over WebSocket alone or over HTTP
   long-polling alone; or plain WebSocket, without either. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "inflater.h"
#include "stream.h"

/* TRANSPORT_DEFLATED: a WebSocket on which permessage-deflate has been agreed. */
enum transport { TRANSPORT_WEBSOCKET, TRANSPORT_DEFLATED, TRANSPORT_POLLING, TRANSPORT_PLAIN };

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING, /* TCP, and the HTTP upgrade of a WebSocket */
    CLIENT_OPENING,    /* the Engine.IO session opens, then Socket.IO's CONNECT is answered */
    CLIENT_CONNECTED,
    CLIENT_CLOSING,
};

struct client;

/* What a scenario is told. */
struct client_events {
    void (*connected)(struct client *client);
    /* An event (42...) or an acknowledgement (43...), without the Engine.IO type in front: "2[...]" or "3..[...]". On a
       plain WebSocket, the message. */
    void (*packet)(struct client *client, const char *packet, size_t length);
    void (*closed)(struct client *client);
};

struct client {
    unsigned ordinal;
    uint16_t port; /* of its server */
    enum transport transport;
    enum client_state state;
    const struct client_events *events;
    struct stream stream; /* the WebSocket; or the connection that polls */
    struct inflater *inflater; /* on a WebSocket with permessage-deflate alone */
    /* Long-polling alone. */
    struct stream post;
    bool posting;         /* a POST waits for its answer: a second one at the same time would break the session */
    struct buffer queued; /* packets to go with the next POST */
    char *poll_request, *post_request;
};

void client_open(struct client *client, unsigned ordinal, uint16_t port, enum transport transport,
                 const struct client_events *events);

/* Send one Engine.IO packet of text ("4" and a Socket.IO packet), or a message on a plain WebSocket. */
void client_send(struct client *client, const char *packet, size_t length);

/* Close the WebSocket as a browser does: a Close frame, then wait for the server to close the connection. */
void client_close(struct client *client);

/* For the transports: the WebSocket stands; one Engine.IO packet, or message, has come; the peer has closed. */
void client_upgraded(struct client *client);
void client_receive(struct client *client, const char *packet, size_t length);
void client_lost(struct client *client);

#endif
