"""A crowd in a room that two processes share: every delivery is accounted for.

    python -m tests.layers.crowd [recipients, by default 1000]

What was delivered is known from the clients, what was traced from the bytes that both processes
have exported with the default batch processor. Exit status: 0 if they agree.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect

from testproject.otlp import ReceivedSpan
from testproject.redis_server import running_redis
from tests.layers.stage import DAPHNE, UVICORN, Stage, stage

QUEUE_FULL = ("Queue full, dropping Span", "Queue is full, likely spans will be dropped")
SECONDS = 120.0
ID = "messaging.message.id"


@dataclass
class Account:
    """What came of a number of events to a number of recipients."""

    recipients: int
    events: int
    heard: int
    """Deliveries, as the clients have counted them."""
    sends: list[ReceivedSpan]
    processed: list[ReceivedSpan]
    reported: bool
    """Whether the SDK has logged that it drops spans."""

    @property
    def per_event(self) -> Counter[object]:
        return Counter(span.attributes[ID] for span in self.processed)

    @property
    def missing(self) -> int:
        return self.recipients * self.events - len(self.processed)

    def strangers(self) -> list[ReceivedSpan]:
        """Return the spans that have another event's sender for a parent or a link."""
        sender = {span.attributes[ID]: span.context.span_id for span in self.sends}
        return [
            span
            for span in self.processed
            if _origin(span) != sender.get(span.attributes[ID], "no such sender")
        ]

    def doubles(self) -> int:
        """Count the deliveries that were traced more than once."""
        pairs = Counter(
            (span.attributes[ID], span.attributes["websocket.session.id"])
            for span in self.processed
        )
        return sum(count - 1 for count in pairs.values())


def _origin(span: ReceivedSpan) -> int | None:
    if span.parent_id is not None:
        return span.parent_id
    links = [
        link for link in span.links if (link.attributes or {})["websocket.link.type"] == "event"
    ]
    return links[0].context.span_id if len(links) == 1 else None


async def gather_crowd(
    stack: AsyncExitStack, addresses: Sequence[str], count: int
) -> list[ClientConnection]:
    """Connect `count` clients, in turn to each of the addresses, twenty at a time."""
    crowd: list[ClientConnection] = []
    for first in range(0, count, 20):
        uris = [f"ws://{addresses[n % len(addresses)]}/room" for n in range(first, first + 20)]
        for connecting in asyncio.as_completed(
            [join(uri) for uri in uris[: min(20, count - first)]]
        ):
            crowd.append(await connecting)
            stack.push_async_callback(crowd[-1].close)
    return crowd


async def join(uri: str) -> ClientConnection:
    websocket = await connect(uri, compression=None, proxy=None, open_timeout=SECONDS)
    await websocket.send("who?")  # its answer comes after it has joined the group
    await websocket.recv()
    return websocket


async def play(on: Stage, addresses: Sequence[str], recipients: int, events: int = 1) -> Account:
    """Let one of the crowd say something, `events` times, and wait until all have heard it."""

    async def listen(client: ClientConnection) -> int:
        return sum([await client.recv() == f"hello {n}" for n in range(events)])

    async with AsyncExitStack() as stack, asyncio.timeout(SECONDS):
        crowd = await gather_crowd(stack, addresses, recipients)
        listening = [asyncio.create_task(listen(client)) for client in crowd]
        for number in range(events):
            await crowd[0].send(f"hello {number}")
        heard = sum(await asyncio.gather(*listening))
    await _settle(on, recipients)
    spans = on.receiver.spans
    return Account(
        recipients,
        events,
        heard,
        [span for span in spans if span.name == "group_send room.said"],
        [span for span in spans if span.name == "process room.said"],
        any(line in on.log for line in QUEUE_FULL),
    )


async def _settle(on: Stage, recipients: int) -> None:
    """Wait for the last span of every connection, or until nothing more is exported."""
    quiet = 1.0 if on.delay else 6.0  # the processor itself exports every five seconds
    count, since = -1, time.monotonic()
    while time.monotonic() - since < quiet:
        spans = on.receiver.spans
        if sum(span.name == "websocket.close" for span in spans) == recipients:
            return
        if len(spans) != count:
            count, since = len(spans), time.monotonic()
        await asyncio.sleep(0.1)


def main() -> int:
    recipients = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with ExitStack() as stack:
        on = stack.enter_context(stage(stack.enter_context(running_redis()).url, delay=""))
        addresses = [stack.enter_context(on.server(app, app.key)) for app in (DAPHNE, UVICORN)]
        account = asyncio.run(play(on, addresses, recipients))
    agrees = not (account.missing or account.strangers() or account.doubles())
    print(
        f"{recipients} recipients in two processes: {account.heard} deliveries heard, "
        f"{len(account.processed)} exported, {len(account.strangers())} with another's context; "
        f"the SDK {'has' if account.reported else 'has not'} reported a full queue"
    )
    return 0 if agrees and account.heard == recipients else 1


if __name__ == "__main__":
    sys.exit(main())
