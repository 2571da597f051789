"""Daphne, with more patience for a client that is to answer its close.

Autobahn's second is too short for a client on a machine that has much else to do: then the close
is one of 1006.
"""

from __future__ import annotations

from typing import Any

from daphne.cli import CommandLineInterface
from daphne.ws_protocol import WebSocketFactory

_SECONDS = 10

own = WebSocketFactory.setProtocolOptions


def set_protocol_options(self: Any, **options: Any) -> None:
    own(self, closeHandshakeTimeout=_SECONDS, **options)


WebSocketFactory.setProtocolOptions = set_protocol_options

if __name__ == "__main__":
    CommandLineInterface.entrypoint()
