"""Events: what applications send through a channel layer or a fan-out, traced at both ends.

Like `Connection` it is told what happens, and its methods are shielded.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    attach,
    get_current,
)
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanKind, set_span_in_context
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._config import Config
from ._event_measures import EventMeasures
from ._fanout import Ground, grow_from
from ._log import report, run_hook, shielded
from ._models import Trunk
from ._session import current_session
from ._spans import Spans, tracer
from ._turn import Turn
from .envelope import Envelope, envelope_of, new_id, seal

__all__ = ["Events", "Handling", "Publication", "publish", "unobserved"]

_R = TypeVar("_R")

# Both keys that instrumentations look at.
_UNOBSERVED: Final = Context(
    {_SUPPRESS_INSTRUMENTATION_KEY: True, "suppress_instrumentation": True}
)

# What a consumer is told by its server, and by no layer.
_PROTOCOL: Final = frozenset(
    {
        *("http.request", "http.disconnect"),
        *("websocket.connect", "websocket.receive", "websocket.disconnect"),
    }
)


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication under way: what to hand to the layer in the event's place, and its span."""

    event: Any
    span: Span
    operation: str
    template: str | None
    started: float


async def publish(
    events: Events,
    operation: str,
    call: Callable[[str, dict[str, Any]], Awaitable[_R]],
    destination: str,
    event: dict[str, Any],
) -> _R:
    """Call `call` to send `event`, in a span that travels with it."""
    publication = events.publishing(operation, destination, event)
    if publication is None:
        return await call(destination, event)
    before = get_current()
    attach(set_span_in_context(publication.span, before))
    try:
        result = await call(destination, publication.event)
    except BaseException as error:
        attach(before)
        events.published(publication, error)
        raise
    attach(before)
    events.published(publication)
    return result


class Handling:
    """The processing of one event after another, each ended by the wish for the next."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._turn: Turn | None = None

    def begin(self, event: Mapping[str, Any]) -> None:
        self._turn = self._events.dispatching(event)

    def end(self, error: BaseException | None = None) -> None:
        turn, self._turn = self._turn, None
        self._events.dispatched({}, turn, error)


@contextmanager
def unobserved() -> Iterator[None]:
    """Run what polls for ever in a context that belongs to nobody, without instrumentation."""
    before = get_current()
    attach(_UNOBSERVED)
    try:
        yield
    finally:
        attach(before)


class Events:
    """Traces the events of one messaging system.

    `system` is its name in ``messaging.system``, `config` returns the settings of this moment,
    and `expected` are the exceptions that the framework raises to steer.
    """

    def __init__(
        self, system: str, config: Callable[[], Config], *expected: type[BaseException]
    ) -> None:
        self._system = system
        self._config = config
        self._expected = expected
        self._tools: tuple[Config, Spans, EventMeasures] | None = None
        self._type_attribute = names.EVENT_TYPE_BY_SYSTEM.get(system)

    @shielded
    def publishing(
        self, operation: str, destination: str, event: Mapping[str, Any]
    ) -> Publication | None:
        """Somebody sends an event; without a tracer that works it goes as it is."""
        config, spans, _ = self._now()
        event_id, kind = new_id(), str(event.get("type", ""))
        attributes = self._attributes(operation, names.OPERATION_SEND, event_id, kind)
        attributes[names.MESSAGING_DESTINATION_NAME] = destination
        template = run_hook(config.destination_template, destination)
        if template:
            attributes[names.MESSAGING_DESTINATION_TEMPLATE] = template
        if session := current_session():
            attributes[names.SESSION_ID] = session.id
        name = f"{operation} {kind}".rstrip()
        span = spans.start(name, SpanKind.PRODUCER, get_current(), (), attributes)
        context = span.get_span_context()
        is_traced = context.is_valid
        content = seal(event, context, event_id, time.time()) if is_traced else event
        return Publication(content, span, operation, template, time.monotonic())

    @shielded
    def published(self, publication: Publication, error: BaseException | None = None) -> None:
        """The layer has taken the event, or has refused it with `error`."""
        _, spans, measures = self._now()
        failure = spans.failure(error)
        measures.sent(
            publication.operation,
            publication.template,
            publication.started,
            publication.span,
            failure,
        )
        self._end(publication.span, error)

    @shielded
    def dispatching(self, event: Mapping[str, Any]) -> Turn | None:
        """An event is handed to its handler, on whatever connection this runs for, or on none."""
        if event.get("type") in _PROTOCOL:
            return None
        session = current_session()
        if session is None or session.connection is None:
            config, spans, _ = self._now()
            trunk = Trunk(INVALID_SPAN, set_span_in_context(INVALID_SPAN, get_current()))
            return self.begin(event, Ground(spans, trunk, config))
        ground = session.connection.ground
        if ground is not None:
            return self.begin(event, ground)
        self._now()[2].consumed(envelope_of(event), None)
        return None

    @shielded
    def dispatched(
        self, event: Mapping[str, Any], turn: Turn | None, error: BaseException | None = None
    ) -> None:
        """The handler is done, or has raised `error`; `turn` is what `dispatching` returned."""
        if turn is not None:
            turn.leave()
            self._end(turn.span, error)
            if turn.measure is not None:
                turn.measure(self._now()[1].failure(error))

    @shielded
    def dropped(self, operation: str, count: int = 1) -> None:
        """Events were lost on their way to a recipient, and their sender does not hear of it."""
        self._now()[2].dropped(operation, count)
        report(f"a {self._system} recipient is too slow: events for it are dropped")

    def begin(self, event: Mapping[str, Any], ground: Ground) -> Turn:
        """Begin the processing of an event.

        It follows its sender in not being recorded: built-in samplers do not see links.
        """
        envelope = envelope_of(event)
        unsampled = envelope is not None and not envelope.context.trace_flags.sampled
        if envelope is not None and unsampled and ground.config.inherit_sampling:
            turn = Turn(NonRecordingSpan(envelope.context), 0)
        else:
            turn = Turn(self._start(event, envelope, ground), 0)
        turn.enter(get_current())
        self._now()[2].consumed(envelope, turn)
        return turn

    def _start(self, event: Mapping[str, Any], envelope: Envelope | None, ground: Ground) -> Span:
        context, links = grow_from(envelope, event, ground)
        kind, event_id = str(event.get("type", "")), envelope.id if envelope else None
        operation = names.OPERATION_PROCESS
        attributes = self._attributes(operation, operation, event_id, kind)
        name = f"{operation} {kind}".rstrip()
        return ground.spans.start(name, SpanKind.CONSUMER, context, links, attributes)

    def _now(self) -> tuple[Config, Spans, EventMeasures]:
        """Return the settings of this moment, and what traces and measures by them."""
        config = self._config()
        if self._tools is None or self._tools[0] is not config:
            spans = Spans(tracer(config.tracer_provider), {}, self._expected)
            self._tools = config, spans, EventMeasures(self._system, config)
        return self._tools

    def _end(self, span: Span, error: BaseException | None) -> None:
        _, spans, _ = self._now()
        spans.end(span, error)
        spans.forget_error()

    def _attributes(
        self, operation: str, operation_type: str, event_id: str | None, kind: str
    ) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            names.MESSAGING_SYSTEM: self._system,
            names.MESSAGING_OPERATION_NAME: operation,
            names.MESSAGING_OPERATION_TYPE: operation_type,
        }
        if event_id:
            attributes[names.MESSAGING_MESSAGE_ID] = event_id
        if kind and self._type_attribute:
            attributes[self._type_attribute] = kind
        return attributes
