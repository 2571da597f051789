"""A click, what it causes on a server, and what that causes in the client again.

    python examples/continued_messages.py

A client puts the context of each click into its message, and continues that of each answer.
The server links to a stranger, and goes on with the trace of a user who has logged in.
"""

from __future__ import annotations

import json

from opentelemetry import propagate, trace
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient

from otel_ws import current_session
from otel_ws.testing import capture_spans
from otel_ws_starlette import TracingMiddleware

tracer = trace.get_tracer("shop")


async def shop(websocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_json():
        if message.get("password") == "sesame":
            current_session().trust("parent")
            answer = {"hello": "Ada"}
        else:
            with tracer.start_as_current_span("reserve"):
                answer = {"reserved": message["order"]}
        await websocket.send_json(answer)


def click(websocket, **message) -> None:
    """Send a message as a traced client does, and handle the answer."""
    with tracer.start_as_current_span("click"):
        context: dict[str, str] = {}
        propagate.inject(context)
        websocket.send_text(json.dumps({**message, "_meta": context}))
    answer = websocket.receive_json()
    sender = propagate.extract(answer.pop("_meta"))
    with tracer.start_as_current_span("show", context=sender):
        print("the client shows", answer)


def main() -> None:
    app = TracingMiddleware(
        Starlette(routes=[WebSocketRoute("/shop", shop)]),
        message_codec="json",  # what is received is read,
        strip_carriers=True,  # and comes to the handler without its context;
        inject_sends=True,  # what is sent carries one
    )
    with capture_spans() as spans, TestClient(app).websocket_connect("/shop") as websocket:
        click(websocket, order="tea")
        click(websocket, password="sesame")
        click(websocket, order="milk")
    print(spans)


if __name__ == "__main__":
    main()
