"""Every metric: its name, kind, unit, level and buckets. The docs' table is checked against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["histogram", "observable counter", "up-down counter"]


@dataclass(frozen=True, slots=True)
class Instrument:
    name: str
    kind: Kind
    unit: str
    level: Literal["connection", "message"]
    says: str
    buckets: tuple[float, ...] | None = None


def _doubling(first: float, last: float, factor: int = 2) -> tuple[float, ...]:
    steps = [first]
    while steps[-1] * factor <= last:
        steps.append(round(steps[-1] * factor, 6))
    return tuple(steps)


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_LIFETIMES: Final = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300),
    *(900, 3600, 14400, 86400),
)
_INTERVALS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1),
    *(0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5),
)

ACTIVE: Final = Instrument(
    "websocket.server.connection.active",
    "up-down counter",
    "{connection}",
    "connection",
    "Connections that are open.",
)
CONNECTION_DURATION: Final = Instrument(
    "websocket.server.connection.duration",
    "histogram",
    "s",
    "connection",
    "How long connections were open.",
    _LIFETIMES,
)
HANDSHAKE_DURATION: Final = Instrument(
    "websocket.server.handshake.duration",
    "histogram",
    "s",
    "connection",
    "How long handshakes took, from the call of the application to its answer.",
    _SECONDS,
)
MESSAGES: Final = Instrument(
    "websocket.server.messages",
    "observable counter",
    "{message}",
    "connection",
    "Messages that were received and sent.",
)
PROCESS_DURATION: Final = Instrument(
    "websocket.server.message.process.duration",
    "histogram",
    "s",
    "message",
    "How long the handling of messages took.",
    _SECONDS,
)
SEND_DURATION: Final = Instrument(
    "websocket.server.message.send.duration",
    "histogram",
    "s",
    "message",
    "How long sends took, back-pressure included.",
    _SECONDS,
)
DISPATCH_WAIT: Final = Instrument(
    "websocket.server.message.dispatch_wait",
    "histogram",
    "s",
    "message",
    "How long messages waited for their consumer behind others.",
    _SECONDS,
)
MESSAGE_SIZE: Final = Instrument(
    "websocket.server.message.size",
    "histogram",
    "By",
    "message",
    "The size of messages.",
    _doubling(64, 1048576, 4),
)
STREAM_FIRST: Final = Instrument(
    "websocket.server.stream.time_to_first_chunk",
    "histogram",
    "s",
    "connection",
    "How long streams took from what asked for them to their first chunk.",
    (0.001, 0.005, 0.01, *_doubling(0.02, 81.92)),
)
STREAM_LAST: Final = Instrument(
    "websocket.server.stream.time_to_last_chunk",
    "histogram",
    "s",
    "connection",
    "How long streams took from what asked for them to their last chunk.",
    _doubling(0.01, 327.68),
)
STREAM_AVERAGE_INTERVAL: Final = Instrument(
    "websocket.server.stream.average_chunk_interval",
    "histogram",
    "s",
    "connection",
    "The average time between the chunks of a stream, where it has more than one.",
    _INTERVALS,
)
STREAM_INTERVAL: Final = Instrument(
    "websocket.server.stream.chunk_interval",
    "histogram",
    "s",
    "message",
    "The time between a chunk and the one before it.",
    _INTERVALS,
)
STREAM_CHUNK_COUNT: Final = Instrument(
    "websocket.server.stream.chunk_count",
    "histogram",
    "{chunk}",
    "connection",
    "How many chunks streams had.",
    _doubling(1, 65536, 4),
)
EVENTS_SENT: Final = Instrument(
    "messaging.client.sent.messages",
    "observable counter",
    "{message}",
    "connection",
    "Events that were sent into a layer or a fan-out.",
)
EVENTS_CONSUMED: Final = Instrument(
    "messaging.client.consumed.messages",
    "observable counter",
    "{message}",
    "connection",
    "Events that were handed to a recipient.",
)
EVENTS_DROPPED: Final = Instrument(
    "websocket.layer.dropped_messages",
    "observable counter",
    "{message}",
    "connection",
    "Events that were lost on their way, as far as the layer lets one know.",
)
OPERATION_DURATION: Final = Instrument(
    "messaging.client.operation.duration",
    "histogram",
    "s",
    "message",
    "How long a layer or a fan-out took to accept events.",
    _SECONDS,
)
EVENT_PROCESS_DURATION: Final = Instrument(
    "messaging.process.duration",
    "histogram",
    "s",
    "message",
    "How long the handling of events took.",
    _SECONDS,
)
DELIVERY_DURATION: Final = Instrument(
    "websocket.layer.delivery.duration",
    "histogram",
    "s",
    "message",
    "How long events were under way, from send to dispatch; clocks that disagree count as 0.",
    _SECONDS,
)
INSTRUMENTS: Final = tuple(each for each in globals().values() if isinstance(each, Instrument))
