"""What the figures were measured on: the machine's kind and the versions of the servers, never its name."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.toolchain import NODE, ROOT

_READ_VERSIONS = """
import importlib.metadata, json, platform, sys
versions = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(versions))
"""


def choose_cores() -> tuple[int, int]:
    """The cores of server and generator: the first and the last that this process may run on."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def describe() -> dict[str, str | int]:
    """Facts that move the figures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _read_processor(),
        "memory_gib": round(memory / 2**30),
        # The number alone: what follows it names who built the kernel.
        "kernel": re.split(r"[^0-9.]", platform.release())[0],
        "congestion_control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
    }


def find_versions(python: str, *packages: str) -> dict[str, str]:
    """The versions of an interpreter and of the packages that it sees."""
    command = [python, "-c", _READ_VERSIONS, *packages]
    found = subprocess.run(command, capture_output=True, check=True, timeout=60, cwd=ROOT)
    versions: dict[str, str] = json.loads(found.stdout)
    return versions


def find_node_versions(*packages: str) -> dict[str, str]:
    """The versions of Node and of the packages that serve, and of further ones."""
    node = subprocess.run(["node", "--version"], capture_output=True, check=True, timeout=60, text=True)
    versions = {"node": node.stdout.strip().removeprefix("v")}
    for name in ("socket.io", "engine.io", "ws", *packages):
        package: Mapping[str, str] = json.loads((NODE / "node_modules" / name / "package.json").read_bytes())
        versions[name] = package["version"]
    return versions


def _read_processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
