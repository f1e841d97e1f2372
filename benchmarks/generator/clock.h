/* Time, in nanoseconds of the monotonic clock. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

#define NANOSECONDS 1000000000ULL

static inline uint64_t clock_read(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_now(void) { return clock_read(CLOCK_MONOTONIC); }

#endif
