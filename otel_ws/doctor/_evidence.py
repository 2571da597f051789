"""What the doctor knows of a connection, from the outside and from the application's spans."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import _semconv as names
from .._records import SpanRecord
from .._version import __version__

_USER_AGENT: Final = f"otel-ws-doctor/{__version__}"


@dataclass(slots=True)
class Visit:
    """One attempt at a connection: what was asked for, and what came of it."""

    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    origin: str | None = None
    subprotocols: tuple[str, ...] = ()
    sent: int = 0
    received: int = 0
    status: int | None = None
    """Of the answer to the handshake; None if there was none in HTTP."""
    location: str = ""
    subprotocol: str | None = None
    close_code: int | None = None
    close_reason: str = ""
    trouble: str = ""
    """What went wrong, in a word: refused, unknown, timeout, certificate, tls, not_http, lost."""
    says: str = ""
    """The words of the exception that was raised."""

    @property
    def user_agent(self) -> str:
        """What the visitor calls itself, which is its own for every visit."""
        return f"{_USER_AGENT} {self.span_id}"

    @property
    def is_accepted(self) -> bool:
        return self.status == 101


@dataclass(slots=True)
class Evidence:
    """All that is known when the doctor makes up its mind."""

    url: str
    visit: Visit
    with_origin: Visit | None = None
    """The same with an ``Origin``, where without one it was refused."""
    elsewhere: Visit | None = None
    """A visit to a path that there is not."""
    received: Sequence[SpanRecord] | None = None
    """The spans that have come; None if nobody listened for them."""
    are_printed: bool = False
    """None came over OTLP: these are what the application has printed."""
    has_metrics: bool = False
    """Metrics of otel-ws have come."""
    is_grpc: bool = False
    """Somebody spoke gRPC to the receiver, which understands HTTP alone."""
    refused_exports: Sequence[str] = ()
    """Why exports were not understood."""
    output: str | None = None
    """What the application has printed, if the doctor has started it."""
    last_words: str = ""
    """What it had printed when the visit was over, and before anything else was tried."""
    exit_status: int | None = None
    """How it has ended, if it ended before its time."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the application was started with, as far as it is OpenTelemetry's."""

    @property
    def spans(self) -> Sequence[SpanRecord]:
        return self.received or ()

    def handshake(self, visit: Visit | None = None) -> SpanRecord | None:
        """Return the span of a visit's handshake, by whoever made it, that has a session."""
        visit = visit or self.visit
        servers = [
            span
            for span in self.spans
            if span.kind == "SERVER" and names.SESSION_ID in span.attributes
        ]
        by_trace = (span for span in servers if _leads_to(span, visit))
        return next(by_trace, next((s for s in servers if _is_of(s, visit)), None))

    def servers(self) -> list[SpanRecord]:
        """Return every span that stands for the handshake."""
        session = self.session()
        return [
            span
            for span in self.spans
            if span.kind == "SERVER"
            and (
                _leads_to(span, self.visit)
                or (session and span.attributes.get(names.SESSION_ID) == session)
            )
        ]

    def session(self) -> str | None:
        """Return the id of the session that the visit was."""
        handshake = self.handshake()
        return None if handshake is None else str(handshake.attributes[names.SESSION_ID])

    def of_session(self, prefix: str = "") -> list[SpanRecord]:
        """Return the spans of the session whose names begin with `prefix`."""
        session = self.session()
        if session is None:
            return []
        return [
            span
            for span in self.spans
            if span.attributes.get(names.SESSION_ID) == session and span.name.startswith(prefix)
        ]

    def connected(self) -> list[SpanRecord]:
        """Return the spans of the session, and those of the application in its traces."""
        traces = {self.visit.trace_id, *(span.trace_id for span in self.of_session())}
        found = (span for span in self.spans if span.trace_id in traces)
        return sorted(found, key=lambda span: span.started)

    def names_our_trace(self) -> bool:
        """Tell whether the application has printed the id of our trace."""
        return self.visit.trace_id in (self.output or "")

    def printed(self, *phrases: str) -> str | None:
        """Return the first line of the application's output that holds one of `phrases`."""
        lines = (self.output or "").splitlines()
        return next((line.strip() for line in lines if any(p in line for p in phrases)), None)


def _leads_to(span: SpanRecord, visit: Visit) -> bool:
    """Tell whether a span continues the visit's context, or links to it."""
    return span.trace_id == visit.trace_id or any(
        link.trace_id == visit.trace_id for link in span.links
    )


def _is_of(span: SpanRecord, visit: Visit) -> bool:
    """Tell by what we have called ourselves whose a span is, if the context has not arrived."""
    return span.attributes.get(names.USER_AGENT_ORIGINAL) == visit.user_agent
