#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"

enum {
    EVENTS = 512,
    ADDRESSES = 8,              /* 8 × 28,000 ports: more than the connections of any scenario, TIME-WAIT included */
    RECEIVE_SIZE = 256 * 1024,  /* the most that one call receives */
    PARTIAL_LIMIT = 256 * 1024, /* the most that may stand unconsumed before it: above the largest message sent */
};

uint64_t stream_received_at;

static int loop = -1;
static struct stream *dirty;
static bool spins, watched_is_readable;
/* Every stream is received into this one run of memory; only what is left over is kept in the stream's own. Ten
   thousand idle connections then cost no memory, and busy ones stay in the cache. */
static char arena[PARTIAL_LIMIT + RECEIVE_SIZE];

void stream_loop_open(void) {
    loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0) fail("epoll_create1: %s", strerror(errno));
}

void stream_loop_spin(void) { spins = true; }

static void watch(struct stream *stream, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = stream};
    if (epoll_ctl(loop, operation, stream->descriptor, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

void stream_connect(struct stream *stream, uint16_t port, unsigned ordinal, stream_reader *reader, void *owner) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) fail("socket: %s", strerror(errno));
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* The port is chosen at connect(), when the server's side is known: it need then be free for this server only. */
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ordinal % ADDRESSES);
    if (bind(descriptor, (struct sockaddr *)&source, sizeof source) < 0) fail("bind: %s", strerror(errno));
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    stream->descriptor = descriptor;
    stream->reader = reader;
    stream->owner = owner;
    stream->received.length = stream->unsent.length = 0;
    /* Writing is tried when the connection stands; until then the request waits in `unsent`. */
    stream->waits_to_write = true;
    watch(stream, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

void stream_close(struct stream *stream) {
    close(stream->descriptor);
    stream->descriptor = -1;
    stream->unsent.length = 0;
}

char *stream_reserve(struct stream *stream, size_t length) { return buffer_reserve(&stream->unsent, length); }

void stream_commit(struct stream *stream, size_t length) {
    stream->unsent.length += length;
    if (stream->dirty) return;
    stream->dirty = true;
    stream->next_dirty = dirty;
    dirty = stream;
}

void stream_write(struct stream *stream, const char *bytes, size_t length) {
    memcpy(stream_reserve(stream, length), bytes, length);
    stream_commit(stream, length);
}

static void set_waits_to_write(struct stream *stream, bool waits) {
    if (stream->waits_to_write == waits) return;
    stream->waits_to_write = waits;
    watch(stream, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void flush(struct stream *stream) {
    size_t length = stream->unsent.length;
    if (!length) return;
    ssize_t sent = send(stream->descriptor, stream->unsent.bytes, length, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) fail("send: %s", strerror(errno));
        sent = 0;
    }
    if ((size_t)sent == length)
        stream->unsent.length = 0;
    else
        buffer_consume(&stream->unsent, (size_t)sent);
    set_waits_to_write(stream, stream->unsent.length > 0);
}

static void flush_dirty(void) {
    while (dirty) {
        struct stream *stream = dirty;
        dirty = stream->next_dirty;
        stream->dirty = false;
        /* One that waits is written to when epoll says so. */
        if (stream->descriptor >= 0 && !stream->waits_to_write) flush(stream);
    }
}

static void receive(struct stream *stream) {
    size_t kept = stream->received.length;
    if (kept > PARTIAL_LIMIT) fail("a message of more than %d bytes", PARTIAL_LIMIT);
    if (kept) memcpy(arena, stream->received.bytes, kept);
    ssize_t count = recv(stream->descriptor, arena + kept, RECEIVE_SIZE, 0);
    if (count < 0) {
        if (errno == EAGAIN) return;
        if (errno != ECONNRESET) fail("recv: %s", strerror(errno));
        count = 0; /* closed all the same: whether it should have been is for the reader to say */
    }
    stream_received_at = clock_now();
    stream->received.length = 0;
    if (count == 0) {
        stream->reader(stream, arena, 0);
        return;
    }
    size_t length = kept + (size_t)count;
    size_t consumed = stream->reader(stream, arena, length);
    if (stream->descriptor >= 0 && consumed < length)
        buffer_append(&stream->received, arena + consumed, length - consumed);
}

static void handle(struct stream *stream, uint32_t events) {
    if (stream->descriptor >= 0 && events & EPOLLOUT) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(stream->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) fail("the connection to the server broke: %s", strerror(error));
        if (stream->unsent.length)
            flush(stream);
        else
            set_waits_to_write(stream, false);
    }
    if (stream->descriptor >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(stream);
}

void stream_loop_watch(int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

bool stream_loop_watched_is_readable(void) { return watched_is_readable; }

void stream_loop_turn(unsigned milliseconds) { stream_loop_turn_within(milliseconds * (NANOSECONDS / 1000)); }

void stream_loop_turn_within(uint64_t nanoseconds) {
    struct epoll_event events[EVENTS];
    flush_dirty();
    struct timespec timeout = {(time_t)(nanoseconds / NANOSECONDS), (long)(nanoseconds % NANOSECONDS)};
    if (spins) timeout = (struct timespec){0, 0};
    int count = epoll_pwait2(loop, events, EVENTS, &timeout, NULL);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (!events[i].data.ptr) {
            watched_is_readable = true;
            continue;
        }
        handle(events[i].data.ptr, events[i].events);
        /* Not at the end of the turn: the server has its next message while this process reads the others. */
        flush_dirty();
    }
}
