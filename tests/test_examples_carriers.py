"""The example of contexts in messages prints what its page shows."""

from __future__ import annotations

from .test_examples_sampling import run, shown


def test_continued_messages() -> None:
    expected = shown("docs/message-carriers.md", "continued_messages.py")
    assert run("continued_messages.py") == expected
