/* What the kernel forces: the benchmark's application in C, with epoll, doing nothing but what every server must do for
   a message: one read, one write. It is the ceiling that the other figures are read against, and no Socket.IO server:
   it answers this generator's fixed handshake key and packets, pings nobody and trusts its peer.
   Usage: forced PORT */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../generator/buffer.h"
#include "../generator/failure.h"

enum { EVENTS = 512, RECEIVE_SIZE = 256 * 1024, BACKLOG = 2048, DESCRIPTORS = 32768, MASK = 4 };
enum { TEXT = 0x81, CLOSE = 0x88 };

static const char UPGRADED[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char OPEN[] = "0{\"sid\":\"forced\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
                           "\"maxPayload\":1000000}";
static const char CONNECTED[] = "40{\"sid\":\"forced\"}";
static const char CHAT[] = "42[\"chat\",";
static const char ECHO[] = "[\"echo\",";

struct connection {
    int descriptor;
    bool upgraded, dirty, waits_to_write, closing;
    unsigned place; /* in `room` */
    struct buffer received, unsent;
};

static int loop, listener;
static struct connection *room[DESCRIPTORS], *dirty[DESCRIPTORS];
static unsigned in_room, dirty_count;
static char arena[2 * RECEIVE_SIZE];

static void mark_dirty(struct connection *connection) {
    if (connection->dirty) return;
    connection->dirty = true;
    dirty[dirty_count++] = connection;
}

static void queue(struct connection *connection, const char *bytes, size_t length) {
    buffer_append(&connection->unsent, bytes, length);
    mark_dirty(connection);
}

static size_t put_header(char *to, unsigned char type, size_t length) {
    to[0] = (char)type;
    if (length < 126) {
        to[1] = (char)length;
        return 2;
    }
    uint16_t extended = htobe16((uint16_t)length);
    to[1] = 126;
    memcpy(to + 2, &extended, sizeof extended);
    return 4;
}

static void queue_text(struct connection *connection, const char *text, size_t length) {
    char header[4];
    queue(connection, header, put_header(header, TEXT, length));
    queue(connection, text, length);
}

/* The event goes out as it came in: framed once, copied to everybody. */
static void broadcast(const char *packet, size_t length) {
    static char frame[UINT16_MAX + 4];
    size_t header = put_header(frame, TEXT, length);
    memcpy(frame + header, packet, length);
    for (unsigned i = 0; i < in_room; i++) queue(room[i], frame, header + length);
}

/* 42<id>["echo",<payload>] becomes 43<id>[<payload>]. */
static void acknowledge(struct connection *connection, char *packet, size_t length) {
    char *event = memmem(packet, length, ECHO, sizeof ECHO - 1);
    if (!event) fail_on_bytes("chat or echo", packet, length);
    char *payload = event + sizeof ECHO - 1;
    size_t id = (size_t)(event - packet), payload_length = length - (size_t)(payload - packet);
    char *answer = payload - 1 - id;
    memmove(answer, packet, id);
    answer[1] = '3';
    payload[-1] = '[';
    queue_text(connection, answer, id + 1 + payload_length);
}

static void receive_text(struct connection *connection, char *packet, size_t length) {
    if (length >= sizeof CHAT - 1 && !memcmp(packet, CHAT, sizeof CHAT - 1))
        broadcast(packet, length);
    else if (length == 2 && packet[1] == '0')
        queue_text(connection, CONNECTED, sizeof CONNECTED - 1);
    else
        acknowledge(connection, packet, length);
}

static void unmask(char *bytes, size_t length, const char *mask) {
    uint32_t narrow;
    memcpy(&narrow, mask, sizeof narrow);
    uint64_t wide = (uint64_t)narrow << 32 | narrow, word;
    size_t at = 0;
    for (; at + sizeof word <= length; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        word ^= wide;
        memcpy(bytes + at, &word, sizeof word);
    }
    for (; at < length; at++) bytes[at] ^= mask[at % MASK];
}

static size_t read_frames(struct connection *connection, char *bytes, size_t length) {
    size_t at = 0;
    while (length - at >= 2) {
        char *frame = bytes + at;
        size_t payload = (unsigned char)frame[1] & 0x7f, header = 2 + MASK;
        if (payload == 126) {
            if (length - at < 4) break;
            payload = (size_t)(unsigned char)frame[2] << 8 | (unsigned char)frame[3];
            header += 2;
        }
        if (length - at < header + payload) break;
        unmask(frame + header, payload, frame + header - MASK);
        if ((unsigned char)frame[0] == TEXT) {
            receive_text(connection, frame + header, payload);
        } else {
            queue(connection, (const char[]){(char)CLOSE, 0}, 2);
            connection->closing = true;
        }
        at += header + payload;
    }
    return at;
}

static size_t read_upgrade(struct connection *connection, char *bytes, size_t length) {
    char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    connection->upgraded = true;
    connection->place = in_room;
    room[in_room++] = connection;
    queue(connection, UPGRADED, sizeof UPGRADED - 1);
    queue_text(connection, OPEN, sizeof OPEN - 1);
    return (size_t)(end - bytes) + 4;
}

static void drop(struct connection *connection) {
    if (connection->upgraded) {
        room[connection->place] = room[--in_room];
        room[connection->place]->place = connection->place;
    }
    close(connection->descriptor);
    free(connection->received.bytes);
    free(connection->unsent.bytes);
    free(connection);
}

static void receive(struct connection *connection) {
    size_t kept = connection->received.length;
    if (kept > RECEIVE_SIZE) fail("a message of more than %d bytes", RECEIVE_SIZE);
    if (kept) memcpy(arena, connection->received.bytes, kept);
    ssize_t count = recv(connection->descriptor, arena + kept, RECEIVE_SIZE, 0);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) return;
        /* Dropped at the end of the turn, when nothing points at it any more. */
        connection->closing = true;
        connection->unsent.length = 0;
        mark_dirty(connection);
        return;
    }
    size_t length = kept + (size_t)count;
    size_t taken = connection->upgraded ? read_frames(connection, arena, length)
                                        : read_upgrade(connection, arena, length);
    connection->received.length = 0;
    if (taken < length) buffer_append(&connection->received, arena + taken, length - taken);
}

static void watch(struct connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(loop, operation, connection->descriptor, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void flush(struct connection *connection) {
    connection->dirty = false;
    ssize_t sent = 0;
    if (connection->unsent.length)
        sent = send(connection->descriptor, connection->unsent.bytes, connection->unsent.length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) connection->closing = true;
    if ((size_t)sent == connection->unsent.length)
        connection->unsent.length = 0;
    else if (sent > 0)
        buffer_consume(&connection->unsent, (size_t)sent);
    if (connection->closing) {
        drop(connection);
        return;
    }
    bool waits = connection->unsent.length > 0;
    if (waits != connection->waits_to_write)
        watch(connection, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    connection->waits_to_write = waits;
}

static void accept_one(void) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    if (descriptor >= DESCRIPTORS) fail("more than %d connections", DESCRIPTORS);
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) fail("out of memory for a connection");
    connection->descriptor = descriptor;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static void listen_on(uint16_t port) {
    struct rlimit limit = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    loop = epoll_create1(EPOLL_CLOEXEC);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, BACKLOG) < 0)
        fail("port %u: %s", port, strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

int main(int count, char **arguments) {
    if (count != 2) fail("expected the port to listen on");
    listen_on((uint16_t)atoi(arguments[1]));
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(loop, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection) {
                accept_one();
                continue;
            }
            if (events[i].events & EPOLLOUT) mark_dirty(connection);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(connection);
        }
        for (unsigned i = 0; i < dirty_count; i++) flush(dirty[i]);
        dirty_count = 0;
    }
}
