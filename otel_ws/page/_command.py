"""Serve the trace page on its own, for every process that sends it spans over OTLP/HTTP."""

from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser, Namespace

import uvicorn

from ._access import is_local_name
from ._app import TracePage
from ._buffer import DEFAULT_LIMIT, SpanBuffer

_OTLP_PORT = 4318
_NOT_LOCAL = "The trace page answers only this machine: --host takes 127.0.0.1, ::1 or localhost"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1, ::1 or localhost")
    parser.add_argument("--port", type=_port, default=_OTLP_PORT, help="0 takes any that is free")
    parser.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, help="how many spans are kept: the last ones"
    )
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        dest="origins",
        help="an origin whose pages may send spans too, such as http://localhost:5173",
    )


def run(options: Namespace) -> int:
    """Serve until a signal ends it. Return 1 if that cannot begin, with words on stderr."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    if not is_local_name(host):
        print(_NOT_LOCAL, file=sys.stderr)
        return 1
    try:
        page = TracePage(SpanBuffer(options.limit), origins=options.origins)
        listener = _listener(options.host, options.port)
    except (OSError, ValueError) as error:
        print(f"The trace page cannot be served: {error}", file=sys.stderr)
        return 1
    url = f"http://{host}:{listener.getsockname()[1]}"
    print(f"The trace page: {url}/", flush=True)
    variables = f"OTEL_EXPORTER_OTLP_ENDPOINT={url} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    print(f"Send it spans:  {variables}", flush=True)
    _serve(page, listener)
    return 0


def _port(text: str) -> int:
    number = int(text)
    if number not in range(65536):
        raise ValueError
    return number


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _serve(page: TracePage, listener: socket.socket) -> None:
    config = uvicorn.Config(
        page,
        lifespan="off",
        log_level="warning",
        proxy_headers=False,  # who the peer is, a header must not say
        timeout_graceful_shutdown=1,
        ws_per_message_deflate=False,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return
