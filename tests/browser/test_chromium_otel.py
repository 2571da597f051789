"""The module where a page has OpenTelemetry: the stock SDK from npm, whose spans are a tree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_ws.testing import format_trace

from .conftest import Open
from .in_page import ECHO, EXCHANGE, HANDSHAKE, context_of, spans_of

CLICK = f"""async () => {{
  otelWs.TracedWebSocket.options = {{ messages: true }};
  const socket = page.span("load", () => new otelWs.TracedWebSocket({ECHO}, "chat"));
  const offered = JSON.parse((await hear(socket)).data).offered;
  const heard = new Promise((resolve) => {{
    socket.onmessage = (event) => {{
      page.span("show", () => {{}});
      resolve([offered[1], JSON.parse(event.data)]);
    }};
  }});
  page.span("click", () => socket.send('{{"text":"Milk?"}}'));
  const result = await heard;
  socket.close();
  return result;
}}"""


def test_a_click_is_one_trace_there_and_back(visit: Open, starlette: str, bundle: str) -> None:
    page = visit(f"{starlette}/untraced", bundle)
    token, message = page.evaluate(CLICK)
    spans = spans_of(page)
    assert format_trace(spans, "url.path", "server.address") == (
        "load\n"
        "  GET {url.path=/echo, server.address=127.0.0.1}\n"
        "click\n"
        "  websocket.send {url.path=/echo, server.address=127.0.0.1}\n"
        "    websocket.receive {url.path=/echo, server.address=127.0.0.1}\n"
        "      show"
    )
    kinds = {span.name: SpanKind(span.kind) for span in spans}
    assert (kinds["GET"], kinds["websocket.send"], kinds["websocket.receive"]) == (
        SpanKind.CLIENT,
        SpanKind.PRODUCER,
        SpanKind.CONSUMER,
    )
    by_name = {span.name: span for span in spans}
    assert token == f"otel-ws.{header(by_name['GET'])}"
    assert message == {"text": "Milk?", "_meta": {"traceparent": header(by_name["websocket.send"])}}
    assert {span.scope for span in spans} == {"page", "otel_ws.browser"}


def header(span: Any) -> str:
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


def test_without_an_active_span_the_page_is_the_parent(
    visit: Open, starlette: str, bundle: str
) -> None:
    page = visit(f"{starlette}/page", bundle)
    page.evaluate(EXCHANGE, ['{"a":1}', {"messages": True}])
    spans = spans_of(page)
    assert format_trace(spans) == ("GET <- remote\nwebsocket.send <- remote\n  websocket.receive")
    parents = {f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" for span in spans[:2]}
    assert parents == {context_of(page)[3:-3]}


def test_every_connection_has_a_context_of_its_own(
    visit: Open, starlette: str, bundle: str
) -> None:
    page = visit(f"{starlette}/untraced", bundle)
    tokens = [page.evaluate(HANDSHAKE, ["chat", {}])["offered"][1] for _ in range(2)]
    assert tokens == [f"otel-ws.{header(span)}" for span in spans_of(page)]
    assert tokens[0] != tokens[1]


def test_a_refused_handshake_is_an_error(visit: Open, starlette: str, bundle: str) -> None:
    page = visit(f"{starlette}/untraced", bundle)
    refused = """async () => {
      const socket = new otelWs.TracedWebSocket(`ws://${location.host}/refuse`, "chat");
      return (await new Promise((resolve) => (socket.onclose = resolve))).code;
    }"""
    assert page.evaluate(refused) == 1006
    assert format_trace(spans_of(page)) == "GET ! _OTHER"
    assert page.evaluate("told") == []


def test_what_carries_no_context_has_no_span(visit: Open, starlette: str, bundle: str) -> None:
    page = visit(f"{starlette}/page", bundle)
    page.evaluate(HANDSHAKE, [[], {}])
    page.evaluate(EXCHANGE, ["plain", {"messages": True, "subprotocol": False}])
    page.evaluate(EXCHANGE, ['{"_meta":[]}', {"messages": True, "subprotocol": False}])
    assert spans_of(page) == []


HANDLED = f"""async (kind) => {{
  window.reported = [];
  window.onerror = (message) => {{ reported.push(message); return true; }};
  window.onunhandledrejection = (event) => {{
    reported.push(String(event.reason));
    event.preventDefault();
  }};
  const options = {{ messages: true, subprotocol: false }};
  const socket = new otelWs.TracedWebSocket({ECHO}, "chat", options);
  await hear(socket);
  let goOn, called;
  const wait = new Promise((resolve) => (goOn = resolve));
  const handling = new Promise((resolve) => (called = resolve));
  const handlers = {{
    throws: () => {{ throw new TypeError("a bug of the page"); }},
    rejects: async () => {{ await wait; throw new RangeError("a late bug of the page"); }},
    resolves: async () => {{ await wait; }},
  }};
  socket.onmessage = () => {{ called(); return handlers[kind](); }};
  socket.send("{{}}");
  await handling;
  const before = page.spans().length;
  goOn();
  socket.close();
  return before;
}}"""


@pytest.mark.parametrize(
    ("kind", "reported", "ended", "error"),
    [
        ("throws", ["Uncaught TypeError: a bug of the page"], 2, " ! TypeError"),
        ("rejects", ["RangeError: a late bug of the page"], 1, " ! RangeError"),
        ("resolves", [], 1, ""),
    ],
)
def test_the_handling_of_a_message_ends_with_its_handler(
    visit: Open,
    starlette: str,
    bundle: str,
    kind: str,
    reported: list[str],
    ended: int,
    error: str,
) -> None:
    page = visit(f"{starlette}/untraced", bundle)
    assert page.evaluate(HANDLED, kind) == ended
    page.wait_for_function(
        f"() => page.spans().length === 2 && reported.length === {len(reported)}"
    )
    assert page.evaluate("reported") == reported
    spans = spans_of(page)
    assert format_trace(spans) == f"websocket.send\n  websocket.receive{error}"
    assert spans[1].events == (["exception"] if error else [])


def test_a_broken_opentelemetry_breaks_nothing(visit: Open, starlette: str) -> None:
    page = visit(f"{starlette}/page")
    breaking = """() => {
      const fail = () => { throw new Error("a broken SDK"); };
      globalThis[Symbol.for("opentelemetry.js.api.1")] = {
        trace: { getTracer: fail }, context: { active: fail, with: fail },
      };
    }"""
    page.evaluate(breaking)
    assert page.evaluate(HANDSHAKE, ["chat", {}])["offered"] == ["chat"]
    pushed = json.dumps({"_meta": {"traceparent": context_of(page)}})
    for sent in ('{"a":1}', pushed):
        assert page.evaluate(EXCHANGE, [sent, {"messages": True}])[0] == sent
    assert page.evaluate("told") == ["otel-ws: Error: a broken SDK"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_handler_is_called_once_whatever_becomes_of_its_context(
    visit: Open, starlette: str, bundle: str, when: str
) -> None:
    page = visit(f"{starlette}/page", bundle)
    breaking = """(when) => {
      globalThis[Symbol.for("opentelemetry.js.api.1")].context.with = (_, run) => {
        if (when === "after") run();
        throw new Error("a broken context manager");
      };
    }"""
    page.evaluate(breaking, when)
    calls = f"""async () => {{
      const socket = new otelWs.TracedWebSocket({ECHO}, "chat", {{ messages: true }});
      const heard = [];
      await new Promise((resolve) => (socket.onopen = resolve));
      const done = new Promise((resolve) => {{
        socket.onmessage = (event) => {{
          heard.push(event.data[2]);
          if (event.data === "end") resolve();
        }};
      }});
      socket.send("{{}}");
      socket.send("end");
      await done;
      socket.close();
      return heard;
    }}"""
    assert page.evaluate(calls) == ["o", "_", "d"]
    assert page.evaluate("told") == ["otel-ws: Error: a broken context manager"]
