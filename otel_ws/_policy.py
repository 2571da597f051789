"""Which messages are worth a span: not heartbeats, not more than so many a second.

A message that is kept quiet runs under a span that is not recorded, so that nothing below it is.
If it fails, or takes long, it gets its span after all when it is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from opentelemetry.trace import NonRecordingSpan, SpanContext
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._config import Config
from ._log import run_hook
from ._types import Message, Scope

_NANO: Final = 1_000_000_000
_MAX_COST: Final = 1e30


class Policy:
    """The settings' policy, for the messages of one connection."""

    __slots__ = ("_cost", "_excluded", "_full", "_left", "_slow", "_then")

    def __init__(self, config: Config) -> None:
        self._excluded = config.excluded_messages
        self._slow = config.slow_message
        self._cost = int(min(_NANO / config.message_rate, _MAX_COST)) if config.message_rate else 0
        self._left = self._full = max(_NANO, self._cost)
        self._then: int | None = None

    def admits(
        self, scope: Scope, message: Message, attributes: Mapping[str, AttributeValue], now: int
    ) -> bool:
        """Tell whether a message that has come `now` is traced from its beginning."""
        return not self._excludes(scope, message, attributes) and self._is_within_rate(now)

    def keeps(self, seconds: float, *, failed: bool) -> bool:
        """Tell whether a message that was kept quiet is traced after all."""
        return failed or (self._slow is not None and seconds >= self._slow)

    def _excludes(
        self, scope: Scope, message: Message, attributes: Mapping[str, AttributeValue]
    ) -> bool:
        if callable(self._excluded):
            return bool(run_hook(self._excluded, scope, message))
        return attributes.get(names.MESSAGE_NAME) in self._excluded

    def _is_within_rate(self, now: int) -> bool:
        """Take from a bucket that time fills: it holds a second of it, or one message."""
        then, self._then = now if self._then is None else self._then, now
        self._left = min(self._full, self._left + max(0, now - then))
        if self._left < self._cost:
            return False
        self._left -= self._cost
        return True


def policy_of(config: Config) -> Policy | None:
    """Return the policy of the settings, if they have one."""
    is_wanted = config.excluded_messages or config.message_rate is not None
    return Policy(config) if is_wanted else None


def quiet_span() -> NonRecordingSpan:
    """Return a span that samplers take for the parent of what is not to be recorded."""
    trace_id, span_id = secrets.randbits(128) or 1, secrets.randbits(64) or 1
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False))
