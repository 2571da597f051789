"""What the page is shown: conversations that really take place, with their spans sent to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from testproject.scenes import connect_to, converse, hear, wait_for_page
from testproject.servers import STARLETTE, App, clean_environment, listen, serve_together
from testproject.voice.audio import read_wav
from testproject.voice.client import SAMPLES, talking
from testproject.voice.messages import PATH

from .serving import PageServer

ASSISTANT = App("assistant", "", ("uvicorn", "--log-level=critical", "tests.page.assistant:app"))


@contextmanager
def served(app: App, page: PageServer, count: int = 1, **more: str) -> Iterator[list[int]]:
    """Run so many servers of an application, and yield their ports."""
    listeners = [listen() for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    with serve_together(app, listeners, clean_environment() | page.environment | more):
        for port in ports:
            wait_for_page(port)
        yield ports


def chat(app: App, page: PageServer, redis_url: str, pause: float = 0) -> None:
    """Ada is on server 1 and Grace on server 2; first both are on server 1.

    They think for `pause` seconds before they say something.
    """
    with served(app, page, 2, REDIS_URL=redis_url) as ports:
        here, there = (partial(connect_to, port) for port in ports)
        converse(here)
        with here("/ws/chat/tea?name=Ada") as ada, there("/ws/chat/tea?name=Grace") as grace:
            until("joined Grace", ada, grace)
            for text in ("Milk?", "Sugar?", "And a biscuit?"):
                time.sleep(pause)
                ada.send(json.dumps({"text": text}))
                until(f"said Ada {text}", ada, grace)
                time.sleep(pause / 2)
                grace.send(json.dumps({"text": "Yes, please."}))
                until("said Grace Yes, please.", ada, grace)


def until(expected: str, *clients: Any) -> None:
    for client in clients:
        heard = ""
        while heard != expected:
            heard = " ".join(filter(None, json.loads(client.recv(timeout=15)).values()))


def assist(page: PageServer) -> None:
    """Three questions, one of which is interrupted; then silence, which is an error."""
    with served(ASSISTANT, page) as (port,), connect_to(port, "/talk") as client:
        ask(client, "Is the tea ready?", 24)
        ask(client, "How long must it stand?", 40, interrupts=14)
        ask(client, "Thank you.", 12)
        with suppress(ConnectionClosed):
            ask(client, "", 1, waits=True)


def ask(client: Any, says: str, chunks: int, interrupts: int = 0, waits: bool = False) -> None:
    """Ask, and listen to the answer; or interrupt it after so many of its chunks."""
    client.send(json.dumps({"says": says, "chunks": chunks, "waits": waits}))
    heard = 0
    while True:
        data = client.recv(timeout=15)
        heard += isinstance(data, bytes)
        if isinstance(data, str) and "done" in data:
            return
        if interrupts and heard == interrupts:
            client.send('{"says": "stop"}')
            while not (isinstance(data, str) and "stopped" in data):
                data = client.recv(timeout=15)
            return


def rhythm(page: PageServer) -> None:
    """A question, with the time of each chunk of the answer."""
    with (
        served(ASSISTANT, page, OTEL_WS_RECORD_CHUNK_TIMES="true") as (port,),
        connect_to(port, "/rhythm") as client,
    ):
        ask(client, "Is the tea ready?", 24)


def voice(page: PageServer, redis_url: str) -> None:
    """Two questions to the voice assistant of the test project, and one that is interrupted."""
    with served(STARLETTE, page, REDIS_URL=redis_url, OTEL_WS_RECORD_CHUNK_TIMES="true") as (port,):
        asyncio.run(_talk(f"ws://127.0.0.1:{port}{PATH}"))


async def _talk(url: str) -> None:
    names = ("capital", "sum", "timer")
    capital, sum_of, timer = (read_wav(SAMPLES / f"{name}.wav") for name in names)
    async with talking(url) as talk:
        await talk.converse(capital)
        await talk.converse(sum_of)
        await talk.speak(capital)
        await talk.listen(sound=1)
        await asyncio.sleep(0.5)
        await talk.converse(timer)


def shout(page: PageServer) -> None:
    """Somebody whose answers are metered by themselves, and two who are not let in."""
    with served(ASSISTANT, page) as (port,):
        with connect_to(port, "/shout") as client:
            for text in ("hello", "tea"):
                client.send(text)
                for letter in text:
                    hear(letter.upper(), client)
        with suppress(InvalidStatus):
            connect_to(port, "/locked")
