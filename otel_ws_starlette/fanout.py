"""A small fan-out: publish in one process, send to WebSockets in all of them.

    fanout = RedisFanout(redis.asyncio.from_url("redis://localhost"))
    await fanout.publish("room", {"type": "said", "text": "hello"})

    async with fanout.subscribe("room") as events:
        async for event in events:
            await websocket.send_json(event.message)

What an iteration does with an event runs in its ``process`` span, which ends where the next
iteration asks for the next event.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from otel_ws import Config, Settings, envelope
from otel_ws.events import Events, Handling, publish, unobserved

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

__all__ = ["Event", "Fanout", "MemoryFanout", "RedisFanout", "Subscription"]

_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Event:
    """What has come over a channel."""

    channel: str
    message: Any
    """A dict where a JSON object was sent; what somebody else has sent otherwise, as it came."""


class Fanout(Protocol):
    """What both kinds can do."""

    async def publish(self, channel: str, message: dict[str, Any]) -> None:
        """Send a JSON object to every subscriber of `channel`; its ``type`` names the spans."""

    def subscribe(self, *channels: str) -> Any:
        """Return an async context manager that enters as a `Subscription`."""


class _Source(Protocol):
    async def get(self) -> Event: ...


class Subscription:
    """An async iterator of events. It is no generator: those must not hold a context."""

    def __init__(self, source: _Source, events: Events) -> None:
        self._source = source
        self._handling = Handling(events)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        self._handling.end()
        with unobserved():
            event = await self._source.get()
        message = envelope.unseal(event.message) if isinstance(event.message, dict) else {}
        self._handling.begin(message)
        return Event(event.channel, message) if isinstance(event.message, dict) else event

    def close(self, error: BaseException | None = None) -> None:
        """End the processing of the latest event, which may have raised `error`."""
        self._handling.end(error)


class MemoryFanout:
    """The fan-out of one process. A subscriber that falls behind by `capacity` events loses more.

    Takes the fields of `otel_ws.Config` as keywords.
    """

    def __init__(self, capacity: int = 1000, **settings: Unpack[Settings]) -> None:
        self._capacity = capacity
        self._events = _events("memory", settings)
        self._queues: defaultdict[str, set[asyncio.Queue[Event]]] = defaultdict(set)

    async def publish(self, channel: str, message: dict[str, Any]) -> None:
        await publish(self._events, "publish", self._put, channel, message)

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[Subscription]:
        queue: asyncio.Queue[Event] = asyncio.Queue(self._capacity)
        for channel in channels:
            self._queues[channel].add(queue)
        try:
            async with _subscribed(queue, self._events) as subscription:
                yield subscription
        finally:
            for channel in channels:
                self._queues[channel].discard(queue)
                if not self._queues[channel]:
                    del self._queues[channel]

    async def _put(self, channel: str, message: dict[str, Any]) -> None:
        for queue in tuple(self._queues.get(channel, ())):
            if queue.full():
                self._events.dropped("publish")
            else:
                queue.put_nowait(Event(channel, dict(message)))


class RedisFanout:
    """The fan-out of all processes that share a Redis, over its publish and subscribe.

    `redis` is a ``redis.asyncio`` client, which stays the caller's. What others publish on the
    same channels comes through as it is. Takes the fields of `otel_ws.Config` as keywords.
    """

    def __init__(self, redis: Redis, **settings: Unpack[Settings]) -> None:
        self._redis = redis
        self._events = _events("redis", settings)

    async def publish(self, channel: str, message: dict[str, Any]) -> None:
        await publish(self._events, "publish", self._put, channel, message)

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[Subscription]:
        pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
        async with pubsub:
            await pubsub.subscribe(*channels)
            async with _subscribed(_RedisSource(pubsub), self._events) as subscription:
                yield subscription

    async def _put(self, channel: str, message: dict[str, Any]) -> None:
        await self._redis.publish(channel, json.dumps(message))


class _RedisSource:
    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub

    async def get(self) -> Event:
        # A wait without end meets the client's socket timeout, which is for commands.
        while (found := await self._pubsub.get_message(timeout=_POLL_SECONDS)) is None:
            pass
        return Event(_text(found["channel"]), _message(found["data"]))


@asynccontextmanager
async def _subscribed(source: _Source, events: Events) -> AsyncIterator[Subscription]:
    subscription = Subscription(source, events)
    try:
        yield subscription
    except BaseException as error:
        subscription.close(error)
        raise
    subscription.close()


def _events(system: str, settings: Settings) -> Events:
    config = Config.load(settings)
    return Events(system, lambda: config)


def _message(data: Any) -> Any:
    try:
        message = json.loads(data)
    except ValueError:
        return data
    return message if isinstance(message, dict) else data


def _text(channel: str | bytes) -> str:
    return channel.decode() if isinstance(channel, bytes) else channel
