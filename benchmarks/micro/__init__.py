"""Micro-benchmarks, by pytest-benchmark: ``.venv/bin/pytest benchmarks/micro``. No part of ``make test``.

They tell which change moved a figure; what users get, ``make bench`` tells.
"""
