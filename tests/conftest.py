"""What holds in every test: nothing of ours is logged unasked, and no context token is lost."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from opentelemetry.context import Context, attach

from otel_ws import _log
from otel_ws.testing import CapturedSpans, capture_spans
from testproject.redis_server import RedisServer, running_redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(autouse=True)
def _no_lost_token() -> Iterator[None]:
    """A token that is reset in another context is a bug, wherever it happens."""
    handler, logger = _Lines(), logging.getLogger("opentelemetry.context")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    assert handler.lines == []


@pytest.fixture(autouse=True)
def _nothing_is_current() -> None:
    """What a test without a loop has made current is over with it."""
    attach(Context())


@pytest.fixture(autouse=True)
def _our_lines(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Our log is silent, but in a test that asks for it."""
    handler, logger = _Lines(), logging.getLogger("otel_ws")
    _log._causes.clear()
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)
    if "our_log" not in request.fixturenames:
        assert handler.lines == []


@pytest.fixture
def our_log(_our_lines: list[str]) -> list[str]:
    """The messages that otel-ws has logged in this test."""
    return _our_lines


@pytest.fixture
def spans() -> Iterator[CapturedSpans]:
    """Every span that is started in this test."""
    with capture_spans() as captured:
        yield captured


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis, the same for all tests."""
    with running_redis() as server:
        yield server
