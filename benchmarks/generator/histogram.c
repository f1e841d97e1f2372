#include "histogram.h"

static double middle_of(uint64_t bucket) {
    if (bucket < HISTOGRAM_STEPS) return (double)bucket;
    unsigned shift = (unsigned)(bucket / (HISTOGRAM_STEPS / 2)) - 1;
    uint64_t lowest = (bucket - shift * (HISTOGRAM_STEPS / 2)) << shift;
    return (double)lowest + (double)(1ULL << shift) / 2;
}

double histogram_percentile(const struct histogram *histogram, double share) {
    if (!histogram->total) return 0;
    double wanted = share * (double)histogram->total;
    uint64_t seen = 0;
    for (uint64_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (histogram->counts[bucket] && (double)seen >= wanted) return middle_of(bucket);
    }
    return middle_of(HISTOGRAM_BUCKETS - 1);
}
