"""Which messages are worth a span: not heartbeats, not more than so many a second.

A message that is kept quiet runs under a span that is not recorded, so that nothing below it is.
If it fails, or takes long, it gets its span after all when it is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from opentelemetry.trace import NonRecordingSpan, SpanContext
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._config import Config
from ._log import run_hook
from ._types import Message, Scope

_NANO = 1e9


class Policy:
    """The settings' policy, for the messages of one connection."""

    __slots__ = ("_burst", "_excluded", "_left", "_rate", "_slow", "_then")

    def __init__(self, config: Config) -> None:
        self._excluded = config.excluded_messages
        self._slow = config.slow_message
        self._rate = config.message_rate
        self._left = self._burst = max(1.0, config.message_rate or 0.0)
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
        """Take from a bucket that refills at the rate, and holds one second of it."""
        if self._rate is None:
            return True
        then, self._then = now if self._then is None else self._then, now
        self._left = min(self._burst, self._left + max(0, now - then) / _NANO * self._rate)
        if self._left < 1:
            return False
        self._left -= 1
        return True


def policy_of(config: Config) -> Policy | None:
    """Return the policy of the settings, if they have one."""
    is_wanted = config.excluded_messages or config.message_rate is not None
    return Policy(config) if is_wanted else None


def quiet_span() -> NonRecordingSpan:
    """Return a span that samplers take for the parent of what is not to be recorded."""
    trace_id, span_id = secrets.randbits(128) or 1, secrets.randbits(64) or 1
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False))
