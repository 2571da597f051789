"""What every part of one connection works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ._carriers import Carriers, carriers_of
from ._close import Ending
from ._config import Config
from ._measures import Measures
from ._sides import Side
from ._spans import Spans, source
from ._streams import Streams
from ._types import Scope


@dataclass(frozen=True, slots=True)
class Frame:
    scope: Scope
    config: Config
    spans: Spans
    measures: Measures
    ending: Ending
    streams: Streams
    carriers: Carriers | None
    side: Side
    clock: Callable[[], int]
    """Returns nanoseconds since the epoch."""


def frame(
    scope: Scope,
    config: Config,
    session_id: str,
    expected: tuple[type[BaseException], ...],
    side: Side,
    clock: Callable[[], int],
) -> Frame:
    """Return the frame of a connection that begins now."""
    spans = Spans(source(config, side.scope_name), session_id, expected)
    measures, ending = Measures(scope, config, clock, side), Ending(side)
    streams = Streams(spans, measures, ending, config, clock)
    carriers = carriers_of(scope, config)
    return Frame(scope, config, spans, measures, ending, streams, carriers, side, clock)
