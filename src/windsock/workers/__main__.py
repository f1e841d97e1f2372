"""A worker's process; started by :mod:`windsock.workers.supervisor`."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

from windsock.errors import ConfigurationError
from windsock.serving import Serving
from windsock.workers.worker import Worker


def main() -> int:
    """Runs one; returns the exit code."""
    order = json.loads(sys.argv[1])
    sys.path[:] = order["path"]
    control, listener = socket.socket(fileno=order["control"]), socket.socket(fileno=order["listener"])
    for inherited in (control, listener):
        inherited.set_inheritable(False)  # by what the application starts
    try:
        worker = Worker(
            Serving(**order["serving"]), Path(order["folder"]), order["slot"], order["slots"], listener, control
        )
    except ConfigurationError as error:
        print(f"windsock serve: error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
