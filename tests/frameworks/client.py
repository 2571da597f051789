"""Plays a connection to a host: `python -m tests.frameworks.client /ws/lobby hello address`."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress

import socketio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PATIENCE = 20


async def play(path: str, *texts: str, address: str) -> list[str]:
    """Return what was answered to each text, or the status of a refusal."""
    heard = []
    try:
        async with connect(f"ws://{address}{path}", compression=None, proxy=None) as websocket:
            with suppress(ConnectionClosed):
                for text in texts:
                    await websocket.send(text)
                    heard.append(str(await websocket.recv()))
    except InvalidStatus as refusal:
        heard.append(str(refusal.response.status_code))
    return heard


async def emit(transport: str, *texts: str, address: str) -> list[str]:
    """Return what Socket.IO has acknowledged, and what it has sent besides."""
    client, said = socketio.AsyncClient(), []
    arrived = asyncio.Event()

    @client.on("said")
    def hear(text: str) -> None:
        said.append(text)
        arrived.set()

    await client.connect(f"http://{address}", transports=transport.split("+"))
    for text in texts:
        arrived.clear()
        said.append(await client.call("say", text))
        await arrived.wait()
    # A poll under way would have to end first, which takes the server as long as a ping.
    await (client.eio.disconnect(abort=True) if transport == "polling" else client.disconnect())
    return sorted(said)


async def main(where: str, *rest: str) -> list[str]:
    *texts, address = rest
    async with asyncio.timeout(PATIENCE):
        if where.startswith("/"):
            return await play(where, *texts, address=address)
        return await emit(where, *texts, address=address)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
