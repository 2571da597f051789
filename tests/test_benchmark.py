"""The benchmark starts, measures, and says what it found: its figures are another matter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .pages import ROOT


@pytest.mark.parametrize(
    ("section", "row"),
    [
        ("echo", "| **otel-ws** | 2 |"),
        ("idle", "| **otel-ws** |"),
        ("path", "| **A message is sent** |"),
    ],
)
def test_a_section_says_what_it_found(section: str, row: str) -> None:
    asked = ("--quick", "--seconds", "0.5", "--sections", section)
    some = ("--workloads", "starlette-function", "--subjects", "contrib-asgi", "ours")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *asked, *(() if section == "path" else some)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.stderr == ""
    assert row in done.stdout
    assert "spans per message, not" not in done.stdout
