"""The example of the clients prints what their page shows."""

from __future__ import annotations

from .test_examples_streams import run, shown


def test_traced_client() -> None:
    assert run("traced_client").strip() == shown("docs/clients.md", "traced_client").strip()
