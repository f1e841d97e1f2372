"""What the benchmark builds for itself: the generator, the reference server, the packages of the Node server."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = HERE / "build"
NODE = HERE / "node"

COMPILER = ("gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
PROGRAMS = ("gcc", "node", "npm", "taskset", "setpriv")


class ToolMissing(Exception):
    """A program that the benchmark needs is not installed."""


def require_programs() -> None:
    """Raise ToolMissing unless everything that is run is there."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise ToolMissing(f"the benchmark needs {', '.join(missing)} (Debian: gcc, nodejs, npm, util-linux)")
    include = ("gcc", "-fsyntax-only", "-include", "zlib.h", "-x", "c", "/dev/null")
    if subprocess.run(include, capture_output=True, check=False, timeout=60).returncode:
        raise ToolMissing("the benchmark needs zlib's header (Debian: zlib1g-dev)")


def build_generator() -> Path:
    """Compile the load generator, if its sources have changed."""
    return _compile("generator", sorted((HERE / "generator").glob("*.[ch]")))


def build_reference() -> Path:
    """Compile the C server that does only what the kernel forces, if its sources have changed."""
    shared = (HERE / "generator" / name for name in ("buffer.c", "buffer.h", "failure.c", "failure.h"))
    return _compile("forced", [HERE / "reference" / "forced.c", *shared])


def install_node_packages() -> None:
    """``npm ci`` in the Node server's folder, if its lock has changed."""
    installed = NODE / "node_modules" / ".package-lock.json"
    lock = NODE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=NODE, check=True, timeout=300)


def _compile(name: str, sources: list[Path]) -> Path:
    program = BUILD / name
    if program.exists() and program.stat().st_mtime >= max(source.stat().st_mtime for source in sources):
        return program
    BUILD.mkdir(exist_ok=True)
    units = [str(source) for source in sources if source.suffix == ".c"]
    subprocess.run([*COMPILER, "-o", str(program), *units, "-lz"], check=True, timeout=120)
    return program
