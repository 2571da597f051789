"""The examples of streams and hand-offs print what their pages show."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from testproject.servers import clean_environment

from .layers.celery_worker import why_no_celery
from .pages import PAGES, ROOT, blocks


def run(example: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"examples.{example}", *arguments]
    environment = clean_environment()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def shown(page: str, example: str) -> str:
    """Return what a page shows below the command."""
    command = f"$ python -m examples.{example}\n"
    (text,) = (b.text for b in blocks(PAGES[page].read_text()) if b.text.startswith(command))
    return text.removeprefix(command)


def without_numbers(text: str) -> str:
    return re.sub(r" *[-+]?\d+(?:\.\d+)?", " #", text)


def test_streamed_reply() -> None:
    """How much of a reply is out when its client leaves differs, but not the traces."""
    printed = run("streamed_reply")
    assert without_numbers(printed) == without_numbers(shown("docs/streams.md", "streamed_reply"))
    assert re.search(r"^complete +10 chunks", printed, re.M)


def test_stream_accuracy() -> None:
    """A busy machine is late, but by no order of magnitude."""
    printed = run("stream_accuracy", "1")
    expected = shown("docs/streams.md", "stream_accuracy")
    assert without_numbers(printed) == without_numbers(expected)
    figures = re.findall(r"(\d\.\d+)s +(\d\.\d+)s", printed)
    assert len(figures) == 14
    for script, measured in figures:
        assert float(script) / 10 < float(measured) < float(script) + 1


@pytest.mark.skipif(why_no_celery() != "", reason=why_no_celery())
def test_handed_off() -> None:
    assert run("handed_off") == shown("docs/handoffs.md", "handed_off")
