"""A chat whose replies are streamed: one to its end, one that is stopped, and one left behind.

    python -m examples.streamed_reply

Serves the chat on uvicorn, talks to it over a socket, and prints the traces.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.sync.client import connect

from examples.serving import served
from otel_ws.streams import meter_stream
from otel_ws.testing import capture_spans
from otel_ws_starlette import TracingMiddleware


async def model(prompt):
    """Stands for a language model: it thinks, and then has one token after the other."""
    await asyncio.sleep(0.05)
    for number in range(10 if "short" in prompt else 1000):
        yield f"token {number}"
        await asyncio.sleep(0.01)


async def reply(websocket, prompt):
    async for token in meter_stream(model(prompt), "reply"):
        await websocket.send_text(token)


async def chat(websocket):
    """Listen while a task replies, so that a reply can be stopped."""
    await websocket.accept()
    replying = None
    async for text in websocket.iter_text():
        if text == "stop":
            replying.cancel()
            await websocket.send_text("stopped")
        else:
            replying = asyncio.create_task(reply(websocket, text))
    replying.cancel()  # the client has left


app = TracingMiddleware(Starlette(routes=[WebSocketRoute("/chat", chat)]))


def talk(url):
    def hear(until):
        while (text := client.recv(10)) != until:
            pass
        return text

    with connect(f"{url}/chat", proxy=None) as client:
        client.send("Tell me of tea, in short.")
        hear("token 9")
        client.send("Tell me of coffee.")
        hear("token 3")
        client.send("stop")
        hear("stopped")
        client.send("Tell me of cocoa.")
        hear("token 3")


def main():
    with capture_spans() as spans, served(app) as url:
        talk(url)
    print(spans.tree("websocket.stream.end_reason"))
    for stream in spans.named("websocket.stream"):
        about = stream.attributes
        first = about["websocket.stream.time_to_first_chunk"]
        average = about["websocket.stream.average_chunk_interval"]
        count = about["websocket.stream.chunk_count"]
        reason = about["websocket.stream.end_reason"]
        rhythm = f"first after {first:.3f} s, every {average:.3f} s"
        print(f"{reason:<12} {count:>2} chunks, {rhythm}")


if __name__ == "__main__":
    main()
