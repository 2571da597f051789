"""The formats of W3C, as strangers write them.

OpenTelemetry's propagators log a line for each thing that is wrong with a tracestate or a baggage,
and a stranger must not fill a log. So they are given only what they read without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .codecs._carrier import MAX_BAGGAGE, MAX_TRACESTATE

_MAX_STATES: Final = 32
_MAX_PAIRS: Final = 180
_MAX_PAIR: Final = 4096
_SPACE: Final = " \t"

_is_state = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
).fullmatch
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE: Final = r"[!#-+\--:<-\[\]-~]*"
_is_pair = re.compile(rf"{_TOKEN}={_VALUE}(?:;{_TOKEN}(?:={_VALUE})?)*").fullmatch

_trace_context: Final = TraceContextTextMapPropagator()
_baggage: Final = W3CBaggagePropagator()


def extract(carrier: Mapping[str, str], *, with_baggage: bool = False) -> Context:
    """Return the context that is in a carrier; an empty one if that has none."""
    cleaned = {name: CLEANING.get(name, str)(value) for name, value in carrier.items()}
    context = _trace_context.extract(cleaned, Context())
    return _baggage.extract(cleaned, context) if with_baggage and context else context


def span_context(context: Context) -> SpanContext:
    """Return who was active in a context; it is not valid where nobody was."""
    return get_current_span(context).get_span_context()


def tracestate(value: str) -> str:
    """Return a tracestate if all of it is right, and an empty one otherwise."""
    members = [each for member in value.split(",") if (each := member.strip(_SPACE))]
    keys = {member.partition("=")[0] for member in members}
    is_right = len(value) <= MAX_TRACESTATE and len(keys) == len(members) <= _MAX_STATES
    return ",".join(members) if is_right and all(map(_is_state, members)) else ""


def baggage(value: str) -> str:
    """Return those pairs of a baggage that are right; none of one that is too long."""
    if len(value) > MAX_BAGGAGE:
        return ""
    pairs = map(_tight, value.split(",")[:_MAX_PAIRS])
    return ",".join(pair for pair in pairs if len(pair) <= _MAX_PAIR and _is_pair(pair))


def _tight(pair: str) -> str:
    """Return a pair, and its properties, without the space that is allowed around the signs."""
    parts = (part.partition("=") for part in pair.split(";"))
    return ";".join(f"{k.strip(_SPACE)}{sign}{v.strip(_SPACE)}" for k, sign, v in parts)


CLEANING: Final[Mapping[str, Callable[[str], str]]] = {"tracestate": tracestate, "baggage": baggage}
"""What makes of a field that may be written wrongly what is right of it, by its name."""
