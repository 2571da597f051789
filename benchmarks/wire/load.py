"""The other end of the wire: it answers lines of JSON on stdin with lines on stdout.

What it sends and what it awaits are constant bytes, and no event loop stands in between: what is
measured is to be the server. It sleeps until a message is due or an answer comes: what spins
instead is halted at times by the scheduler, and that would be taken for the server's doing.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from selectors import EVENT_READ, SelectSelector
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from statistics import quantiles
from time import perf_counter

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from ..clients import TEXT
from ..workloads import PATH
from .cores import stay_on

_SECONDS = 30.0
_FRAME = Frame(Opcode.TEXT, TEXT.encode())
MESSAGE = _FRAME.serialize(mask=True)  # under one random key for good
ANSWER = _FRAME.serialize(mask=False)


class Connection:
    """A WebSocket on which messages are in flight, and when each was due."""

    def __init__(self, port: int) -> None:
        protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}{PATH}"))
        self.socket = create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        protocol.send_request(protocol.connect())
        self.socket.sendall(b"".join(protocol.data_to_send()))
        while protocol.state is State.CONNECTING:
            protocol.receive_data(self.socket.recv(4096))
        if protocol.state is not State.OPEN:
            raise RuntimeError(f"the server answered otherwise: {protocol.handshake_exc}")
        self.socket.setblocking(False)
        self._due: list[float] = []
        self._read = b""

    def send(self, due: float) -> None:
        self._due.append(due)
        if self.socket.send(MESSAGE) != len(MESSAGE):
            raise RuntimeError("the server no longer reads")

    def answered(self) -> list[float]:
        """Return when those messages were due whose answers have come in."""
        new = self.socket.recv(65536)
        if not new:
            raise RuntimeError("the server hung up")
        read = self._read + new
        whole = len(read) // len(ANSWER)
        if read[: whole * len(ANSWER)] != whole * ANSWER:
            raise RuntimeError(f"that is no echo: {read!r}")
        self._read = read[whole * len(ANSWER) :]
        done, self._due = self._due[:whole], self._due[whole:]
        return done


class Load:
    """A number of connections to one server at a time."""

    def __init__(self) -> None:
        self._selector = SelectSelector()  # the others round a timeout up to milliseconds
        self._connections: list[Connection] = []

    def open(self, port: int, connections: int) -> dict[str, float]:
        """Connect, and send a first few messages, which are no measure of those that follow."""
        self._connections = [Connection(port) for _ in range(connections)]
        for each in self._connections:
            self._selector.register(each.socket, EVENT_READ, each)
        return self.closed(connections * 4)

    def closed(self, messages: int) -> dict[str, float]:
        """Send each next message when the answer to the last has come, on all connections."""
        start = perf_counter()
        for each in self._connections:
            each.send(start)
        sent, answers = len(self._connections), 0
        while answers < messages:
            for connection in self._ready(_SECONDS):
                if not connection.answered():
                    continue
                answers += 1
                if sent < messages:
                    connection.send(start)
                    sent += 1
        return {"rate": messages / (perf_counter() - start)}

    def paced(self, messages: int, rate: float) -> dict[str, float]:
        """Send a message whenever one is due, whether or not the last was answered.

        How long one takes is counted from when it was due: a server that stands still
        for a while is charged with every message that it should have answered in the meantime.
        """
        start, sent = perf_counter(), 0
        took: list[float] = []
        late: list[float] = []
        while len(took) < messages:
            wait = start + sent / rate - perf_counter() if sent < messages else _SECONDS
            if wait <= 0:
                self._connections[sent % len(self._connections)].send(start + sent / rate)
                late.append(-wait)
                sent += 1
                continue
            for connection in self._ready(wait):
                took += _since(connection.answered())
        return {
            "p50": _percentile(took, 50),
            "p99": _percentile(took, 99),
            "late": _percentile(late, 99),
        }

    def close(self) -> dict[str, float]:
        for each in self._connections:
            self._selector.unregister(each.socket)
            each.socket.close()
        self._connections = []
        return {}

    def _ready(self, seconds: float) -> Iterator[Connection]:
        events = self._selector.select(seconds)
        if not events and seconds == _SECONDS:
            raise RuntimeError("the server no longer answers")
        return (key.data for key, _ in events)


def _since(dues: list[float]) -> list[float]:
    now = perf_counter()
    return [now - due for due in dues]


def _percentile(samples: list[float], percent: int) -> float:
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def _answer(load: Load) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(load, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    stay_on(max)
    gc.disable()  # a pause of its own would be taken for one of the server's
    _answer(Load())
