/* The load generator: one process, one thread, one epoll. It speaks WebSocket, HTTP, Engine.IO and Socket.IO itself, so
   that what it costs stays far below what any server costs, and every server gets the same bytes. */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "failure.h"
#include "measurement.h"
#include "options.h"
#include "scenarios.h"
#include "stream.h"

static const struct {
    const char *name;
    void (*run)(const struct options *options);
} SCENARIOS[] = {
    {"fan-out", fan_out_run},
    {"echo", echo_run},
    {"connect", connect_run},
    {"idle", idle_run},
};

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **arguments) {
    struct options options = options_read(count, arguments);
    raise_descriptor_limit();
    alarm(options.deadline); /* a server that stalls must not stall the benchmark */
    for (unsigned i = 0; i < options.server_count; i++) measurement_watch(options.servers[i]);
    stream_loop_open();
    if (options.spin) stream_loop_spin();
    for (size_t i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++) {
        if (strcmp(options.scenario, SCENARIOS[i].name)) continue;
        SCENARIOS[i].run(&options);
        return 0;
    }
    fail("expected a known scenario, got %s", options.scenario);
}
