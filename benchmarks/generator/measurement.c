#include "measurement.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "failure.h"
#include "stream.h"

enum { TURN_MILLISECONDS = 10, NANOSECONDS_PER_MILLISECOND = 1000000 };

uint64_t measurement_count;
struct histogram measurement_latencies;

/* How busy both sides were tells what was measured: a generator near 1 means the generator was, and a server and a
   generator far below 1 that the machine had something else to do. */
static struct busy {
    clockid_t clock;
    uint64_t started;
} generator = {.clock = CLOCK_PROCESS_CPUTIME_ID}, server = {.clock = -1};

static uint64_t started_at;

void measurement_watch(int process) {
    int error = clock_getcpuclockid(process, &server.clock);
    if (error) fail("the server's process %d: %s", process, strerror(error));
}

void measurement_start(void) {
    measurement_count = 0;
    memset(&measurement_latencies, 0, sizeof measurement_latencies);
    started_at = clock_now();
    generator.started = clock_read(generator.clock);
    if (server.clock != -1) server.started = clock_read(server.clock);
}

static double share_of(const struct busy *busy, double seconds) {
    if (busy->clock == -1) return 0;
    return (double)(clock_read(busy->clock) - busy->started) / NANOSECONDS / seconds;
}

static double microseconds(double share) { return histogram_percentile(&measurement_latencies, share) / 1000; }

void measurement_finish(void) {
    double seconds = (double)(clock_now() - started_at) / NANOSECONDS;
    if (!measurement_count) fail("nothing was received in %.1f s", seconds);
    printf("{\"count\": %llu, \"seconds\": %.6f, \"rate\": %.3f, \"generator_busy\": %.3f, \"server_busy\": %.3f, "
           "\"latency_us\": {\"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f}}\n",
           (unsigned long long)measurement_count, seconds, (double)measurement_count / seconds,
           share_of(&generator, seconds), share_of(&server, seconds), microseconds(0.5), microseconds(0.95),
           microseconds(0.99), microseconds(0.999));
}

static void run_for(unsigned milliseconds) {
    uint64_t end = clock_now() + (uint64_t)milliseconds * NANOSECONDS_PER_MILLISECOND;
    while (clock_now() < end) stream_loop_turn(TURN_MILLISECONDS);
}

void measurement_run(unsigned warm_up_milliseconds, unsigned milliseconds) {
    run_for(warm_up_milliseconds);
    measurement_start();
    run_for(milliseconds);
    measurement_finish();
}
