"""The handshake: its span, from the call of the application to acceptance or denial."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.context import Context, get_current
from opentelemetry.trace import INVALID_SPAN, Span, set_span_in_context

from . import _request
from . import _semconv as names
from ._causes import cause
from ._frame import Frame
from ._neighbours import cleaned, taken_over, tell_of_ddtrace
from ._propagation import Origin, handshake_origin
from ._session import current_session
from ._sides import SERVER
from ._turn import span_in
from ._types import Message

_FORBIDDEN = 403


class Handshake:
    """The span of a handshake: our own, or one that somebody outside of us has opened.

    A borrowed span is tagged, linked to and stepped out of, but never ended. One that is taken
    over is told and ended like our own.
    """

    def __init__(
        self,
        frame: Frame,
        find_route: Callable[[], str | None],
        outer: Span | None,
    ) -> None:
        scope, config, spans = frame.scope, frame.config, frame.spans
        origin = handshake_origin(scope, config) if frame.side is SERVER else Origin()
        self._find_route = find_route
        self.extracted = origin.context
        self._scope = scope
        self._spans = spans
        self._measures = frame.measures
        self._side = frame.side
        self._is_answered = False
        self._config = config
        self._is_own = outer is None or taken_over(outer, config)
        self._status: int | None = None
        if route := find_route():
            spans.route = route
        if outer is not None:
            self.base = get_current()
            self.span = outer
            outer.set_attribute(names.SESSION_ID, spans.session_id)
            if self._is_own:
                self._describe(outer)
        else:
            asked = (_grown_from(origin.context), origin.links)
            self.base, links = asked if frame.side is SERVER else cause(current_session())
            self.span = spans.start(
                spans.named(_request.method(scope)),
                frame.side.kind,
                self.base,
                links,
                _request.attributes(scope, config.query_allow, frame.side),
            )

    def accepted(self, message: Message) -> None:
        """End with the status of an accepted handshake."""
        self._route()
        if message.get("subprotocol"):
            self.span.set_attribute(names.SUBPROTOCOL, message["subprotocol"])
        self._end(_request.success_status(self._scope))

    def answered(self, message: Message) -> None:
        """End with the status of a denial, which the server makes or the application sends."""
        kind = message["type"]
        self._route()
        if kind == "websocket.close":
            self._end(_FORBIDDEN)
        elif kind == "websocket.http.response.start":
            self._status = message["status"]
        elif kind == "websocket.http.response.body" and not message.get("more_body"):
            self._end(self._status)

    def abandoned(self, error: BaseException | None) -> None:
        """End without an answer: the application has raised, or has returned, or the peer left.

        There is no status then: servers differ in what they answer.
        """
        self._route()
        self._end(self._status, error)

    def _describe(self, outer: Span) -> None:
        """Let a span that was taken over say what our own says, and no more of the query."""
        told = _request.attributes(self._scope, self._config.query_allow, self._side)
        query = str(told.get(names.URL_QUERY, ""))
        outer.set_attributes({**self._spans.common, **told, **cleaned(outer, query)})
        outer.update_name(self._spans.named(_request.method(self._scope)))

    def _route(self) -> None:
        """Name what is named after the route, which some routers know only by now."""
        if self._spans.route is None and (route := self._find_route()):
            self._spans.route = route
            if self._is_own:
                self.span.update_name(self._spans.named(_request.method(self._scope)))
                self.span.set_attribute(names.HTTP_ROUTE, route)

    def _end(self, status: int | None, error: BaseException | None = None) -> None:
        if self._is_answered:
            return
        self._is_answered = True
        broken = status is not None and status >= self._side.first_error_status
        failure = self._spans.failure(error) or (str(status) if broken else None)
        if self._is_own and status is not None:
            self.span.set_attribute(names.HTTP_RESPONSE_STATUS_CODE, status)
            if broken:
                self._spans.fail(self.span, str(status))
        if self._is_own:
            self._spans.end(self.span, error)
        self._measures.answered(self._spans.route, status, failure, self.span)
        tell_of_ddtrace(self._scope, self._config)


def ambient(other: Context) -> Context:
    """Return the current context if a span of somebody else's is in it, and `other` if not."""
    current = get_current()
    return current if span_in(current).get_span_context().is_valid else other


def _grown_from(extracted: Context) -> Context:
    """Return what is current without its span, and with what was extracted.

    A current span proves nothing here: servers leak spans of earlier requests on the same TCP
    connection, test clients leak the test's.
    """
    ambient = set_span_in_context(INVALID_SPAN, get_current())
    return Context({**ambient, **extracted})
