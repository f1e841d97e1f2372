/* What is counted in the measured time, after a warm-up that is not. */
#ifndef MEASUREMENT_H
#define MEASUREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

extern uint64_t measurement_count, measurement_published; /* the latter where messages have many receivers */
extern struct histogram measurement_latencies;

static inline void measurement_record(uint64_t nanoseconds) {
    measurement_count++;
    histogram_record(&measurement_latencies, nanoseconds);
}

/* Have a server's process watched, to tell how much of the time it was on a processor; some of them, one after another. */
void measurement_watch(int server);

/* Run the event loop for the warm-up and then for the measured time, and print the result as one line of JSON. `pace`, if
   given, is called in every turn with the time, does what is due by then and returns when it wants to be called next. */
void measurement_run(unsigned warm_up_milliseconds, unsigned milliseconds, uint64_t (*pace)(uint64_t now));

/* The same where a count, not a time, ends it: start now; stop and print now. */
void measurement_start(void);
void measurement_finish(void);

#endif
