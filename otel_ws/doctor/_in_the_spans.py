"""Checks of what the application has exported: whether it did, and what is missing in it."""

from __future__ import annotations

from typing import Final

from .. import _semconv as names
from ._absence import why_an_export_failed, why_nothing_came
from ._evidence import Evidence
from ._findings import Finding, note, ok, wrong

_OLDEST_SDK: Final = (1, 30)
_SDK_LANGUAGE: Final = "telemetry.sdk.language"
_SDK_VERSION: Final = "telemetry.sdk.version"
_OUTERMOST: Final = (
    "Put TracingMiddleware around the application, outermost, where the server finds it: "
    "application = TracingMiddleware(application). manage.py check says so for Django."
)


def log(evidence: Evidence) -> Finding | None:
    """Look for what otel-ws has logged of its own failures, and of the user's functions."""
    if line := evidence.printed("; the application is unaffected"):
        return wrong(
            "log",
            "an otel-ws that works",
            line,
            "Its log has the traceback. OpenTelemetry's API and SDK are to be 1.30 or newer: "
            "pip install -U opentelemetry-sdk. If they are, please report it.",
        )
    if line := evidence.printed("; tracing goes on without it"):
        return note("log", line, "A function of yours has raised: the log has the traceback.")
    return None


def exported(evidence: Evidence) -> Finding | None:
    count = len(evidence.spans)
    if not count:
        return why_nothing_came(evidence)
    if not evidence.are_printed:
        return ok("exported", f"{count} spans came over OTLP")
    return why_an_export_failed(evidence) or note(
        "exported",
        f"{count} spans were printed by the application, and none came over OTLP",
        "What follows is read from what it prints, which names no scope. For a collector to get "
        "them, let it have an OTLPSpanExporter too.",
    )


def sdk(evidence: Evidence) -> Finding | None:
    of_python = (s.resource for s in evidence.spans if s.resource.get(_SDK_LANGUAGE) == "python")
    found = next((version for each in of_python if (version := each.get(_SDK_VERSION))), None)
    number = tuple(int(part) for part in str(found or "").split(".")[:2] if part.isdecimal())
    if not number or number >= _OLDEST_SDK:
        return None
    return wrong(
        "sdk",
        "opentelemetry-sdk 1.30 or newer",
        f"{found}",
        "Install a newer one: pip install -U opentelemetry-sdk.",
    )


def middleware(evidence: Evidence) -> Finding | None:
    expected, advice = "a TracingMiddleware around the application", _OUTERMOST
    if evidence.printed("but no TracingMiddleware is around"):
        came = "a handler that is traced, from where it stands, and no middleware"
        return wrong("middleware", expected, came, advice)
    handshake = evidence.handshake()
    if handshake is not None:
        return ok("middleware", f"the handshake has a span: {handshake.name}")
    if evidence.elsewhere is not None and evidence.handshake(evidence.elsewhere) is not None:
        return wrong(
            "middleware",
            "a span of the handshake, with a session id",
            "none, though that of another path has one",
            "This path is excluded: by excluded_routes, or by volume. "
            "Without either, this handshake was refused before the middleware was reached.",
        )
    if not evidence.visit.is_accepted:
        advice = f"What refused this handshake stands outside of the middleware. {advice}"
    return wrong("middleware", expected, "no span of the handshake by otel_ws", advice)


def context(evidence: Evidence) -> Finding | None:
    visit, handshake = evidence.visit, evidence.handshake()
    if handshake is None:
        return None
    if handshake.trace_id == visit.trace_id:
        return ok("context", "the trace of the handshake goes on")
    if any(link.trace_id == visit.trace_id for link in handshake.links):
        return ok("context", "the trace of the handshake is linked to, as settings want it")
    return note(
        "context",
        "the traceparent of the handshake is ignored",
        "If that is not meant: handshake_trust is 'ignore', carriers is without 'headers', "
        "OTEL_PROPAGATORS is without 'tracecontext', or a proxy has taken the header out.",
    )


def session(evidence: Evidence) -> Finding | None:
    found = evidence.of_session()
    count = sum(1 for span in evidence.connected() if span.scope == names.SCOPE_NAME)
    with_id = sum(1 for span in found if span.scope == names.SCOPE_NAME)
    if count == 0:
        return None  # What was printed names no scope.
    if with_id == count:
        return ok("session", f"its id is on all {with_id} spans of otel_ws")
    return note(
        "session",
        f"{count - with_id} of {count} spans of otel_ws are of another session",
        "They are of other connections that this one's messages have reached.",
    )


def handshake(evidence: Evidence) -> Finding | None:
    servers = evidence.servers()
    if len(servers) == 1:
        if servers[0].scope in (names.SCOPE_NAME, ""):
            return ok("handshake", "the handshake has one span")
        return note(
            "handshake",
            f"its span was opened by {servers[0].scope}",
            "Put TracingMiddleware around the application, in place of add_middleware, for one of "
            "otel_ws, which ends at acceptance.",
        )
    others = sorted({span.scope or "unknown" for span in servers} - {names.SCOPE_NAME})
    return wrong(
        "handshake",
        "one span for the handshake",
        f"{len(servers)}, by {', '.join([names.SCOPE_NAME, *others])}",
        "Another instrumentation traces WebSockets too: exclude the path there, for ASGI's with "
        "excluded_urls or OTEL_PYTHON_EXCLUDED_URLS, or take it out.",
    )


def route(evidence: Evidence) -> Finding | None:
    handshake = evidence.handshake()
    if handshake is None or not evidence.visit.is_accepted:
        return None
    found = handshake.attributes.get(names.HTTP_ROUTE)
    if found is not None:
        return ok("route", f"{found}")
    return note(
        "route",
        "the route is not known",
        "otel_ws.asgi knows none: take the TracingMiddleware of your framework's adapter, or say "
        "find_route.",
    )


def messages(evidence: Evidence) -> Finding | None:
    sent, visit = evidence.visit.sent, evidence.visit
    if not sent or not visit.is_accepted:
        return None
    found = len(evidence.of_session(names.SPAN_RECEIVE))
    if found >= sent:
        return ok("messages", f"{found} of {sent} have a span")
    close = evidence.of_session(names.SPAN_CLOSE)
    count = close[0].attributes.get(names.RECEIVED_COUNT) if close else None
    expected = f"{names.SPAN_RECEIVE} for each message that was sent: {sent}"
    if found == 0 and count:
        return wrong(
            "messages",
            expected,
            "none, though the messages were counted",
            "On Channels the consumer lacks the mixin: class Chat(TracedConsumerMixin, ...), named "
            "first; manage.py check names it (W003). Elsewhere volume, excluded_messages or "
            "message_rate leave them out.",
        )
    return wrong(
        "messages",
        expected,
        f"{found}",
        "The application may have ended before it read them, message_rate limits them, or a "
        "sampler decides about each: see OTEL_TRACES_SAMPLER=otel_ws_session_ratio.",
    )


def close(evidence: Evidence) -> Finding | None:
    found = evidence.of_session(names.SPAN_CLOSE)
    if not evidence.visit.is_accepted:
        return None
    if len(found) == 1:
        return ok("close", f"one span, {found[0].attributes.get(names.CLOSE_STATUS)}")
    if found:
        return wrong("close", "one websocket.close", f"{len(found)}", "Please report this.")
    return wrong(
        "close",
        "one websocket.close",
        "none",
        "The application may still be at work, and ends it later: look again with --patience. "
        "Or a sampler decides about each: see OTEL_TRACES_SAMPLER=otel_ws_session_ratio.",
    )


def whole(evidence: Evidence) -> Finding | None:
    """Look for parents that were never exported."""
    found = evidence.connected()
    known = {span.span_id for span in found} | {evidence.visit.span_id}
    lost = [s for s in found if s.parent_id is not None and s.parent_id not in known]
    if not lost:
        return None
    return note(
        "whole",
        f"the parent of {lost[0].name} has not come"
        + (f", nor {len(lost) - 1} more" * (len(lost) > 1)),
        "It has not ended yet, or is exported elsewhere, or was dropped.",
    )


def outermost(evidence: Evidence) -> Finding | None:
    elsewhere = evidence.elsewhere
    if elsewhere is None or elsewhere.status is None or elsewhere.is_accepted:
        return None
    if evidence.handshake(elsewhere) is not None:
        return ok("outermost", f"a path that there is not is seen too: {elsewhere.status}")
    return wrong(
        "outermost",
        "a span of a handshake that is refused",
        f"none for a path that there is not, which was answered with {elsewhere.status}",
        "The middleware is too deep: refusals outside of it are not seen. Put it around "
        "everything: application = TracingMiddleware(ProtocolTypeRouter({...})).",
    )
