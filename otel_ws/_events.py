"""What is told of events, and decides the spans and measures of both of their ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanKind,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._causes import cause, spans_of
from ._config import Config
from ._event_measures import EventMeasures
from ._fanout import grow_from
from ._log import report, run_hook, shielded
from ._models import Trunk
from ._session import current_session, session_id
from ._spans import Spans, source
from ._streams import Parent
from ._turn import Turn
from .envelope import Envelope, envelope_of, new_id, seal

# What a consumer is told by its server, and by no layer.
_PROTOCOL: Final = frozenset(
    {
        *("http.request", "http.disconnect"),
        *("websocket.connect", "websocket.receive", "websocket.disconnect"),
    }
)
_MAX_TYPE: Final = 100


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication under way: what to hand to the layer in the event's place, and its span."""

    event: Any
    span: Span
    operation: str
    template: str | None
    started: float
    spans: Spans
    measures: EventMeasures


class Means(Protocol):
    """What the processing of an event is traced with: a connection's, or nobody's."""

    @property
    def config(self) -> Config: ...

    @property
    def spans(self) -> Spans: ...


@dataclass(frozen=True, slots=True)
class _Tools:
    config: Config
    spans: Spans
    measures: EventMeasures


class Events:
    """Traces the events of one messaging system.

    `system` is its name in ``messaging.system``, `config` returns the settings of this moment,
    and `expected` are the exceptions that the framework raises to steer.
    Like those of `Connection` its methods are shielded.
    """

    def __init__(
        self, system: str, config: Callable[[], Config], *expected: type[BaseException]
    ) -> None:
        self._system = system
        self._config = config
        self._expected = expected
        self._tools: _Tools | None = None
        self._type_attribute = names.EVENT_TYPE_BY_SYSTEM.get(system)

    @shielded
    def publishing(
        self, operation: str, destination: str, event: Mapping[str, Any]
    ) -> Publication | None:
        """Somebody sends an event; without a tracer that works it goes as it is."""
        tools, session, kind = self._now(), current_session(), _type(event)
        event_id = new_id()
        attributes = self._attributes(operation, names.OPERATION_SEND, event_id, kind, {})
        attributes[names.MESSAGING_DESTINATION_NAME] = destination
        answer: object = run_hook(tools.config.destination_template, destination)
        template = (answer or None) if isinstance(answer, str) else None
        if template:
            attributes[names.MESSAGING_DESTINATION_TEMPLATE] = template
        if (found := session_id()) is not None:
            attributes[names.SESSION_ID] = found
        name = f"{operation} {kind}" if kind else operation
        parent, links = cause(session)
        span: Span = INVALID_SPAN
        if session is None or session.is_traced or not session.handshake.trace_flags.sampled:
            span = tools.spans.start(name, SpanKind.PRODUCER, parent, links, attributes)
        context, now = span.get_span_context(), time.time()
        content = seal(event, context, event_id, now) if context.is_valid else event
        spans, started = spans_of(session) or tools.spans, time.monotonic()
        return Publication(content, span, operation, template, started, spans, tools.measures)

    @shielded
    def published(self, publication: Publication, error: BaseException | None = None) -> None:
        """The layer has taken the event, or has refused it with `error`."""
        of = publication
        of.measures.sent(of.operation, of.template, of.started, of.span, of.spans.failure(error))
        self._end(of.spans, of.span, error)

    @shielded
    def dispatching(self, event: Mapping[str, Any]) -> Turn | None:
        """An event is handed to its handler, on whatever connection this runs for, or on none."""
        session = current_session()
        if _type(event) in _PROTOCOL:
            if session is not None and session.connection is not None:
                session.connection.frame.measures.dispatched(event)
            return None
        tools = self._now()
        if session is not None and not session.is_traced:
            turn = Turn(INVALID_SPAN, time.time_ns())  # measured, and not entered
            tools.measures.consumed(envelope_of(event), turn)
            return turn
        connection, before = session.connection if session else None, get_current()
        trunk = connection.trunk if connection else None
        if connection is None or trunk is None:
            trunk = Trunk(INVALID_SPAN, set_span_in_context(INVALID_SPAN, before))
            return self.begin(event, tools, trunk, before)
        return self.begin(event, connection.frame, trunk, before)

    @shielded
    def dispatched(
        self, event: Mapping[str, Any], turn: Turn | None, error: BaseException | None = None
    ) -> None:
        """The handler is done, or has raised `error`; `turn` is what `dispatching` returned."""
        if turn is None:
            return
        turn.end_streams(error)
        turn.leave()
        spans = turn.spans or self._now().spans
        failure = spans.failure(error)
        self._end(spans, turn.span, error)
        if turn.measure is not None:
            turn.measure(turn.span, failure)

    @shielded
    def dropped(self, operation: str, count: int = 1, *, is_told: bool = False) -> None:
        """Events were lost on their way to a recipient; `is_told`: their sender hears of it."""
        self._now().measures.dropped(operation, count)
        if not is_told:
            report(f"a {self._system} recipient is too slow: events for it are dropped")

    def begin(self, event: Mapping[str, Any], means: Means, trunk: Trunk, before: Context) -> Turn:
        """Begin the processing of an event, which grows from `trunk`; `before` is current.

        It follows its sender in not being recorded: built-in samplers do not see links.
        """
        envelope, started = envelope_of(event), time.time_ns()
        unsampled = envelope is not None and not envelope.context.trace_flags.sampled
        if envelope is not None and unsampled and means.config.inherit_sampling:
            span: Span = NonRecordingSpan(envelope.context)
        else:
            parent = grow_from(envelope, event, trunk, means.config)
            span = self._start(event, envelope, means.spans, parent, started)
        turn = Turn(span, started)
        turn.spans = means.spans
        turn.enter(before)
        self._now().measures.consumed(envelope, turn)
        return turn

    def _start(
        self,
        event: Mapping[str, Any],
        envelope: Envelope | None,
        spans: Spans,
        parent: Parent,
        started: int,
    ) -> Span:
        context, links = parent
        kind, event_id = _type(event), envelope.id if envelope else None
        operation = names.OPERATION_PROCESS
        attributes = self._attributes(operation, operation, event_id, kind, spans.common)
        name = f"{operation} {kind}" if kind else operation
        return spans.begin(name, context, SpanKind.CONSUMER, attributes, links, started)

    def _now(self) -> _Tools:
        """Return the settings of this moment, and what traces and measures by them."""
        config = self._config()
        if self._tools is None or self._tools.config is not config:
            spans = Spans(source(config), expected=self._expected)
            self._tools = _Tools(config, spans, EventMeasures(self._system, config))
        return self._tools

    def _end(self, spans: Spans, span: Span, error: BaseException | None) -> None:
        spans.end(span, error)
        if self._tools is not None and spans is self._tools.spans:
            spans.forget_error()  # A connection's are told when it ends; these live for ever.

    def _attributes(
        self,
        operation: str,
        operation_type: str,
        event_id: str | None,
        kind: str,
        attributes: dict[str, AttributeValue],
    ) -> dict[str, AttributeValue]:
        """Return `attributes` with those that an operation has."""
        attributes[names.MESSAGING_SYSTEM] = self._system
        attributes[names.MESSAGING_OPERATION_NAME] = operation
        attributes[names.MESSAGING_OPERATION_TYPE] = operation_type
        if event_id:
            attributes[names.MESSAGING_MESSAGE_ID] = event_id
        if kind and self._type_attribute:
            attributes[self._type_attribute] = kind
        return attributes


def _type(event: Mapping[str, Any]) -> str:
    """Return the type of an event, as far as it is one that a span can be named after."""
    kind = event.get("type")
    return kind[:_MAX_TYPE] if isinstance(kind, str) else ""
