"""Programs of this package in processes of their own: whoever patches there patches nobody here."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from otel_ws.testing import CapturedSpans

from .applications import ECHOED, sent

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 120
_MARK = "=== "
EXPORTS_NOTHING = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}


def run(module: str, *launcher: str, **environ: str) -> dict[str, str]:
    """Run a program of this package, under a launcher of its environment; return its sections."""
    command = [sys.executable, "-m", f"tests.neighbours.{module}"]
    if launcher:
        command = [str(Path(sys.executable).parent / launcher[0]), *launcher[1:], *command]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "testproject.settings", **environ},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {**_sections(done.stdout), "log": done.stderr}


def _sections(text: str) -> dict[str, str]:
    lines = text.splitlines()
    marks = [at for at, line in enumerate(lines) if line.startswith(_MARK)]
    return {
        lines[begin].removeprefix(_MARK): "\n".join(lines[begin + 1 : end])
        for begin, end in pairwise([*marks, len(lines)])
    }


# --- in the programs ----------------------------------------------------------------------------


def section(title: str, text: object) -> None:
    print(f"{_MARK}{title}\n{text}", flush=True)


def show(title: str, application: Any, spans: CapturedSpans, **scope: Any) -> None:
    """Play an exchange, and print the tree that it gave."""
    spans.clear()
    assert sent(application, **scope) == ECHOED
    section(title, spans)
