"""The servers that the clients talk to; they have settled when the next test begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .server import Served, application, serving


@pytest.fixture(scope="session")
def _served() -> Iterator[Served]:
    with serving(application()) as found:
        yield found


@pytest.fixture(scope="session")
def _trusting() -> Iterator[Served]:
    settings: Any = {"message_codec": "json", "inject_sends": True, "message_trust": "parent"}
    with serving(application(**settings)) as found:
        yield found


@pytest.fixture
def served(_served: Served) -> Iterator[Served]:
    """The application, with the settings that it has by default."""
    yield _served
    assert _served.has_settled()


@pytest.fixture
def trusting(_trusting: Served) -> Iterator[Served]:
    """The application, which puts contexts into its messages, and trusts those that it gets."""
    yield _trusting
    assert _trusting.has_settled()
