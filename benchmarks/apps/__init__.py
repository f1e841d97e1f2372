"""The same Socket.IO application on each Python server; the one on Node is in ``benchmarks/node``."""
