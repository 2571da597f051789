"""What tracing costs, side by side: `python -m benchmarks` measures it and prints a table."""

from __future__ import annotations
