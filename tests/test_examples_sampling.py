"""The examples of sampling and of the processors print what their pages show."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from opentelemetry.sdk._logs import export

from .pages import PAGES, ROOT, blocks

ids_are_random = re.compile(r"^(SessionRatioSampler\(0\.1\) .*) (\d+)( +0) +(\d+)$", re.M)


def run(example: str, *arguments: str) -> str:
    command = [sys.executable, f"examples/{example}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def shown(page: str, example: str) -> str:
    """Return what a page shows below the command."""
    command = f"$ python examples/{example}\n"
    (text,) = (b.text for b in blocks(PAGES[page].read_text()) if b.text.startswith(command))
    return text.removeprefix(command)


def test_sampled_sessions() -> None:
    """Which sessions are kept by their id differs from run to run, but not that none is cut."""
    printed = run("sampled_sessions.py")
    about_200 = [int(whole) for _, whole, _, _ in ids_are_random.findall(printed)]
    assert len(about_200) == 2
    assert all(100 < whole < 300 for whole in about_200)
    expected = shown("docs/sampling.md", "sampled_sessions.py")
    assert _without_random(printed) == _without_random(expected)


def _without_random(printed: str) -> str:
    return ids_are_random.sub(r"\1\3", printed)


@pytest.mark.skipif(
    not hasattr(export, "InMemoryLogRecordExporter"), reason="needs a newer SDK for its logs"
)
def test_session_on_logs() -> None:
    expected = shown("docs/processors.md", "session_on_logs.py")
    assert run("session_on_logs.py") == expected
