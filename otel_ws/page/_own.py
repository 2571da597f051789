"""The page's own work, which shall make no traces: it would look at itself for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    attach,
    get_current,
    get_value,
)

_OWN: Final = "otel-ws-page"
_WITHOUT_INSTRUMENTATION: Final = {
    _OWN: True,
    _SUPPRESS_INSTRUMENTATION_KEY: True,
    "suppress_instrumentation": True,
}


@contextmanager
def own_work() -> Iterator[None]:
    """Run the page's work without instrumentation, and recognisably."""
    before = get_current()
    attach(Context({**before, **_WITHOUT_INSTRUMENTATION}))
    try:
        yield
    finally:
        attach(before)


def is_own_work() -> bool:
    """Tell whether the page is at work: what wraps its `send` may not know of suppression."""
    return get_value(_OWN) is True
