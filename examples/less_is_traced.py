"""What less volume leaves of a connection's spans.

    python examples/less_is_traced.py

Plays the same conversation once for each setting: 50 heartbeats, and 5 orders of which one is
slow and the last one fails. Prints how many spans there are, of messages and in all.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import capture_spans

SLOW = 0.25
HEARTBEATS, ORDERS = ["ping"] * 50, ["order tea", "order slow", "order", "order", "order lost"]


def name_of(scope, message) -> str:
    return message["text"].split()[0]


def by_route(scope, route) -> str:
    return "handshake" if scope["path"].startswith("/shop") else "messages"


SETTINGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    'volume={"/shop": "off"}': {"volume": {"/shop": "off"}},
    'volume={"/shop": "handshake"}': {"volume": {"/shop": "handshake"}},
    "volume=by_route": {"volume": by_route},
    'excluded_messages=["ping"]': {"excluded_messages": ["ping"]},
    "message_rate=0.1": {"message_rate": 0.1},
    "message_rate=0.1, slow_message=0.2": {"message_rate": 0.1, "slow_message": 0.2},
}


async def shop(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if "lost" in message["text"]:
            raise LookupError("the order is lost")
        if "slow" in message["text"]:
            await asyncio.sleep(SLOW)
        await send({"type": "websocket.send", "text": "done"})


def client():
    yield {"type": "websocket.connect"}
    for text in HEARTBEATS + ORDERS:
        yield {"type": "websocket.receive", "text": text}


async def play(app) -> None:
    """Play the conversation, as a server would."""
    inbound = client()

    async def receive():
        return next(inbound)

    async def send(message):
        pass

    with suppress(LookupError):
        await app({"type": "websocket", "path": "/shop", "headers": []}, receive, send)


def main() -> None:
    print(f"{'settings':<36}  messages  failed  slow  spans")
    for shown, settings in SETTINGS.items():
        provider = TracerProvider(shutdown_on_exit=False)
        app = TracingMiddleware(
            shop, message_name=name_of, tracer_provider=provider, metrics="off", **settings
        )
        with capture_spans(provider) as spans:
            asyncio.run(play(app))
        messages = spans.named("websocket.receive")
        failed = sum("error.type" in span.attributes for span in messages)
        slow = sum(span.end_time - span.start_time >= SLOW * 1e9 for span in messages)
        print(f"{shown:<36}  {len(messages):>8}  {failed:>6}  {slow:>4}  {len(spans):>5}")


if __name__ == "__main__":
    main()
