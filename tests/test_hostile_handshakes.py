"""Whatever a client or a broken server sends, the application works as if we were not there.

Hypothesis makes the same examples in every run.
"""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from channels.routing import URLRouter
from django.urls import re_path
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute

import otel_ws_channels
import otel_ws_starlette
from otel_ws import _log, asgi
from otel_ws.testing import CapturedSpans

from .playing import ACCEPT, CONNECT, HELLO, LEAVE, echo, play

FULL = """
    GET
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""
fuzzed = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

NAMES = (
    b"traceparent",
    b"tracestate",
    b"baggage",
    b"host",
    b"user-agent",
    b"sec-websocket-protocol",
    b"Traceparent",
)
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
values = st.binary(max_size=700) | st.sampled_from(
    [PARENT, PARENT * 3, b"a=1", b"[::", b"\xff", b"otel-ws." + PARENT, b"otel-ws.\xff, chat"]
)
headers = st.lists(st.tuples(st.sampled_from(NAMES) | st.binary(max_size=20), values), max_size=8)

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=9),
    st.binary(max_size=9),
    st.lists(st.integers() | st.text(max_size=3) | st.binary(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.builds(object),
)
FIELDS = (
    "path",
    "raw_path",
    "root_path",
    "query_string",
    "headers",
    "client",
    "server",
    "scheme",
    "http_version",
    "subprotocols",
    "extensions",
    "state",
    "fastapi.telemetry",
)


def outcome(application: Any, *messages: Any, **changes: Any) -> Any:
    """Return what the application sends, or the type of what it raises."""
    try:
        return play(application, *messages, **changes)
    except Exception as error:
        return type(error), str(error)


every_carrier = pytest.mark.parametrize(
    "carriers", [("headers",), ("headers", "subprotocol", "query")], ids=len
)


@every_carrier
@fuzzed
@given(headers=headers)
@example(headers=[(b"traceparent", PARENT), (b"traceparent", PARENT)])
@example(headers=[(b"tracestate", b"a=" + b"b" * 600), (b"traceparent", PARENT)])
@example(headers=[(b"baggage", b"k=" + b"v" * 10_000)])
@example(headers=[(b"host", b"[v1.%]:80")])
def test_any_headers_leave_the_whole_trace(
    headers: Any, carriers: Any, spans: CapturedSpans
) -> None:
    spans.clear()
    app = asgi.TracingMiddleware(echo, carriers=carriers)
    offered = [value.decode("latin-1") for name, value in headers if b"protocol" in name]
    sent = play(app, headers=headers, subprotocols=offered, query_string=b"&".join(dict(headers)))
    assert sent == [ACCEPT, {"type": "websocket.send", "text": "hello"}]
    assert str(spans).replace(" <- remote", "").replace(" -> remote", "") == dedent(FULL).strip()


SECRET = "s3cr3t"
keys = st.text(st.characters(exclude_characters="=&", max_codepoint=255), max_size=5)
parts = st.builds(
    "{}{}{}{}".format,
    keys,
    st.sampled_from(["=", "==", "=%3D", "=;", "=a;b="]),
    keys,
    st.just(SECRET),
)
bare = st.builds("{}{}".format, keys, st.just(SECRET))


@fuzzed
@given(parts=st.lists(parts | bare, min_size=1, max_size=6), allowed=st.lists(keys.filter(bool)))
def test_no_value_of_a_query_gets_out(
    parts: list[str], allowed: list[str], spans: CapturedSpans
) -> None:
    spans.clear()
    keys = {part.partition("=")[0] for part in parts}
    query = "&".join(parts).encode("latin-1")
    app = asgi.TracingMiddleware(echo, query_allow=tuple(set(allowed) - keys))
    play(app, query_string=query)
    assert spans == FULL
    assert not any(SECRET in repr(span.attributes) for span in spans)


@every_carrier
@fuzzed
@given(changes=st.dictionaries(st.sampled_from(FIELDS), junk, min_size=1, max_size=4))
@example(changes={"headers": [(b"traceparent", None)]})
@example(changes={"headers": [("traceparent", PARENT.decode())]})
@example(changes={"headers": [(b"host",)]})
@example(changes={"headers": 5})
@example(changes={"client": ()})
@example(changes={"server": ("unix.sock", None)})
@example(changes={"server": ("unix.sock",)})
@example(changes={"http_version": ""})
def test_a_broken_scope_costs_the_trace_at_most(
    changes: dict[str, Any], carriers: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    spans.clear()
    our_log.clear()
    _log._causes.clear()
    sent = play(asgi.TracingMiddleware(echo, carriers=carriers), **changes)
    assert sent == [ACCEPT, {"type": "websocket.send", "text": "hello"}]
    if spans == FULL:
        assert our_log == []
    else:
        assert spans == ""
        assert our_log == ["TracingMiddleware._open failed; the application is unaffected"]


def channels_app(middleware: bool) -> Any:
    app = URLRouter([re_path(r"^(?P<room>\w+)/$", echo), re_path("", echo)])
    return otel_ws_channels.TracingMiddleware(app) if middleware else app


def starlette_app(middleware: bool) -> Any:
    async def endpoint(websocket: Any) -> None:
        await echo(websocket.scope, websocket.receive, websocket.send)

    leaf = WebSocketRoute("/{room:int}", endpoint)
    app = Starlette(
        routes=[Mount("/in", routes=[leaf]), leaf, WebSocketRoute("/{p:path}", endpoint)]
    )
    return otel_ws_starlette.TracingMiddleware(app) if middleware else app


TEMPLATES = {"/<room>/", "/", "/in/{room:int}", "/{room:int}", "/{p:path}"}
paths = st.one_of(
    st.text(max_size=12),
    st.text("/.{}%*?[(\\ inör0", max_size=12),
    st.sampled_from(["", "/", "//", "/in/5", "/in", "/5", "/\0", "/é/", "/..", "/" + "a" * 9000]),
)


@pytest.mark.parametrize("build", [channels_app, starlette_app])
@fuzzed
@given(path=paths, root_path=st.just("") | paths)
@example(path="/\ud800/", root_path="")
@example(path="/lobby/", root_path="")
def test_any_path_is_routed_as_before(
    build: Any, path: str, root_path: str, spans: CapturedSpans
) -> None:
    spans.clear()
    where = {"path": path, "root_path": root_path}
    assert outcome(build(True), **where) == outcome(build(False), **where)
    # What the client chose is in no name: names are made of routes.
    assert {span.name.partition(" ")[2] for span in spans} <= {"", *TEMPLATES}


messages = st.dictionaries(
    st.sampled_from(["type", "text", "bytes", "code", "reason", "subprotocol", "status"]), junk
)
kinds = st.sampled_from(
    [f"websocket.{kind}" for kind in ("accept", "send", "close", "receive", "disconnect")]
)
typed = st.builds(lambda message, kind: {**message, "type": kind}, messages, kinds)


@fuzzed
@given(sent=st.lists(messages | typed, max_size=4), received=st.lists(typed | messages, max_size=4))
def test_messages_of_any_shape_pass_unchanged(
    sent: Any, received: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(dict(ACCEPT))
        for message in sent:
            await send(message)
        seen.append([await receive() for _ in received])

    seen: list[Any] = []
    untraced = outcome(app, CONNECT, *received)
    traced = outcome(asgi.TracingMiddleware(app), CONNECT, *received)
    assert repr(traced) == repr(untraced)
    assert repr(seen[0]) == repr(seen[1])


@pytest.mark.parametrize("text", ["\ud800", "grüße", "", "\0", "x" * 2**20], ids=ascii)
def test_text_of_any_kind_is_measured(text: str, spans: CapturedSpans) -> None:
    play(asgi.TracingMiddleware(echo), CONNECT, {**HELLO, "text": text}, LEAVE)
    assert spans == FULL
    (span,) = spans.named("websocket.receive")
    size = (span.attributes or {})["websocket.message.size"]
    assert size == len(text.encode("utf-8", "surrogatepass"))


@fuzzed
@given(offered=st.lists(st.text(max_size=30)), chosen=st.text(max_size=30))
def test_only_the_negotiated_subprotocol_is_recorded(
    offered: list[str], chosen: str, spans: CapturedSpans
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({**ACCEPT, "subprotocol": chosen})

    spans.clear()
    play(asgi.TracingMiddleware(app), CONNECT, subprotocols=offered)
    assert (spans[0].attributes or {}).get("websocket.subprotocol") == (chosen or None)
