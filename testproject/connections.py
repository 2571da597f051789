"""The connection manager of the Starlette chat: rooms with members in any number of processes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.websockets import WebSocket

from otel_ws_starlette.fanout import Event, Fanout, MemoryFanout, RedisFanout

from .messages import ChatMessage, message_of

CHANNEL = "chat"
logger = logging.getLogger(__name__)


class ConnectionManager:
    """Knows who is in which room in this process, and tells the rooms of all of them."""

    def __init__(self, fanout: Fanout) -> None:
        self._fanout = fanout
        self._rooms: defaultdict[str, list[WebSocket]] = defaultdict(list)

    async def connect(self, room: str, websocket: WebSocket) -> None:
        await websocket.accept()
        self._rooms[room].append(websocket)

    def disconnect(self, room: str, websocket: WebSocket) -> None:
        self._rooms[room].remove(websocket)
        if not self._rooms[room]:
            del self._rooms[room]

    async def broadcast(self, room: str, message: ChatMessage) -> None:
        """Tell everybody in the room, in every process."""
        await self._fanout.publish(CHANNEL, {"type": "chat.message", "room": room, **message})

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Deliver what is broadcast, for as long as the block lasts; it begins once we listen."""
        is_listening = asyncio.Event()
        task = asyncio.create_task(self._listen(is_listening))
        try:
            await is_listening.wait()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _listen(self, is_listening: asyncio.Event) -> None:
        while True:
            try:
                async with self._fanout.subscribe(CHANNEL) as events:
                    is_listening.set()
                    async for event in events:
                        await self._hear(event)
            except (RedisError, OSError) as error:
                logger.warning("nothing is heard from other processes: %s", error)
                await asyncio.sleep(1)

    async def _hear(self, event: Event) -> None:
        match event.message:  # anybody can publish anything
            case {"room": str(room), "kind": _, "name": _, "text": _}:
                message = message_of(event.message)
                # Together, so that nobody waits for all; one who just vanished is no error.
                sends = [member.send_json(message) for member in self._rooms.get(room, ())]
                await asyncio.gather(*sends, return_exceptions=True)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, ConnectionManager]]:
    """Serve with a manager in `websocket.state`: over Redis where `REDIS_URL` names one."""
    async with open_fanout(os.environ.get("REDIS_URL")) as fanout:
        manager = ConnectionManager(fanout)
        async with manager.listening():
            yield {"manager": manager}


@asynccontextmanager
async def open_fanout(redis_url: str | None) -> AsyncIterator[Fanout]:
    """Open the fan-out for one process, or for as many as share a Redis."""
    if not redis_url:
        yield MemoryFanout()
        return
    async with Redis.from_url(redis_url) as redis:
        yield RedisFanout(redis)
