"""Builds the documentation's site into ``build/site`` and checks it; ``make docs`` runs this."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from website.verify import faults

ROOT: Final = Path(__file__).resolve().parents[1]
SITE: Final = ROOT / "build/site"


def main() -> int:
    """Returns the exit code."""
    # Zensical reads website/ as a package, and pages from the folder of its configuration.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run(
        [zensical, "build", "--strict", "--clean"], cwd=ROOT, env=environment, timeout=300, check=False
    )
    if built.returncode != 0:
        return built.returncode
    found = list(faults(SITE))
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"the site is in {SITE.relative_to(ROOT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
