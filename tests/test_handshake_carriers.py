"""Where a handshake's context is read from: headers, or what a browser can set instead of them.

Over the wire, on every server: tests/wire/test_tokens.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws import Config, Connection
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .carrying import RECEIVED, TRACEPARENT, both_models, every_middleware, received
from .drivers.script import Accept, Server
from .drivers.wire import Stage
from .playing import CONNECT, LEAVE, echo, play, scope_of
from .test_scenarios import Driver

ALL = ("headers", "subprotocol", "query")
BROWSER = ("subprotocol", "query")
PARENTS = {
    carrier: f"00-{number:032x}-{number:016x}-01"
    for number, carrier in enumerate((*ALL, "another"), 1)
}
TOKEN = f"otel-ws.{PARENTS['subprotocol']}"
QUERY = b"traceparent=" + PARENTS["query"].encode()


def offering(*subprotocols: str, headers: Any = (), **more: Any) -> dict[str, Any]:
    """Return the scope of a handshake that offers these subprotocols, as a server makes it."""
    found = [(b"host", b"example.org"), *headers]
    if subprotocols:
        found.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
    return scope_of(headers=found, subprotocols=list(subprotocols), **more)


def origin(spans: CapturedSpans) -> str | None:
    """Return the carrier whose context the handshake leads to."""
    handshake = spans.named("GET")[-1]
    found = [link.context for link in handshake.links]
    if handshake.parent is not None:
        found.append(handshake.parent)
    assert len(found) <= 1
    carriers = {parent.split("-")[1]: carrier for carrier, parent in PARENTS.items()}
    return carriers[f"{found[0].trace_id:032x}"] if found else None


def visit(scope: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Return what the application sees of a handshake."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await echo(scope, receive, send)

    play(TracingMiddleware(app, **settings), CONNECT, LEAVE, scope=scope)
    return seen


def offered_to(seen: dict[str, Any]) -> tuple[list[str], list[bytes]]:
    """Return the subprotocols that an application sees, in both places."""
    headers = [value for name, value in seen["headers"] if name == b"sec-websocket-protocol"]
    return seen["subprotocols"], headers


# --- where it is read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("carriers", "sent", "expected"),
    [
        (ALL, {"headers", "subprotocol", "query"}, "headers"),
        (ALL, {"subprotocol", "query"}, "subprotocol"),
        (ALL, {"query"}, "query"),
        (ALL, set(), None),
        (BROWSER, {"headers", "subprotocol", "query"}, "subprotocol"),
        (("query",), {"headers", "subprotocol", "query"}, "query"),
        (("query", "headers"), {"subprotocol"}, None),
        (("subprotocol",), {"headers", "query"}, None),
        ((), {"headers", "subprotocol", "query"}, None),
        (None, {"subprotocol", "query"}, None),
        (None, {"headers", "subprotocol", "query"}, "headers"),
    ],
    ids=repr,
)
def test_the_first_carrier_that_has_a_context_counts(
    carriers: Any, sent: Any, expected: Any, spans: CapturedSpans
) -> None:
    scope = offering(
        *(["chat", TOKEN] if "subprotocol" in sent else ["chat"]),
        headers=[(b"traceparent", PARENTS["headers"].encode())] if "headers" in sent else [],
        query_string=QUERY if "query" in sent else b"",
    )
    visit(scope, **({} if carriers is None else {"carriers": carriers}))
    assert origin(spans) == expected


@pytest.mark.parametrize(
    "headers",
    [
        [(b"traceparent", b"nonsense")],
        [(b"traceparent", PARENTS["headers"].encode())] * 2,
        [(b"tracestate", b"a=1")],
        [(b"baggage", b"tenant=acme")],
    ],
    ids=["nonsense", "two", "tracestate", "baggage"],
)
@pytest.mark.parametrize("trust", ["parent", "link"])
def test_headers_without_a_context_hide_no_other(
    headers: Any, trust: Any, spans: CapturedSpans
) -> None:
    visit(offering("chat", TOKEN, headers=headers), carriers=ALL, handshake_trust=trust)
    assert origin(spans) == "subprotocol"


def test_headers_that_are_ignored_hide_no_other(spans: CapturedSpans) -> None:
    scope = offering("chat", TOKEN, headers=[(b"traceparent", PARENTS["headers"].encode())])
    visit(scope, carriers=ALL, handshake_trust="ignore")
    assert origin(spans) == "subprotocol"


@both_models
@every_middleware
@pytest.mark.parametrize("carrier", BROWSER)
def test_every_framework_reads_what_a_browser_sends(
    driver: Driver, carrier: str, model: str, spans: CapturedSpans
) -> None:
    seen: list[Any] = []
    scope = (
        offering("chat", TOKEN)
        if carrier == "subprotocol"
        else offering("chat", query_string=b"a=1&" + QUERY)
    )
    sent = serve(driver, scope, seen, model=model, carriers=[carrier])
    assert origin(spans) == carrier
    assert sent[0]["subprotocol"] == "chat"
    assert [offered_to(each) for each in seen] == [(["chat"], [b"chat"])]
    assert spans[0].attributes is not None
    assert "traceparent" not in str(dict(spans[0].attributes))


def serve(driver: Driver, scope: Any, seen: list[Any], **settings: Any) -> list[dict[str, Any]]:
    """Play a handshake on a framework; `seen` is given the scope as it comes to that."""
    assert driver.build is not None
    server = Server(connect=lambda: (Accept("chat"),))
    traced = driver.build(server, Stage(), **settings)
    framework = traced.app

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(scope))
        await framework(scope, receive, send)

    traced.app = watched
    return play(traced, CONNECT, LEAVE, scope=scope)


# --- how far it is trusted ----------------------------------------------------------------------


def asked(scope: Any) -> Any:
    """What has been taken out is not there to be asked for."""
    assert scope["subprotocols"] == ["chat"]
    return "parent"


@pytest.mark.parametrize("carrier", BROWSER)
@pytest.mark.parametrize(
    ("settings", "tree"),
    [
        ({}, "GET -> remote"),
        ({"browser_trust": "link"}, "GET -> remote"),
        ({"browser_trust": "parent"}, "GET <- remote"),
        ({"browser_trust": "ignore"}, "GET"),
        ({"browser_trust": asked}, "GET <- remote"),
        ({"handshake_trust": "ignore"}, "GET -> remote"),
        ({"browser_trust": "parent", "edge": "public"}, "GET -> remote"),
        ({"browser_trust": asked, "edge": "public"}, "GET -> remote"),
        ({"browser_trust": "ignore", "edge": "public"}, "GET"),
    ],
    ids=repr,
)
def test_a_browser_is_linked_to_unless_it_is_trusted(
    carrier: str, settings: Any, tree: str, spans: CapturedSpans
) -> None:
    scope = (
        offering("chat", TOKEN)
        if carrier == "subprotocol"
        else offering("chat", query_string=QUERY)
    )
    visit(scope, carriers=BROWSER, **settings)
    assert str(spans).splitlines()[0] == tree


# --- the token is nobody's to select ------------------------------------------------------------

OFFERS = {
    "beside a protocol": ([f"chat, {TOKEN}"], [b"chat"]),
    "before it": ([f"{TOKEN}, chat"], [b"chat"]),
    "between two": ([f"chat, {TOKEN}, superchat"], [b"chat, superchat"]),
    "without spaces": ([f"chat,{TOKEN},superchat"], [b"chat,superchat"]),
    "with more spaces": ([f"  chat ,\t {TOKEN} , superchat"], [b"chat , superchat"]),
    "alone": ([TOKEN], []),
    "in a header of its own": (["chat", TOKEN, "superchat"], [b"chat", b"superchat"]),
    "not there": (["chat, notel-ws.x, otel-ws, xotel-ws.x"], None),
    "empty": ([""], None),
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_a_token_is_taken_out_before_the_application_sees_it(
    offer: Any, spans: CapturedSpans
) -> None:
    lines, expected = offer
    headers = [(b"Sec-WebSocket-Protocol", line.encode()) for line in lines]
    offered = [each.strip() for line in lines for each in line.split(",") if each.strip()]
    scope = scope_of(
        headers=[(b"host", b"a"), *headers, (b"x", b"otel-ws.x")], subprotocols=list(offered)
    )
    given = scope["headers"], list(scope["headers"])
    seen = visit(scope, carriers=BROWSER)
    assert seen["subprotocols"] == [each for each in offered if each != TOKEN]
    left = [value for name, value in seen["headers"] if name == b"Sec-WebSocket-Protocol"]
    assert left == [value for _, value in headers] if expected is None else left == expected
    assert (seen["headers"][0], seen["headers"][-1]) == ((b"host", b"a"), (b"x", b"otel-ws.x"))
    assert given[0] == given[1]  # what is the server's was copied
    assert origin(spans) == ("subprotocol" if TOKEN in offered else None)


FORGED = {
    "two tokens": ["chat", TOKEN, f"otel-ws.{PARENTS['another']}"],
    "the same twice": ["chat", TOKEN, TOKEN],
    "empty": ["chat", "otel-ws."],
    "nonsense": ["chat", "otel-ws.nonsense"],
    "zeros": ["chat", f"otel-ws.00-{'0' * 32}-{'0' * 16}-01"],
    "unknown version": ["chat", TOKEN.replace(".00", ".ff")],
    "huge": ["chat", f"otel-ws.01{PARENTS['another'][2:]}-{'x' * 100_000}"],
    "not ASCII": ["chat", "otel-ws.é"],
    "a thousand": ["chat", *(f"otel-ws.{n}" for n in range(1000))],
}


@pytest.mark.parametrize("offered", FORGED.values(), ids=FORGED)
def test_a_token_that_is_no_good_is_taken_out_as_well(offered: Any, spans: CapturedSpans) -> None:
    seen = visit(offering(*offered), carriers=BROWSER)
    assert offered_to(seen) == (["chat"], [b"chat"])
    assert origin(spans) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"excluded_routes": ["/room"]},
        {"volume": {"/room": "off"}},
        {"volume": {"/room": "handshake"}},
        {"volume": lambda scope, route: "off"},
        {"tracer_provider": TracerProvider(sampler=ALWAYS_OFF)},
        {"tracer_provider": TracerProvider(sampler=ALWAYS_OFF), "metrics": "off"},
        {"handshake_trust": "ignore", "browser_trust": "ignore"},
    ],
    ids=["excluded", "off", "handshake", "asked", "unsampled", "silent", "ignored"],
)
def test_nobody_sees_a_token_that_is_not_traced(settings: Any, spans: CapturedSpans) -> None:
    seen = visit(offering("chat", TOKEN), carriers=BROWSER, **settings)
    assert offered_to(seen) == (["chat"], [b"chat"])


def test_by_default_a_token_is_none_of_ours(spans: CapturedSpans) -> None:
    scope = offering("chat", TOKEN)
    seen = visit(scope)
    assert offered_to(seen) == (["chat", TOKEN], [f"chat, {TOKEN}".encode()])
    assert seen["headers"] is scope["headers"]


def test_the_core_takes_it_out_of_the_scope_that_it_is_given(spans: CapturedSpans) -> None:
    scope = offering("chat", TOKEN)
    Connection(scope, Config(carriers=BROWSER)).ended()
    assert offered_to(scope) == (["chat"], [b"chat"])
    assert origin(spans) == "subprotocol"


# --- the query parameter ------------------------------------------------------------------------

RECORDED = {
    QUERY: None,
    b"a=1&" + QUERY: "a=1",
    QUERY + b"&a=1&b=2": "a=1&b=REDACTED",
    QUERY + b"&" + QUERY: None,
    b"%74raceparent=x&tracestate=a%3D1&a=1": "a=1",
    b"Traceparent=x": "Traceparent=REDACTED",
    b"traceparent": "REDACTED",
    b"traceparent=": None,
    b"a=1&" + b"x" * 1011 + b"&" + QUERY: "a=1&REDACTED&REDACTED",
}


@pytest.mark.parametrize("carriers", [(), ("headers",), BROWSER], ids=repr)
@pytest.mark.parametrize("query", RECORDED, ids=range(len(RECORDED)))
def test_a_context_in_the_query_is_not_recorded_whether_it_is_read_or_not(
    query: bytes, carriers: Any, spans: CapturedSpans
) -> None:
    seen = visit(offering(query_string=query), carriers=carriers, query_allow=["a", "traceparent"])
    assert (spans[0].attributes or {}).get("url.query") == RECORDED[query]
    assert seen["query_string"] == query  # it is the application's as well


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"a=1&" + QUERY + b"&b=2", "query"),
        (b"&".join([b"a"] * 255) + b"&" + QUERY, "query"),
        (b"&".join([b"a"] * 256) + b"&" + QUERY, None),
        (QUERY + b"&" + QUERY, None),
        (QUERY + b"&traceparent=" + PARENTS["another"].encode(), None),
        (b"traceparent=", None),
        (b"traceparent=nonsense", None),
        (b"traceparent=" + b"\xff" * 55, None),
        (QUERY.replace(b"=00-", b"=01-") + b"-" + b"x" * 72, "query"),
        (QUERY.replace(b"=00-", b"=01-") + b"-" + b"x" * 73, None),
        (QUERY + b"&" + b"a=" + b"x" * 1_000_000, "query"),
        (b"Traceparent=" + PARENTS["query"].encode(), None),
        (b"a=" + QUERY, None),
    ],
    ids=range(13),
)
def test_one_parameter_within_its_limit_is_read(
    query: bytes, expected: Any, spans: CapturedSpans
) -> None:
    visit(offering(query_string=query), carriers=BROWSER)
    assert origin(spans) == expected


def test_a_token_comes_before_the_query_whatever_it_is_worth(spans: CapturedSpans) -> None:
    visit(offering("chat", "otel-ws.nonsense", query_string=QUERY), carriers=BROWSER)
    assert origin(spans) is None


def test_messages_lead_to_the_handshake_and_that_to_the_browser(spans: CapturedSpans) -> None:
    scope = offering("chat", f"otel-ws.{TRACEPARENT}")
    play(TracingMiddleware(echo, carriers=BROWSER), scope=scope)
    assert received(spans) == [RECEIVED["session"]["ignore"].replace(" /room", "")]
    assert (
        spans
        == """
        GET -> remote
        websocket.open -> GET
        websocket.receive -> GET
          websocket.send
        websocket.close -> GET
    """
    )
