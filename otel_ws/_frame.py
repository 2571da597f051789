"""What every part of one connection works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import _semconv as names
from ._close import Ending
from ._config import Config
from ._measures import Measures
from ._spans import Spans, tracer
from ._streams import Streams
from ._types import Scope


@dataclass(frozen=True, slots=True)
class Frame:
    scope: Scope
    config: Config
    session_id: str
    spans: Spans
    measures: Measures
    ending: Ending
    streams: Streams
    clock: Callable[[], int]
    """Returns nanoseconds since the epoch."""


def frame(
    scope: Scope,
    config: Config,
    session_id: str,
    expected: tuple[type[BaseException], ...],
    clock: Callable[[], int],
) -> Frame:
    """Return the frame of a connection that begins now."""
    spans = Spans(tracer(config.tracer_provider), {names.SESSION_ID: session_id}, expected)
    measures, ending = Measures(scope, config, clock), Ending()
    streams = Streams(spans, measures, ending, clock)
    return Frame(scope, config, session_id, spans, measures, ending, streams, clock)
