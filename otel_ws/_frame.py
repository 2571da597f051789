"""What every part of one connection works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ._config import Config
from ._measures import Measures
from ._spans import Spans
from ._types import Scope


@dataclass(frozen=True, slots=True)
class Frame:
    scope: Scope
    config: Config
    spans: Spans
    measures: Measures
    clock: Callable[[], int]
    """Returns nanoseconds since the epoch."""
