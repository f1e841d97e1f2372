"""What a program that measures does around its measuring."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Callable

from benchmarks.load import LoadFailed
from benchmarks.servers import ServerFailed
from benchmarks.toolchain import ToolMissing


def run_program(measure: Callable[[], int]) -> int:
    """The exit code of ``measure``, or 2 when it could not run, which standard error says why."""
    # A termination asked for politely unwinds the stack, and so ends the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # The children inherit it: ten thousand connections are two ends of ten thousand descriptors.
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    try:
        return measure()
    except (ToolMissing, ServerFailed, LoadFailed) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
