"""Starting and ending the spans of one connection; what they share is computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
)
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._config import Config
from ._identity import Same
from ._log import report, shielded
from ._version import __version__

if TYPE_CHECKING:
    from ._lean import LeanTracer

PROVEN: Final = ("1.45.",)
"""The versions of the SDK whose own tests of spans have passed with lean ones."""
_NO_ATTRIBUTES: Final[Mapping[str, AttributeValue]] = {}


@dataclass(frozen=True, slots=True)
class Source:
    """What spans come from."""

    begin: Callable[
        [str, Context, SpanKind, Mapping[str, AttributeValue], Sequence[Link], int | None], Span
    ]
    """Starts one, as `Tracer.start_span` does."""
    drops_on: bool
    """The sampler is known to drop what grows from a local span that it has dropped."""


@lru_cache(maxsize=8)
def _source(provider: Same[TracerProvider], scope_name: str, is_lean: bool) -> Source:
    tracer = _tracer(provider.it, scope_name, is_lean)
    return Source(tracer.start_span, getattr(tracer, "drops_on", False))


def _tracer(provider: TracerProvider, scope_name: str, is_lean: bool) -> Tracer | LeanTracer:
    tracer = provider.get_tracer(
        scope_name,
        __version__,
        names.SCHEMA_URL,
        {names.NETWORK_PROTOCOL_NAME: "websocket"},
    )
    if not is_lean or type(tracer).__module__ != "opentelemetry.sdk.trace":
        return tracer
    return _lean(tracer) or tracer


@shielded
def _lean(tracer: Tracer) -> LeanTracer | None:
    """Return what stands for a tracer of the SDK, if that is of a version this is proven with."""
    from opentelemetry.sdk import version  # The tracer comes from it.

    if not version.__version__.startswith(PROVEN):
        return None
    from ._lean import lean  # It knows that version by heart.

    return lean(tracer)


def source(config: Config, scope_name: str = names.SCOPE_NAME) -> Source:
    """Return what our spans come from: the settings' provider, else the global one of now."""
    provider = config.tracer_provider or trace.get_tracer_provider()
    return _source(Same(provider), scope_name, config.lean_spans)


@lru_cache(maxsize=1024)
def _named(name: str, route: str) -> str:
    """Return one text for all connections of a route."""
    return f"{name} {route}"


def error_type(error: BaseException) -> str:
    """Return the name of an exception's class as the conventions want it in ``error.type``."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


class Spans:
    """Starts and ends spans that belong to a session, if to any; its route may be known later.

    `expected` are the exceptions that a framework raises to steer.
    """

    __slots__ = ("_expected", "_forgiven", "_recorded", "begin", "drops_on", "route", "session_id")

    def __init__(
        self,
        source: Source,
        session_id: str = "",
        expected: tuple[type[BaseException], ...] = (),
    ) -> None:
        self.begin, self.drops_on = source.begin, source.drops_on
        self.session_id = session_id
        self.route: str | None = None
        self._expected = expected
        self._recorded: BaseException | None = None
        self._forgiven: BaseException | None = None

    @property
    def common(self) -> dict[str, AttributeValue]:
        """Return the attributes that all of them have, as far as they are known by now."""
        found: dict[str, AttributeValue] = {}
        if self.session_id:
            found[names.SESSION_ID] = self.session_id
        if self.route:
            found[names.HTTP_ROUTE] = self.route
        return found

    def expect(self, *errors: type[BaseException]) -> None:
        """Take these exceptions as steering, not as failures."""
        self._expected += errors

    def named(self, name: str) -> str:
        return name if self.route is None else _named(name, self.route)

    def start(
        self,
        name: str,
        kind: SpanKind,
        context: Context,
        links: Sequence[Link] = (),
        attributes: Mapping[str, AttributeValue] = _NO_ATTRIBUTES,
        start_time: int | None = None,
    ) -> Span:
        return self.begin(name, context, kind, {**self.common, **attributes}, links, start_time)

    def may_keep(self, cause: SpanContext, inherits: bool) -> bool:
        """Tell whether something can come of what grows from `cause`: else it need not be made."""
        is_dropped = inherits or (self.drops_on and not cause.is_remote)
        return cause.trace_flags.sampled or not is_dropped

    def end(
        self, span: Span, error: BaseException | None = None, end_time: int | None = None
    ) -> None:
        """End `span`; an unhandled exception makes it an error, and is recorded on one span."""
        if error is not None and self.is_failure(error):
            shielded(self._describe)(span, error)
        try:
            span.end(end_time)
        except Exception as failure:  # A processor's; what is left to be done here is ours.
            report("a span could not be ended as its processors want", failure)

    def _describe(self, span: Span, error: BaseException) -> None:
        """Say what failed, as far as the exception lets itself be described."""
        self.fail(span, error_type(error))
        if self._recorded is not error:
            self._recorded = error
            span.record_exception(error)
        self.fail(span, error_type(error), str(error))

    def fail(self, span: Span, error: str, description: str | None = None) -> None:
        span.set_attribute(names.ERROR_TYPE, error)
        span.set_status(Status(StatusCode.ERROR, description or None))

    def forgive(self, error: BaseException) -> None:
        """Let this very exception be no failure, wherever it goes from here."""
        self._forgiven = error

    def forget_error(self) -> None:
        """Release the exceptions that are remembered: they hold the frames they passed."""
        self._recorded = self._forgiven = None

    def failure(self, error: BaseException | None) -> str | None:
        """Return the ``error.type`` of an exception, if it means that something broke."""
        return None if error is None or not self.is_failure(error) else error_type(error)

    def is_failure(self, error: BaseException) -> bool:
        """Tell whether an exception means that something broke.

        A cancellation does not, nor does what a framework raises to steer.
        """
        if isinstance(error, BaseExceptionGroup):
            return any(map(self.is_failure, error.exceptions))
        if error is self._forgiven:
            return False
        return isinstance(error, Exception) and not isinstance(error, self._expected)
