"""What a trace context in a handshake becomes: by trust, by limits, by the edge."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.trace import get_current_span

from otel_ws import Session
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .playing import echo, play

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
PARENT = (b"traceparent", b"00-%032x-%016x-01" % (TRACE, SPAN))
BAGGAGE = (b"baggage", b"tenant=acme")
FOLLOWED = """
    GET <- remote
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""
LINKED = """
    GET -> remote
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""
ALONE = """
    GET
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""


class Application:
    """An echo that notes what it can see of the context that the handshake carried."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.tenant: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.session = scope["otel_ws"]
        self.tenant = baggage.get_baggage("tenant")
        await echo(scope, receive, send)


def carry(*headers: tuple[bytes, bytes], **settings: Any) -> Application:
    application = Application()
    play(TracingMiddleware(application, **settings), headers=headers)
    return application


def ask(scope: Any) -> Any:
    """Trust whom the application knows."""
    return dict(scope["headers"]).get(b"x-trust", b"ignore").decode()


@pytest.mark.parametrize(
    ("settings", "tree"),
    [
        ({}, FOLLOWED),
        ({"handshake_trust": "parent"}, FOLLOWED),
        ({"handshake_trust": "link"}, LINKED),
        ({"handshake_trust": "ignore"}, ALONE),
        ({"handshake_trust": ask}, ALONE),
        ({"edge": "public"}, LINKED),
        ({"edge": "public", "handshake_trust": lambda scope: "parent"}, LINKED),
        ({"edge": "public", "handshake_trust": "ignore"}, ALONE),
        ({"carriers": []}, ALONE),
    ],
    ids=repr,
)
def test_trust_says_what_a_context_becomes(settings: Any, tree: str, spans: CapturedSpans) -> None:
    application = carry(PARENT, BAGGAGE, **settings)
    assert spans == tree
    assert application.session is not None
    found = get_current_span(application.session.context).get_span_context()
    assert application.tenant == ("acme" if tree is FOLLOWED else None)
    assert found.is_valid is (tree is FOLLOWED)


@pytest.mark.parametrize(
    ("verdict", "tree"), [(b"parent", FOLLOWED), (b"link", LINKED), (b"ignore", ALONE)]
)
def test_a_function_judges_each_handshake(verdict: bytes, tree: str, spans: CapturedSpans) -> None:
    carry(PARENT, (b"x-trust", verdict), handshake_trust=ask)
    assert spans == tree


def test_a_link_says_that_it_is_remote(spans: CapturedSpans) -> None:
    carry(PARENT, handshake_trust="link")
    (link,) = spans[0].links
    assert (link.context.trace_id, link.context.span_id) == (TRACE, SPAN)
    assert link.attributes == {"websocket.link.type": "remote"}


def test_the_trace_of_a_trusted_client_goes_on(spans: CapturedSpans) -> None:
    carry(PARENT, model="connection")
    assert {span.context.trace_id for span in spans if span.context} == {TRACE}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"traceparent", b"")],
        [(b"traceparent", b"nonsense")],
        [(b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01")],
        [(b"traceparent", PARENT[1].upper().replace(b"00-", b"zz-", 1))],
        [(b"traceparent", b"\xff" * 55)],
        [(b"traceparent", b"01" + PARENT[1][2:] + b"-" + b"x" * 100)],
        [PARENT, PARENT],
        [PARENT, (b"tracestate", b"a=" + b"x" * 511)],
        [PARENT, (b"tracestate", b"a=" + b"x" * 300), (b"tracestate", b"b=" + b"x" * 300)],
        [(b"tracestate", b"a=1")],
        [BAGGAGE],
    ],
    ids=[
        "empty",
        "nonsense",
        "zeros",
        "unknown version",
        "not ASCII",
        "too long",
        "twice",
        "tracestate too long",
        "tracestates too long together",
        "tracestate alone",
        "baggage alone",
    ],
)
def test_a_context_that_is_malformed_or_oversized_is_dropped_whole(
    headers: Any, spans: CapturedSpans
) -> None:
    carry(*headers)
    assert spans == ALONE


def test_a_context_within_the_limits_is_taken_whole(spans: CapturedSpans) -> None:
    carry(PARENT, (b"tracestate", b"a=" + b"x" * 256), (b"tracestate", b"b=1"))
    parent = spans[0].parent
    assert spans == FOLLOWED
    assert parent is not None
    assert dict(parent.trace_state) == {"a": "x" * 256, "b": "1"}


def test_header_names_have_no_case(spans: CapturedSpans) -> None:
    carry((b"TraceParent", PARENT[1]))
    assert spans == FOLLOWED


def test_what_is_current_at_the_server_is_not_mixed_in(spans: CapturedSpans) -> None:
    with trace.get_tracer(__name__).start_as_current_span("the server's"):
        carry()
    assert spans.named("GET")[0].parent is None
