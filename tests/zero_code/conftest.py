"""The instrumentors, on for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from otel_ws.auto import Instrumentor
from otel_ws_channels.instrumentor import ChannelsInstrumentor
from otel_ws_starlette.instrumentor import StarletteInstrumentor


@contextmanager
def instrumented(instrumentor: Instrumentor, **settings: Any) -> Iterator[None]:
    """Have an instrumentor on, and off again, unless the block has seen to that."""
    instrumentor.instrument(**settings)
    try:
        yield
    finally:
        if instrumentor.is_on:
            instrumentor.uninstrument()


@pytest.fixture
def on_channels() -> Iterator[ChannelsInstrumentor]:
    with instrumented(instrumentor := ChannelsInstrumentor()):
        yield instrumentor


@pytest.fixture
def on_starlette() -> Iterator[StarletteInstrumentor]:
    with instrumented(instrumentor := StarletteInstrumentor()):
        yield instrumentor
