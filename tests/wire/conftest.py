"""The servers of the traced scenarios: one process for each server and model, all frameworks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.wire.servers import Server
from tests.wire.stage import Stage


@pytest.fixture(scope="session")
def stages() -> Iterator[Callable[[Server, str], Stage]]:
    """Start what is asked for, and keep it to the end, whatever the order of the tests."""
    with ExitStack() as stack:

        @cache
        def start(server: Server, model: str) -> Stage:
            return stack.enter_context(Stage.of(server, model))

        yield start


@pytest.fixture
def stage(stages: Callable[[Server, str], Stage], on: tuple[Server, str]) -> Iterator[Stage]:
    """A server with every framework in it, in one model: `on` says which."""
    stage = stages(*on)
    yield stage
    assert stage.process.complaints() == []
