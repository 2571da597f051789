"""A context among the subprotocols, on every server: it is read, and nobody can select it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.wire.process import ServerProcess
from tests.wire.servers import SERVERS, Server

TRACE = "0af7651916cd43dd8448eb211c80319c"
TOKEN: Any = f"otel-ws.00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize("server", SERVERS, ids=str)
async def test_a_token_is_read_and_taken_out(server: Server) -> None:
    with ServerProcess(server, "tests.wire.tokens:application") as process:
        for offered, left in (
            (["chat", TOKEN], ["chat"]),
            ([TOKEN, "chat", "superchat"], ["chat", "superchat"]),
            ([TOKEN], []),  # Chrome refuses what a server makes of that: no subprotocol
        ):
            told, selected = await ask(process, offered)
            assert told["trace"] == TRACE
            assert told["subprotocols"] == left
            # wsproto keeps the header to itself.
            assert told["headers"] in ([", ".join(left)] if left else [], [])
            assert selected == next(iter(left), None)
        assert process.complaints() == []


async def ask(process: ServerProcess, offered: list[Any]) -> tuple[dict[str, Any], Any]:
    """Return what the application tells, and the subprotocol that was selected."""
    uri = f"ws://127.0.0.1:{process.port}/"
    async with connect(uri, subprotocols=offered, proxy=None) as websocket:
        return json.loads(await websocket.recv()), websocket.subprotocol
