"""What the tests have a page do, and what they read from it."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from opentelemetry.trace import Status, StatusCode

# What every page has beside `otelWs`, the module.
HELPERS = """
window.hear = (socket, type = "message") =>
  new Promise((resolve, reject) => {
    socket.addEventListener(type, resolve, { once: true });
    if (type !== "error") socket.addEventListener("error", () => reject("error"), { once: true });
  });
window.told = [];
console.debug = (...line) => told.push(line.map(String).join(" "));
"""
ECHO = "`ws://${location.host}/echo`"

# Connect, and return what the server says of it.
HANDSHAKE = f"""async ([protocols, options]) => {{
  const socket = new otelWs.TracedWebSocket({ECHO}, protocols, options);
  const told = JSON.parse((await hear(socket)).data);
  const result = {{ ...told, selected: socket.protocol }};
  socket.close();
  return result;
}}"""

# Send a text, and return what comes back.
EXCHANGE = f"""async ([text, options]) => {{
  const socket = new otelWs.TracedWebSocket({ECHO}, "chat", options);
  await hear(socket);
  socket.send(text);
  const event = await hear(socket);
  socket.close();
  return [event.data, otelWs.contextOf(event)];
}}"""


def context_of(page: Any) -> str:
    """Return the context that a page was given."""
    content: str = page.locator('meta[name="traceparent"]').get_attribute("content")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]", content)
    return content


def spans_of(page: Any) -> list[Any]:
    """Return what the page's SDK has exported, in the order of start."""
    spans = [_span(**span) for span in page.evaluate("page.spans()")]
    return sorted(spans, key=lambda span: span.start_time)


def _span(
    traceId: str,
    spanId: str,
    status: int,
    start: list[int],
    parentId: str | None = None,
    **more: Any,
) -> Any:
    trace = int(traceId, 16)
    return SimpleNamespace(
        context=SimpleNamespace(trace_id=trace, span_id=int(spanId, 16)),
        parent=parentId and SimpleNamespace(trace_id=trace, span_id=int(parentId, 16)),
        start_time=start[0] * 10**9 + start[1],
        status=Status(StatusCode.ERROR if status == 2 else StatusCode.UNSET),
        links=(),
        end_time=0,
        **more,
    )
