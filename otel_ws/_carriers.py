"""The contexts in the messages of one connection, in both directions."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from . import _semconv as names
from ._config import Config
from ._log import report
from ._propagation import traceparent, trust_level
from ._settings import TrustLevel
from ._turn import current_turn
from ._types import Message, Scope
from .codecs import Codec, Data, Found, accepted

_w3c: Final = TraceContextTextMapPropagator()
_baggage: Final = W3CBaggagePropagator()


class Carried(dict[str, Any]):
    """A message in which a context was found, as the application gets it."""

    __slots__ = ("found", "parsed")

    def __init__(self, message: Message, found: Found) -> None:
        super().__init__(message)
        self.found = found
        self.parsed = found.parsed


class Sender:
    """Who has sent a message: to grow from, where that is trusted, and to link to."""

    __slots__ = ("context", "link")

    def __init__(self, remote: SpanContext, context: Context | None) -> None:
        self.context = context
        self.link = Link(remote, {names.LINK_TYPE: names.LINK_MESSAGE})


class Carriers:
    """Reads and writes contexts with `codec`, by the settings."""

    def __init__(self, codec: Codec, scope: Scope, config: Config) -> None:
        self._codec = codec
        self._scope = scope
        self._config = config
        self.strips = config.strip_carriers
        self.writes = config.inject_sends
        self.raised: TrustLevel | None = None
        """How far the application trusts this peer, once it knows who that is."""

    def read(self, message: Message) -> Message:
        """Return a message as the application is to get it, and as `sender` needs it."""
        key, data = _content(message)
        try:
            found = self._codec.read(data) if data else None
            if found is None:
                return message
            carried = Carried(message, found)
            if self.strips and found.strip is not None:
                carried[key] = found.strip()
                carried.parsed = None if found.bare is None else found.bare()
        except Exception as error:  # A codec may be the user's.
            report("the codec could not read a message; it is handed on as it is", error)
            return message
        return carried

    def sender(self, message: Message) -> Sender | None:
        """Return who has sent a message that was read, as far as that is trusted."""
        if not isinstance(message, Carried):
            return None
        level = self.raised or trust_level(self._config.message_trust, self._scope, self._config)
        carrier = accepted(message.found.carrier) if level != "ignore" else None
        if not carrier:
            return None
        context = _w3c.extract(carrier, Context())
        remote = get_current_span(context).get_span_context()
        if not remote.is_valid:
            return None
        is_trusted = level == "parent"
        return Sender(remote, _baggage.extract(carrier, context) if is_trusted else None)

    def write(self, message: Message, context: SpanContext) -> Message:
        """Return a message with a context in it, or as it is where there is no place for one."""
        key, data = _content(message)
        if not data or not context.is_valid:
            return message
        carrier = {"traceparent": traceparent(context)}
        try:
            written = self._codec.write(data, carrier)
        except Exception as error:
            report("the codec could not write into a message; it is sent as it is", error)
            return message
        return message if written is data else {**message, key: written}


def carriers_of(scope: Scope, config: Config) -> Carriers | None:
    """Return what reads and writes the messages of a connection, if anything does."""
    codec = config.message_codec
    # Its name is its codec by now.
    return None if codec is None or isinstance(codec, str) else Carriers(codec, scope, config)


def found_in(data: Data) -> Carried | None:
    """Return the message that the running code handles, if `data` is what was parsed of it."""
    turn = current_turn()
    carried = None if turn is None else turn.carried
    if carried is None or carried.parsed is None or _content(carried)[1] is not data:
        return None
    return carried


def _content(message: Message) -> tuple[str, Data]:
    """Return the content of a message, and its key; servers send one key, or both."""
    text = message.get("text")
    return ("bytes", message.get("bytes") or b"") if text is None else ("text", text)
