"""The module in Chromium: from the page into handshake and messages, and back into the page."""

from __future__ import annotations

import re

import pytest

from .conftest import Open
from .in_page import ECHO, EXCHANGE, HANDSHAKE, context_of


def test_the_page_offers_its_context_and_the_server_selects_the_protocol(
    visit: Open, starlette: str
) -> None:
    page = visit(f"{starlette}/page")
    assert page.evaluate(HANDSHAKE, ["chat", {}]) == {
        "offered": ["chat", f"otel-ws.{context_of(page)}"],
        "query": "",
        "selected": "chat",
    }


def test_chromium_refuses_a_lone_token_which_is_why_none_is_offered(
    visit: Open, starlette: str
) -> None:
    page = visit(f"{starlette}/page")
    lone = f"async (token) => (await hear(new WebSocket({ECHO}, [token]), 'close')).code"
    with pytest.raises(Exception, match="error"):
        page.evaluate(lone, f"otel-ws.{context_of(page)}")
    nothing = {"offered": [], "query": "", "selected": ""}
    assert page.evaluate(HANDSHAKE, [[], {}]) == nothing


def test_the_query_takes_the_context_where_there_is_no_protocol(
    visit: Open, starlette: str
) -> None:
    page = visit(f"{starlette}/page")
    assert page.evaluate(HANDSHAKE, [[], {"query": True}]) == {
        "offered": [],
        "query": f"traceparent={context_of(page)}",
        "selected": "",
    }


def test_a_page_without_a_context_hands_out_nothing(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/untraced")
    assert page.evaluate(HANDSHAKE, ["chat", {"query": True}])["offered"] == ["chat"]
    assert page.evaluate("told") == []


def test_a_message_carries_a_context_there_and_back(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/page")
    data, context = page.evaluate(EXCHANGE, ['{"n":12345678901234567890}', {"messages": True}])
    assert re.fullmatch(r'\{"_meta":\{"traceparent":"(.*)"\},"n":12345678901234567890\}', data)
    assert context["traceparent"] in data
    assert context["traceId"] == context_of(page).split("-")[1]
    assert context["traceparent"] != context_of(page)
    assert context["isRemote"] is True


def test_messages_are_left_alone_unless_it_is_asked_for(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/page")
    assert page.evaluate(EXCHANGE, ['{"a":1}', {}]) == ['{"a":1}', None]
    assert page.evaluate(EXCHANGE, ["plain", {"messages": True}]) == ["plain", None]


def test_wrong_arguments_meet_the_native_errors(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/page")
    errors = """() => {
      const attempts = [
        [],
        ["ftp://a"],
        ["/echo", "two words"],
        ["/echo", ["chat", "chat"]],
        ["/echo", [Symbol()]],
        [Symbol(), [], { query: true }],
      ];
      const failure = (Socket, args) => {
        try {
          new Socket(...args).close();
        } catch (error) {
          return `${error.name}: ${error.message}`.replaceAll("TracedWebSocket", "WebSocket");
        }
      };
      return [otelWs.TracedWebSocket, WebSocket].map((Socket) =>
        attempts.map((args) => failure(Socket, args)));
    }"""
    ours, native = page.evaluate(errors)
    assert ours == native
    assert None not in native


def test_it_is_a_websocket(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/page")
    facts = f"""async () => {{
      const socket = new otelWs.TracedWebSocket({ECHO}, "chat");
      const handler = () => {{}};
      socket.onmessage = handler;
      await hear(socket);
      socket.binaryType = "arraybuffer";
      socket.send(new Uint8Array([1, 2]));
      const bytes = [...new Uint8Array((await hear(socket)).data)];
      const isHandler = socket.onmessage === handler;
      socket.close(4000, "bye");
      const {{ code, wasClean }} = await hear(socket, "close");
      return [socket instanceof WebSocket, String(socket), isHandler, bytes, code, wasClean];
    }}"""
    assert page.evaluate(facts) == [True, "[object WebSocket]", True, [1, 2], 4000, True]


def test_a_strict_policy_lets_the_page_find_the_module(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/strict")
    told = page.evaluate(HANDSHAKE, ["chat", {}])
    assert told["offered"] == ["chat", f"otel-ws.{context_of(page)}"]


def test_a_page_of_django_hands_its_trace_to_its_socket(visit: Open, django: str) -> None:
    page = visit(f"{django}/page")
    told = page.evaluate(HANDSHAKE, ["chat", {}])
    assert told["offered"] == ["chat", f"otel-ws.{context_of(page)}"]
    data, context = page.evaluate(EXCHANGE, ['{"text":"Milk?"}', {"messages": True}])
    assert context["traceId"] == context_of(page).split("-")[1]
    assert '"text":"Milk?"' in data
