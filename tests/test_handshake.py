"""What a handshake tells: its attributes, its answer, and the session it opens."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from otel_ws import Hooks
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans, capture_spans

from .playing import ACCEPT, CONNECT, Told, echo, play, scope_of


def run(story: Callable[[], Any]) -> Any:
    return contextvars.copy_context().run(story)


def handshake(spans: CapturedSpans, *answer: Any, **changes: Any) -> Any:
    """Return the attributes of the handshake's span after `answer`."""
    told = Told(scope_of(**changes))
    run(lambda: told.receive(CONNECT).send(*answer).end())
    return dict(spans[0].attributes or {})


def test_attributes_are_the_stable_ones_of_http(spans: CapturedSpans) -> None:
    found = handshake(
        spans,
        {**ACCEPT, "subprotocol": "chat"},
        path="/rooms/1",
        query_string=b"token=secret",
        scheme="wss",
        headers=[(b"host", b"Example.org:8443"), (b"user-agent", b"Firefox/140")],
    )
    session_id = found.pop("websocket.session.id")
    assert len(session_id) == 32
    assert found == {
        "client.address": "192.0.2.1",
        "http.request.method": "GET",
        "http.response.status_code": 101,
        "http.route": "/room",
        "server.address": "example.org",
        "server.port": 8443,
        "url.path": "/rooms/1",
        "url.query": "token=REDACTED",
        "url.scheme": "wss",
        "user_agent.original": "Firefox/140",
        "websocket.subprotocol": "chat",
    }
    assert spans[0].kind is SpanKind.SERVER


def test_a_bare_scope_has_few(spans: CapturedSpans) -> None:
    told = Told({"type": "websocket", "path": "/"}, routes=repeat(None))
    run(lambda: told.receive(CONNECT).send(ACCEPT).end())
    found = dict(spans[0].attributes or {})
    found.pop("websocket.session.id")
    assert found == {
        "http.request.method": "GET",
        "http.response.status_code": 101,
        "url.path": "/",
        "url.scheme": "ws",
    }
    assert spans[0].name == "GET"


@pytest.mark.parametrize(
    ("query", "recorded"),
    [
        (b"", None),
        (b"token=secret", "token=REDACTED"),
        (b"room=lobby&token=secret", "room=lobby&token=REDACTED"),
        (b"room=a=b&room=c", "room=a=b&room=c"),
        (b"r%6Fom=lobby", "r%6Fom=lobby"),
        (b"ROOM=secret", "ROOM=REDACTED"),
        (b"token=", "token=REDACTED"),
        (b"=secret", "=REDACTED"),
        (b"secret", "REDACTED"),
        (b"secret&room=lobby", "REDACTED&room=lobby"),
        (b"a=secret;b=secret", "a=REDACTED"),
        (b"token=secret?room=secret", "token=REDACTED"),
        (b"token=\xff\xfe", "token=REDACTED"),
        (b"&&", "REDACTED&REDACTED&REDACTED"),
    ],
)
def test_of_a_query_only_keys_and_allowed_values_are_kept(
    query: bytes, recorded: str | None, spans: CapturedSpans
) -> None:
    scope = scope_of(query_string=query)
    run(lambda: Told(scope, query_allow=["room"]).end())
    assert (spans[0].attributes or {}).get("url.query") == recorded


def test_a_long_query_is_cut(spans: CapturedSpans) -> None:
    found = handshake(spans, query_string=b"a=1&" * 10_000)
    assert len(found["url.query"]) < 4096


@pytest.mark.parametrize(
    ("host", "scheme", "address", "port"),
    [
        (b"example.org", "ws", "example.org", 80),
        (b"example.org", "wss", "example.org", 443),
        (b"example.org:8000", "ws", "example.org", 8000),
        (b"[2001:db8::1]:9000", "ws", "2001:db8::1", 9000),
        (b"example.org:port", "ws", "127.0.0.1", 8000),
        (b"example.org:99999", "ws", "127.0.0.1", 8000),
        (b"[", "ws", "127.0.0.1", 8000),
        (b"", "ws", "127.0.0.1", 8000),
    ],
)
def test_the_server_is_the_one_that_was_asked_for(
    host: bytes, scheme: str, address: str, port: int, spans: CapturedSpans
) -> None:
    found = handshake(spans, headers=[(b"host", host)], scheme=scheme)
    assert (found["server.address"], found["server.port"]) == (address, port)


def test_no_credentials_come_from_a_host_header(spans: CapturedSpans) -> None:
    found = handshake(spans, headers=[(b"host", b"user:secret@example.org")])
    assert found["server.address"] == "example.org"
    assert "secret" not in repr(found)


@pytest.mark.parametrize("version", ["2", "3"])
def test_on_newer_http_the_method_and_the_status_differ(version: str, spans: CapturedSpans) -> None:
    found = handshake(spans, ACCEPT, http_version=version)
    assert spans[0].name == "CONNECT /room"
    assert found["http.request.method"] == "CONNECT"
    assert found["http.response.status_code"] == 200


RESPONSE = "websocket.http.response"


@pytest.mark.parametrize(
    ("answer", "tree"),
    [
        ([{"type": "websocket.close"}], "GET /room {http.response.status_code=403}"),
        (
            [{"type": f"{RESPONSE}.start", "status": 401}, {"type": f"{RESPONSE}.body"}],
            "GET /room {http.response.status_code=401}",
        ),
        (
            [
                {"type": f"{RESPONSE}.start", "status": 503},
                {"type": f"{RESPONSE}.body", "body": b"so", "more_body": True},
                {"type": f"{RESPONSE}.body", "body": b"rry"},
            ],
            "GET /room ! 503 {http.response.status_code=503}",
        ),
        (
            [{"type": f"{RESPONSE}.start", "status": 404}],
            "GET /room {http.response.status_code=404}",
        ),
        ([], "GET /room"),
    ],
    ids=["close", "response", "response in parts", "response without an end", "none"],
)
def test_the_status_is_that_of_the_answer(answer: Any, tree: str, spans: CapturedSpans) -> None:
    handshake(spans, *answer)
    assert spans.tree("http.response.status_code") == tree


def test_a_route_that_is_found_late_names_the_handshake_too(spans: CapturedSpans) -> None:
    run(lambda: Told(routes=[None, "/rooms/{id}"]).receive(CONNECT).send(ACCEPT).end())
    assert (
        spans
        == """
        GET /rooms/{id}
        websocket.open /rooms/{id} -> GET /rooms/{id}
        websocket.close -> GET /rooms/{id}
    """
    )
    assert {(span.attributes or {})["http.route"] for span in spans} == {"/rooms/{id}"}


def test_an_ambient_span_is_not_the_parent(spans: CapturedSpans) -> None:
    def story() -> None:
        with trace.get_tracer(__name__).start_as_current_span("somebody's"):
            Told().end()

    run(story)
    assert (
        spans
        == """
        somebody's
        GET /room
    """
    )


def test_a_hook_sees_the_handshakes_span_and_scope(spans: CapturedSpans) -> None:
    def on_handshake(span: trace.Span, scope: Any) -> None:
        span.set_attribute("app.tenant", scope["path"])

    run(lambda: Told(hooks=Hooks(on_handshake=on_handshake)).end())
    assert spans.tree("app.tenant") == "GET /room {app.tenant=/room}"


def test_a_keyword_names_the_provider(spans: CapturedSpans) -> None:
    provider = TracerProvider()
    with capture_spans(provider) as captured:
        play(TracingMiddleware(echo, tracer_provider=provider))
    assert len(captured) == 5
    assert spans == ""
