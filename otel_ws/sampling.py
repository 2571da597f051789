"""Samplers that keep a session whole: all of its traces, or none. Needs ``opentelemetry-sdk``.

    provider = TracerProvider(sampler=SessionRatioSampler(0.1))

In the model `session` every message is the root of a trace, and a sampler that decides by the
trace id keeps some messages of a connection and drops others. These decide once for a connection.
Both are also to be had by name, without code: OTEL_TRACES_SAMPLER=otel_ws_session_ratio or
otel_ws_handshake, with the ratio in OTEL_TRACES_SAMPLER_ARG.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import nan
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from . import _semconv as names
from ._cuts import cuts_sessions
from ._rules import ConfigError, shorten
from ._session import current_session, session_id

__all__ = ["HandshakeSampler", "SessionRatioSampler", "cuts_sessions"]


class HandshakeSampler(ParentBased):
    """Let a connection follow its handshake; `root` decides about that, and all other roots.

    A span with a parent follows it. A root that links to its handshake, or that is started in the
    Context of a connection, is kept if that handshake was. Raises ConfigError if `root` is no
    sampler.
    """

    def __init__(self, root: Sampler) -> None:
        if not isinstance(root, Sampler):
            raise ConfigError(
                f"root: expected a Sampler, got {shorten(repr(root), 200)}. "
                "Pass TraceIdRatioBased(0.1), for example."
            )
        super().__init__(_ByHandshake(root))
        self._description = f"HandshakeSampler{{root:{root.get_description()}}}"

    def get_description(self) -> str:
        """Return the name of this sampler, and what decides about other roots."""
        return self._description


class SessionRatioSampler(ParentBased):
    """Keep this share of the sessions, each of them whole, and of the other traces.

    A span with a parent follows it, and a connection its handshake, as with `HandshakeSampler`.
    Else the session's id decides, in every process alike; for a root that belongs to no session,
    its trace id. What is kept at one ratio is also kept at every greater one.
    Raises ConfigError if `ratio` is not a number from 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        checked = _checked(ratio, "ratio")
        super().__init__(_ByHandshake(_BySession(checked)))
        self._description = f"SessionRatioSampler{{{checked}}}"

    def get_description(self) -> str:
        """Return the name of this sampler and its ratio."""
        return self._description


class _ByHandshake(Sampler):
    """Decides about roots: as was decided about their handshake, else as another sampler does."""

    def __init__(self, other: Sampler) -> None:
        self._other = other

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        handshake = _linked(links) or _surrounding(parent_context, attributes)
        sampler = self._other
        if handshake is not None and handshake.is_valid:
            sampler = ALWAYS_ON if handshake.trace_flags.sampled else ALWAYS_OFF
        return sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"{type(self).__name__}{{{self._other.get_description()}}}"


class _BySession(Sampler):
    """Decides about roots by the id of their session, if they have one, else by their trace id."""

    def __init__(self, ratio: float) -> None:
        self._by_trace_id = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        session = (attributes or {}).get(names.SESSION_ID)
        if not isinstance(session, str):
            session = session_id(parent_context)
        sampler: Sampler = self._by_trace_id
        if session:
            sampler = ALWAYS_ON if _place(session) < self._by_trace_id.bound else ALWAYS_OFF
        return sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"{type(self).__name__}{{{self._by_trace_id.rate}}}"


def _linked(links: Sequence[Link] | None) -> SpanContext | None:
    """Return the handshake that a span links to."""
    for link in links or ():
        if (link.attributes or {}).get(names.LINK_TYPE) == names.LINK_HANDSHAKE:
            return link.context
    return None


def _surrounding(context: Context | None, attributes: Attributes) -> SpanContext | None:
    """Return the handshake of the connection that a span is started in, unless it is another's."""
    session = current_session()
    if session is None or session.id != session_id(context):
        return None
    own = (attributes or {}).get(names.SESSION_ID, session.id)
    return session.handshake if own == session.id else None


def _place(session: str) -> int:
    """Return a number below 2**64 for a session's id, the same everywhere and in every version."""
    digest = blake2b(session.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _checked(ratio: Any, name: str) -> float:
    """Return a ratio as a number, or raise ConfigError with `name` in front."""
    try:
        number = nan if isinstance(ratio, bool) else float(ratio)
    except (TypeError, ValueError, OverflowError):
        number = nan
    if 0 <= number <= 1:
        return number
    hint = f"Did you mean {number / 100:g}?" if 1 < number <= 100 else "0.1 keeps one in ten."
    got = shorten(repr(ratio), 200)
    raise ConfigError(f"{name}: expected a number from 0 to 1, got {got}. {hint}")


# What the entry points name: called with the text of OTEL_TRACES_SAMPLER_ARG, or None.


def _session_ratio(argument: str | None) -> Sampler:
    return SessionRatioSampler(_ratio_of(argument))


def _handshake(argument: str | None) -> Sampler:
    return HandshakeSampler(TraceIdRatioBased(_ratio_of(argument)))


def _ratio_of(argument: str | None) -> float:
    """Return the ratio that the environment names; as with the SDK's samplers it is 1 if unset."""
    return _checked(argument, "OTEL_TRACES_SAMPLER_ARG") if argument else 1.0
