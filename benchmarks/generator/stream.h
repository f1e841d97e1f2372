/* One non-blocking TCP connection in the event loop, with the bytes that wait on either side of it. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

struct stream;

/* Called with everything that has been received and not consumed yet; returns how many bytes it consumed. What is left
   comes again, in front of what is received next. A length of zero means that the peer has closed. */
typedef size_t stream_reader(struct stream *stream, char *bytes, size_t length);

struct stream {
    int descriptor; /* -1: closed */
    bool waits_to_write;
    bool dirty;
    struct stream *next_dirty;
    struct buffer received, unsent;
    stream_reader *reader;
    void *owner;
};

/* The time at which the bytes being read were received: one look at the clock serves every message in them. */
extern uint64_t stream_received_at;

void stream_loop_open(void);

/* Never sleep in the kernel. On a network, waking a client is the work of the client's machine; on loopback it is the
   server's, once for each send() that finds this process asleep. A process that spins takes that out of the figures
   (and is always busy). */
void stream_loop_spin(void);

/* Connect to a port from the address 127.0.0.(1 + ordinal % 8): no address then runs out of ports. */
void stream_connect(struct stream *stream, uint16_t port, unsigned ordinal, stream_reader *reader, void *owner);
void stream_close(struct stream *stream);

/* Queue bytes. They are written, in one call for everything queued, when the event being handled is done with. */
void stream_write(struct stream *stream, const char *bytes, size_t length);
/* The same where the caller composes the bytes in place: reserve, fill, commit. */
char *stream_reserve(struct stream *stream, size_t length);
void stream_commit(struct stream *stream, size_t length);

/* Write what is queued, then wait at most `milliseconds` for events and handle them. */
void stream_loop_turn(unsigned milliseconds);
/* The same where milliseconds are too coarse. */
void stream_loop_turn_within(uint64_t nanoseconds);

/* Have the loop watch one descriptor that is not a stream (standard input); tells whether it became readable. */
void stream_loop_watch(int descriptor);
bool stream_loop_watched_is_readable(void);

#endif
