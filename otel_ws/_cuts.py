"""Whether sampling cuts sessions apart: keeps some traces of a connection, and drops others.

Told by what a sampler says of itself, so that the SDK need not be imported, and no private part
of it is looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider, TracerProvider

from ._config import Config
from ._identity import Same
from ._log import report, shielded

# The SDK's samplers that decide by the trace id, and those that leave roots to another.
_WRAPPERS: Final = r"(?:AlwaysRecordSampler\{|ParentBased\{root:|ComposableParentThreshold\{root=)*"
_RATIO: Final = r"(?:Composable)?TraceI[dD]RatioBased\{(?:threshold=\w+, ratio=)?([^,}]+)\}"
_BY_TRACE_ID: Final = re.compile(_WRAPPERS + _RATIO)
_NAMES: Final = ("traceidratio", "parentbased_traceidratio")


def cuts_sessions(provider: TracerProvider | None = None) -> bool:
    """Tell whether `provider`, or the global one, cuts sessions apart in the model `session`.

    It does if its sampler decides about roots by their trace id, with a ratio between 0 and 1:
    every message is a root there. As long as no provider is set, OTEL_TRACES_SAMPLER is judged.
    """
    provider = provider or trace.get_tracer_provider()
    if isinstance(provider, ProxyTracerProvider):
        return _is_named(os.environ)
    return _is_used(provider)


def tell_if_cut(config: Config) -> None:
    """Say once in the log that sessions are cut apart, if the settings and the sampler do so."""
    if config.model == "session":
        _tell(Same(config.tracer_provider or trace.get_tracer_provider()))


@lru_cache(maxsize=8)
def _tell(provider: Same[TracerProvider]) -> None:
    if _is_used(provider.it):
        report(
            "the sampler decides about each message on its own, and sessions are cut apart; "
            "use one of otel_ws.sampling",
            period=float("inf"),
        )


def _is_used(provider: TracerProvider) -> bool:
    """Tell whether the sampler of `provider`, if it has one, decides by the trace id."""
    found = _BY_TRACE_ID.match(_description(provider) or "")
    return found is not None and _is_partial(found[1])


@shielded
def _description(provider: TracerProvider) -> str:
    sampler = getattr(provider, "sampler", None)
    return "" if sampler is None else str(sampler.get_description())


def _is_named(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment names a sampler that decides by the trace id."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    return name in _NAMES and _is_partial(environ.get("OTEL_TRACES_SAMPLER_ARG", ""))


def _is_partial(ratio: str) -> bool:
    """Tell whether a ratio keeps some and drops some; the SDK takes a wrong one for 1."""
    try:
        return 0 < float(ratio) < 1
    except ValueError:
        return False
