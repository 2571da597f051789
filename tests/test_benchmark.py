"""The benchmark starts, measures, and says what it found: its figures are another matter."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk import version

from otel_ws._spans import PROVEN

from .pages import ROOT

lean_only = pytest.mark.skipif(
    not version.__version__.startswith(PROVEN), reason="it takes the path of lean spans apart"
)


@pytest.mark.parametrize(
    ("section", "row"),
    [
        ("echo", "| **otel-ws** | 2 |"),
        ("idle", "| **otel-ws** |"),
        pytest.param("path", "| **A message is sent** |", marks=lean_only),
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
