#include "measurement.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "failure.h"
#include "options.h"
#include "stream.h"

enum { TURN_MILLISECONDS = 10, NANOSECONDS_PER_MILLISECOND = 1000000 };

uint64_t measurement_count, measurement_published;
struct histogram measurement_latencies;

/* How busy both sides were tells what was measured: a generator near 1 means the generator was, and a server and a
   generator far below 1 that the machine had something else to do. */
static struct busy {
    clockid_t clock;
    uint64_t started;
} generator = {.clock = CLOCK_PROCESS_CPUTIME_ID}, servers[SERVERS_LIMIT];
static unsigned server_count;

static uint64_t started_at;

void measurement_watch(int process) {
    int error = clock_getcpuclockid(process, &servers[server_count++].clock);
    if (error) fail("the server's process %d: %s", process, strerror(error));
}

void measurement_start(void) {
    measurement_count = measurement_published = 0;
    memset(&measurement_latencies, 0, sizeof measurement_latencies);
    started_at = clock_now();
    generator.started = clock_read(generator.clock);
    for (unsigned i = 0; i < server_count; i++) servers[i].started = clock_read(servers[i].clock);
}

static double share_of(const struct busy *busy, double seconds) {
    return (double)(clock_read(busy->clock) - busy->started) / NANOSECONDS / seconds;
}

static double microseconds(double share) { return histogram_percentile(&measurement_latencies, share) / 1000; }

void measurement_finish(void) {
    double seconds = (double)(clock_now() - started_at) / NANOSECONDS;
    if (!measurement_count) fail("nothing was received in %.1f s", seconds);
    printf("{\"count\": %llu, \"published\": %llu, \"seconds\": %.6f, \"rate\": %.3f, \"generator_busy\": %.3f, "
           "\"servers_busy\": [",
           (unsigned long long)measurement_count, (unsigned long long)measurement_published, seconds,
           (double)measurement_count / seconds, share_of(&generator, seconds));
    for (unsigned i = 0; i < server_count; i++) printf("%s%.5f", i ? ", " : "", share_of(&servers[i], seconds));
    printf("], \"latency_us\": {\"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f}}\n", microseconds(0.5),
           microseconds(0.95), microseconds(0.99), microseconds(0.999));
}

static void run_for(unsigned milliseconds, uint64_t (*pace)(uint64_t now)) {
    static const uint64_t TURN = TURN_MILLISECONDS * NANOSECONDS_PER_MILLISECOND;
    uint64_t now = clock_now(), end = now + (uint64_t)milliseconds * NANOSECONDS_PER_MILLISECOND;
    for (; now < end; now = clock_now()) {
        uint64_t next = pace ? pace(now) : now + TURN;
        stream_loop_turn_within(next > now ? (next - now < TURN ? next - now : TURN) : 0);
    }
}

void measurement_run(unsigned warm_up_milliseconds, unsigned milliseconds, uint64_t (*pace)(uint64_t now)) {
    run_for(warm_up_milliseconds, pace);
    measurement_start();
    run_for(milliseconds, pace);
    measurement_finish();
}
