"""A collector for a visit: OTLP over HTTP, on this machine alone, as long as a block lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from .._otlp import NotOTLP, decode, unpack
from .._records import SpanRecord

_MAX_BODY: Final = 16 * 1024 * 1024
_MAX_SPANS: Final = 10_000
_MAX_REFUSED: Final = 10
_OUR_METRICS: Final = b"websocket.server."
_IDLE_SECONDS: Final = 10


class Receiver:
    """Keeps the spans that an application exports; the latest, if there are very many."""

    def __init__(self, port: int = 0) -> None:
        self._spans: list[SpanRecord] = []
        self._changed = threading.Condition()
        self.has_metrics = False
        self.is_grpc = False
        self.refused: list[str] = []
        self._server = _Server(port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make an application send its spans here, and soon."""
        endpoint = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{endpoint}/v1/traces",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    @property
    def spans(self) -> list[SpanRecord]:
        """Return what has come so far, in the order in which it was started."""
        with self._changed:
            return sorted(self._spans, key=lambda span: span.started)

    def wait_for(self, predicate: Callable[[list[SpanRecord]], bool], seconds: float) -> bool:
        """Wait until `predicate` holds for the spans; return whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self.spans), seconds)

    def keep(self, spans: list[SpanRecord]) -> None:
        with self._changed:
            self._spans = [*self._spans, *spans][-_MAX_SPANS:]
            self._changed.notify_all()

    def refuse(self, why: str) -> None:
        if len(self.refused) < _MAX_REFUSED:
            self.refused.append(why)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.receiver = receiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    server: _Server

    def do_POST(self) -> None:
        try:
            body = b"".join(self._pieces())
            self._take(body, self.headers.get("Content-Encoding", ""))
        except NotOTLP as error:
            self.server.receiver.refuse(str(error))
            self.close_connection = True
            self._answer(error.status)
        except (ValueError, EOFError):
            self.close_connection = True
            self._answer(400)
        else:
            self._answer(200)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request, and notice HTTP/2, which is what gRPC speaks."""
        if code == HTTPStatus.HTTP_VERSION_NOT_SUPPORTED:
            self.server.receiver.is_grpc = True
        super().send_error(code, message, explain)

    def _take(self, body: bytes, encoding: str) -> None:
        receiver = self.server.receiver
        if self.path == "/v1/traces":
            receiver.keep(decode(body, self.headers.get("Content-Type", ""), encoding))
        elif self.path == "/v1/metrics":
            receiver.has_metrics |= _OUR_METRICS in unpack(body, encoding)
        elif self.path != "/v1/logs":
            raise NotOTLP(f"spans were sent to {self.path[:80]!r}, not to /v1/traces", 404)

    def _pieces(self) -> Iterator[bytes]:
        """Yield the body, which some exporters send in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(self._within(int(self.headers.get("Content-Length", 0)), 0))
            return
        total = 0
        while size := int(self.rfile.readline(64), 16):
            total += self._within(size, total)
            yield self.rfile.read(size)
            self.rfile.readline(64)
        self.rfile.readline(64)

    def _within(self, size: int, before: int) -> int:
        if not 0 <= size <= _MAX_BODY - before:
            raise NotOTLP(f"an export has more than {_MAX_BODY} bytes", 413)
        return size

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the terminal belongs to the findings."""
