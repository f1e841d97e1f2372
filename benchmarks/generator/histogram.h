/* Latencies, counted in buckets that are at most 1/64 wide: constant memory and a few nanoseconds a sample, so that
   millions of samples a second cost the generator nothing that shows. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_BITS = 7,
    HISTOGRAM_STEPS = 1 << HISTOGRAM_BITS,
    HISTOGRAM_BUCKETS = 20 * HISTOGRAM_STEPS, /* to 2^45 ns, about ten hours */
};

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline void histogram_record(struct histogram *histogram, uint64_t nanoseconds) {
    unsigned shift = nanoseconds < HISTOGRAM_STEPS ? 0 : 64U - (unsigned)__builtin_clzll(nanoseconds) - HISTOGRAM_BITS;
    uint64_t bucket = shift * (HISTOGRAM_STEPS / 2) + (nanoseconds >> shift);
    if (bucket >= HISTOGRAM_BUCKETS) bucket = HISTOGRAM_BUCKETS - 1;
    histogram->counts[bucket]++;
    histogram->total++;
}

/* The middle of the bucket that holds the given share (0 to 1) of the samples, in nanoseconds; 0 when there are none. */
double histogram_percentile(const struct histogram *histogram, double share);

#endif
