"""The Autobahn fuzzing client against ``windsock serve`` with a plain ASGI echo endpoint: ``make autobahn``.

The suite needs a CPython 2.7; where there is none this says so and fails. It writes ``docs/autobahn.md`` when all
cases were run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.conformance.process import ROOT, ServerProcess, python

HERE: Final = Path(__file__).parent
REQUIREMENTS: Final = HERE / "requirements.txt"
PACKAGES: Final = ROOT / ".make/autobahn"
REPORT: Final = ROOT / "docs/autobahn.md"

ENDPOINT: Final = "tests.conformance.endpoints:app"
TIMEOUT: Final = 3600.0
"""Seconds for all cases; a 2-core machine takes about a quarter of that."""

LIMITED: Final = ("9.3.", "9.4.")
"""Cases that send one message of 4 MiB in 64,000 fragments and fewer: ``--ws-max-fragments`` closes them on purpose
(see MAX_FRAGMENTS in windsock.protocol.websocket). They are run again with the limit raised."""

RAISED: Final = 1_000_000

SECTIONS: Final = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8",
    7: "Closing handshake",
    9: "Limits and performance",
    10: "Miscellaneous",
    12: "Compression, different payloads",
    13: "Compression, different parameters",
}

# A namespace package among the packages needs its .pth file, which only a site directory gets read.
_START: Final = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"


@dataclass(frozen=True, slots=True)
class Case:
    """What came out of one case.

    Attributes:
        id: such as ``7.1.5``.
        behavior: ``OK``, ``NON-STRICT``, ``INFORMATIONAL``, ``UNIMPLEMENTED`` or ``FAILED``.
        closing: the same for how the connection ended.
    """

    id: str
    behavior: str
    closing: str

    @property
    def passed(self) -> bool:
        good = ("OK", "NON-STRICT", "INFORMATIONAL")
        return self.behavior in good and self.closing in good

    @property
    def limited(self) -> bool:
        return self.id.startswith(LIMITED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the cases; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make autobahn", description=__doc__)
    parser.add_argument("cases", nargs="*", default=["*"], help="such as 7.1.5 or '12.*'; all by default")
    chosen: list[str] = parser.parse_args(arguments).cases
    interpreter = find_interpreter()
    if interpreter is None:
        sys.stderr.write(
            "make autobahn: the Autobahn test suite needs CPython 2.7, and none was found on PATH or under pyenv.\n"
            "Install one (pyenv install 2.7.18) or name one in AUTOBAHN_PYTHON.\n"
        )
        return 2
    install(interpreter)
    first = run(interpreter, chosen, [])
    limited = [case.id for case in first if case.limited and not case.passed]
    second = run(interpreter, limited, ["--ws-max-fragments", str(RAISED)]) if limited else []
    failed = [case for case in [*(case for case in first if case.id not in limited), *second] if not case.passed]
    for case in failed:
        sys.stderr.write(f"case {case.id}: {case.behavior}, closing {case.closing}\n")
    if chosen == ["*"]:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(report(first, second))
    sys.stderr.write(f"{len(first)} cases, {len(limited)} of them again with a raised limit: {len(failed)} failed\n")
    return 1 if failed or not first else 0


def find_interpreter() -> str | None:
    """A CPython 2.7 that starts: a shim of pyenv may stand for one that is not there."""
    roots = [Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()]
    candidates = [os.environ.get("AUTOBAHN_PYTHON"), shutil.which("python2.7"), shutil.which("python2")]
    candidates += [str(path) for root in roots for path in sorted(root.glob("versions/2.7*/bin/python2.7"))]
    question = "import sys; sys.exit(sys.version_info[:2] != (2, 7) or 'PyPy' in sys.version)"
    for candidate in candidates:
        if candidate and succeeds([candidate, "-c", question]):
            return candidate
    return None


def succeeds(command: list[str]) -> bool:
    """Whether a command is there and ends well."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


def install(interpreter: str) -> None:
    """Installs the suite into a folder of its own, unless that was done from the same list."""
    stamp = PACKAGES / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if PACKAGES.exists():
        shutil.rmtree(PACKAGES)
    if not succeeds([interpreter, "-m", "pip", "--version"]):
        subprocess.run([interpreter, "-m", "ensurepip", "--user"], check=True, timeout=300)
    command = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--target", str(PACKAGES), "--requirement", str(REQUIREMENTS)]
    subprocess.run(command, check=True, timeout=900)
    stamp.write_text(wanted)


def run(interpreter: str, cases: list[str], options: list[str]) -> list[Case]:
    """Runs cases against a server started with these options."""
    reports = PACKAGES / "reports"
    if reports.exists():
        shutil.rmtree(reports)
    command = python("-m", "windsock.cli", "serve", ENDPOINT, "--host", "127.0.0.1", "--port", "{port}", *options)
    with ServerProcess(command) as server:
        specification = {
            "outdir": str(reports),
            "servers": [{"agent": "windsock", "url": f"ws://127.0.0.1:{server.port}/echo"}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        file = PACKAGES / "specification.json"
        file.write_text(json.dumps(specification))
        client = [interpreter, "-c", _START, str(PACKAGES), "-m", "fuzzingclient", "-s", str(file)]
        subprocess.run(client, check=True, timeout=TIMEOUT, cwd=PACKAGES)
        assert server.alive, server.log()
        trouble = server.trouble()
        assert not trouble, "\n".join(trouble)
    results: dict[str, dict[str, Any]] = json.loads((reports / "index.json").read_text())["windsock"]
    found = [Case(id, result["behavior"], result["behaviorClose"]) for id, result in results.items()]
    return sorted(found, key=lambda case: [int(part) for part in case.id.split(".")])


def report(first: list[Case], second: list[Case]) -> str:
    """The summary as Markdown."""
    behaviors = ["OK", "NON-STRICT", "INFORMATIONAL", "closed by a limit", "FAILED"]
    again = {case.id: case for case in second}

    def outcome(case: Case) -> str:
        if case.id in again and again[case.id].passed:
            return "closed by a limit"
        return case.behavior if case.passed else "FAILED"

    introduction = (
        f"Autobahn's fuzzing client {suite_version()} against `windsock serve` with a plain ASGI echo endpoint and "
        f"permessage-deflate, over websockets {version('websockets')}. Written by `make autobahn`."
    )
    lines = [
        "# The Autobahn test suite",
        "",
        introduction,
        "",
        "| section | " + " | ".join(behaviors) + " |",
        "|---|" + "---:|" * len(behaviors),
    ]
    for number, name in SECTIONS.items():
        counts = Counter(outcome(case) for case in first if int(case.id.split(".")[0]) == number)
        lines.append(f"| {number} {name} | " + " | ".join(str(counts[behavior] or "") for behavior in behaviors) + " |")
    total = Counter(outcome(case) for case in first)
    lines += ["| **all** | " + " | ".join(str(total[behavior] or "") for behavior in behaviors) + " |", ""]
    lines += list(_notes(first, second))
    return "\n".join(lines) + "\n"


def _notes(first: list[Case], second: list[Case]) -> Iterator[str]:
    loose = [case.id for case in first if case.passed and case.behavior == "NON-STRICT"]
    if loose:
        yield (
            "NON-STRICT: the connection is closed as it must be, but a message that came just before the violation is "
            "not echoed any more (sections 3 to 5), or text that is not UTF-8 is found at the end of its frame and not "
            f"within (section 6): {', '.join(loose)}."
        )
    closed = [case.id for case in second if case.passed]
    if closed:
        yield ""
        yield (
            "Closed by a limit: a message in more than 1024 fragments is closed with 1008 on purpose "
            f"(`--ws-max-fragments`). With the limit raised these cases are OK: {', '.join(closed)}."
        )


def suite_version() -> str:
    """As pinned."""
    for line in REQUIREMENTS.read_text().splitlines():
        name, _, rest = line.partition("==")
        if name == "autobahntestsuite":
            return rest.rstrip(" \\")
    raise AssertionError("the suite is not among the requirements")


if __name__ == "__main__":
    sys.exit(main())
