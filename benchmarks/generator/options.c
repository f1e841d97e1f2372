#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

/* Bounds that keep every scenario inside what the harness prepares: descriptors, ports and the receive arena. */
enum { CLIENTS_LIMIT = 20000, IN_FLIGHT_LIMIT = 1000, SIZE_LOWEST = 16, SIZE_LIMIT = 100000, SECONDS_LIMIT = 600, RATE_LIMIT = 100000 };

static const char USAGE[] =
    "expected --scenario fan-out|echo|connect|idle --port N [--transport websocket|deflated|polling|plain]\n"
    "  [--clients N] [--publishers N] [--in-flight N] [--size BYTES] [--warm-up-ms N] [--ms N] [--concurrency N] [--deadline SECONDS] [--server PID]...\n"
    "  [--peer-port N] [--rate MESSAGES-A-SECOND] [--spin]";

static unsigned number(const char *text, unsigned lowest, unsigned highest) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || end == text || value < lowest || value > highest)
        fail("expected a number from %u to %u, got %s", lowest, highest, text);
    return (unsigned)value;
}

static enum transport transport_of(const char *name) {
    if (!strcmp(name, "websocket")) return TRANSPORT_WEBSOCKET;
    if (!strcmp(name, "deflated")) return TRANSPORT_DEFLATED;
    if (!strcmp(name, "polling")) return TRANSPORT_POLLING;
    if (!strcmp(name, "plain")) return TRANSPORT_PLAIN;
    fail("expected the transport websocket, deflated, polling or plain, got %s", name);
}

struct options options_read(int count, char **arguments) {
    struct options options = {
        .clients = 100, .publishers = 1, .in_flight = 1, .size = 64, .warm_up_milliseconds = 1000,
        .milliseconds = 3000, .concurrency = 50, .deadline = 60,
    };
    static const struct option LONG[] = {
        {"scenario", required_argument, NULL, 's'},   {"port", required_argument, NULL, 'p'},
        {"transport", required_argument, NULL, 't'},  {"clients", required_argument, NULL, 'n'},
        {"publishers", required_argument, NULL, 'u'}, {"in-flight", required_argument, NULL, 'f'},
        {"size", required_argument, NULL, 'z'},       {"warm-up-ms", required_argument, NULL, 'w'},
        {"ms", required_argument, NULL, 'm'},         {"concurrency", required_argument, NULL, 'c'},
        {"deadline", required_argument, NULL, 'd'},   {"server", required_argument, NULL, 'v'},
        {"spin", no_argument, NULL, 'i'},             {"peer-port", required_argument, NULL, 'e'},
        {"rate", required_argument, NULL, 'r'},       {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(count, arguments, "", LONG, NULL)) != -1;) {
        switch (option) {
        case 's': options.scenario = optarg; break;
        case 'p': options.port = (uint16_t)number(optarg, 1, UINT16_MAX); break;
        case 't': options.transport = transport_of(optarg); break;
        case 'n': options.clients = number(optarg, 1, CLIENTS_LIMIT); break;
        case 'u': options.publishers = number(optarg, 1, 100); break;
        case 'f': options.in_flight = number(optarg, 1, IN_FLIGHT_LIMIT); break;
        case 'z': options.size = number(optarg, SIZE_LOWEST, SIZE_LIMIT); break;
        case 'w': options.warm_up_milliseconds = number(optarg, 0, SECONDS_LIMIT * 1000); break;
        case 'm': options.milliseconds = number(optarg, 1, SECONDS_LIMIT * 1000); break;
        case 'c': options.concurrency = number(optarg, 1, 1000); break;
        case 'd': options.deadline = number(optarg, 1, 2 * SECONDS_LIMIT); break;
        case 'v':
            if (options.server_count == SERVERS_LIMIT) fail("expected at most %d servers", SERVERS_LIMIT);
            options.servers[options.server_count++] = (int)number(optarg, 1, INT_MAX);
            break;
        case 'e': options.peer_port = (uint16_t)number(optarg, 1, UINT16_MAX); break;
        case 'r': options.rate = number(optarg, 1, RATE_LIMIT); break;
        case 'i': options.spin = true; break;
        default: fail("%s", USAGE);
        }
    }
    if (!options.scenario || !options.port || optind != count) fail("%s", USAGE);
    unsigned near = options.peer_port ? options.clients / 2 : options.clients;
    if (options.publishers > near) fail("expected at most as many publishers as clients at the first server");
    return options;
}
