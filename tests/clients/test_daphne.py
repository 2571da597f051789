"""The same on a server of another make, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from otel_ws.testing import CapturedSpans
from tests.wire.process import ServerProcess
from tests.wire.servers import SERVERS

from .libraries import HEAR, LIBRARIES, Close, Conversation, Gone, Library, raised

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=str)
(DAPHNE,) = (server for server in SERVERS if server.name == "daphne")
QUESTION = '{"question": "milk?"}'
CLOSE = ("websocket.close.code", "websocket.close.initiator", "websocket.close.status")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerProcess(DAPHNE, "tests.clients.server:alone") as process:
        yield f"ws://127.0.0.1:{process.port}"


@every_library
async def test_the_client_closes(library: Library, url: str, spans: CapturedSpans) -> None:
    def leave() -> Conversation:
        yield QUESTION
        assert b"milk?" in (yield HEAR).encode()
        yield Close(4000, "bye")

    await library.play(f"{url}/answer", leave())
    assert spans.tree(*CLOSE).splitlines() == [
        *("GET", "websocket.send -> GET", "websocket.receive -> GET"),
        "  websocket.close {websocket.close.code=4000, websocket.close.initiator=client, "
        "websocket.close.status=application}",
    ]


@every_library
async def test_the_server_closes(library: Library, url: str, spans: CapturedSpans) -> None:
    heard: list[Any] = []

    def hear_out() -> Conversation:
        for _ in range(3):
            heard.append((yield HEAR))
        with pytest.raises(Gone):
            yield HEAR

    await library.play(f"{url}/push?code=4001", hear_out())
    assert len(heard) == 3
    assert spans.tree(*CLOSE).splitlines() == [
        *("GET", *["websocket.receive -> GET"] * 3),
        "websocket.close -> GET {websocket.close.code=4001, websocket.close.initiator=server, "
        "websocket.close.status=application}",
    ]


@every_library
async def test_a_refused_handshake(library: Library, url: str, spans: CapturedSpans) -> None:
    assert await raised(library.play(f"{url}/refuse", iter(())))
    assert str(spans) == "GET ! 403"
