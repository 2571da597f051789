"""A voice assistant without a voice: its engines are pauses, its trace has the shape of one.

What it is told is a JSON text: {"says": ..., "chunks": ...}. A further one while it still speaks
stops it, as a user does who speaks into its answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from opentelemetry import trace
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws.streams import StreamMeter, meter_stream
from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

tracer = trace.get_tracer("assistant")

AUDIO = bytes(3200)
WORDS = ("The", "kettle", "is", "on", "and", "the", "tea", "will", "be", "ready", "in", "a minute")


async def tokens() -> Any:
    await asyncio.sleep(0.22)
    for number, word in enumerate(WORDS):
        yield word
        await asyncio.sleep(0.12 if number == 6 else 0.025)


async def hear(said: dict[str, Any]) -> str:
    with tracer.start_as_current_span("asr", attributes={"asr.model": "base"}) as span:
        await asyncio.sleep(0.18)
        if not said["says"]:
            raise ValueError("no speech in 1.2 s of audio")
        span.set_attribute("asr.text", said["says"])
    with tracer.start_as_current_span("intent") as span:
        await asyncio.sleep(0.03)
        span.set_attribute("intent.name", "ask.tea")
    return str(said["says"])


async def think(websocket: WebSocket, text: str) -> None:
    with tracer.start_as_current_span(f"chat {len(text)}"[:4], kind=trace.SpanKind.CLIENT) as span:
        span.set_attribute("gen_ai.request.model", "small")
        async for word in meter_stream(tokens(), "reply"):
            await websocket.send_json({"word": word})


async def speak(websocket: WebSocket, chunks: int) -> None:
    with StreamMeter("speech"), tracer.start_as_current_span("tts") as span:
        span.set_attribute("tts.voice", "calm")
        await asyncio.sleep(0.14)
        for number in range(chunks):
            await asyncio.sleep(0.16 if number == chunks // 2 else 0.02)
            await websocket.send_bytes(AUDIO)


async def answer(websocket: WebSocket, said: dict[str, Any]) -> None:
    text = await hear(said)
    await think(websocket, text)
    await speak(websocket, said["chunks"])
    await websocket.send_json({"done": True})


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    speaking: asyncio.Task[None] | None = None
    async for said in websocket.iter_json():
        if speaking is not None and not speaking.done():
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking
        if said.get("waits"):
            await answer(websocket, said)
        elif said["says"] != "stop":
            speaking = asyncio.create_task(answer(websocket, said))
        else:
            await websocket.send_json({"stopped": True})


async def shout(websocket: WebSocket) -> None:
    """Every message by itself: the turns are metered, and the sends keep their spans."""
    await websocket.accept()
    async for text in websocket.iter_text():
        for letter in text:
            await websocket.send_text(letter.upper())


async def locked(websocket: WebSocket) -> None:
    await websocket.close(1008)


telemetry.configure("assistant")

app = TracingMiddleware(
    Starlette(
        routes=[
            WebSocketRoute("/talk", talk),
            WebSocketRoute("/rhythm", talk),
            WebSocketRoute("/shout", shout),
            WebSocketRoute("/locked", locked),
        ]
    ),
    meter_turns=True,
)
