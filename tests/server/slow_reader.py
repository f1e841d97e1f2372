"""A client as a process of its own, so that it can be stopped: writes the number of each event that it gets."""

from __future__ import annotations

import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

# What bounds each wait is the test: while this process is stopped, its time goes on.
with connect(sys.argv[1], compression=None, max_size=None, ping_interval=None, open_timeout=None) as connection:
    connection.recv()
    connection.send("40")
    connection.recv()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        while (packet := str(connection.recv())) != "2":
            number = json.loads(packet[2:])[1]
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            if number < 0:
                break
    except ConnectionClosed:
        sys.stdout.write("closed\n")
