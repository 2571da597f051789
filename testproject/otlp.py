"""Receive spans and metrics over OTLP/HTTP as a collector does, and keep them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import SpanFlags
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope as Scope
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState
from opentelemetry.trace import Status as SpanStatus

from otel_ws import _otlp as otlp
from otel_ws._otlp import PROTOBUF
from otel_ws._records import LinkRecord, SpanRecord

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a received span."""

    name: str
    timestamp: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it came over the wire, with the attribute names of the SDK's `ReadableSpan`."""

    name: str
    kind: SpanKind
    context: SpanContext
    parent: SpanContext | None
    start_time: int
    end_time: int
    status: SpanStatus
    attributes: Attributes
    links: tuple[Link, ...]
    events: tuple[ReceivedEvent, ...]
    instrumentation_scope: Scope = field(repr=False)
    resource: Resource = field(repr=False)

    @property
    def trace_id(self) -> int:
        return self.context.trace_id

    @property
    def span_id(self) -> int:
        return self.context.span_id

    @property
    def parent_id(self) -> int | None:
        return self.parent.span_id if self.parent else None

    @property
    def scope_name(self) -> str:
        return self.instrumentation_scope.name

    def get_span_context(self) -> SpanContext:
        return self.context


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """One series of a received metric."""

    attributes: Attributes
    value: float
    """The sum, of a histogram too."""
    count: int | None
    """How many values there were, of a histogram."""
    bounds: tuple[float, ...]
    exemplars: tuple[tuple[int, int], ...]
    """The trace and the span that each exemplar leads to."""


@dataclass(frozen=True, slots=True)
class ReceivedMetric:
    """A metric as it came over the wire."""

    name: str
    unit: str
    description: str
    kind: str
    """`sum`, `gauge` or `histogram`; `counter` for a sum that only grows."""
    points: tuple[ReceivedPoint, ...]
    instrumentation_scope: Scope = field(repr=False)


def decode(body: bytes, content_type: str = PROTOBUF, encoding: str = "") -> list[ReceivedSpan]:
    """Return the spans of one export request."""
    return [_span(record) for record in otlp.decode(body, content_type, encoding)]


def decode_metrics(body: bytes) -> Iterator[ReceivedMetric]:
    """Yield the metrics of one export request."""
    for resource_metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            scope = _scope(scope_metrics.scope, scope_metrics.schema_url)
            yield from (_metric(metric, scope) for metric in scope_metrics.metrics)


def _metric(metric: Metric, scope: Scope) -> ReceivedMetric:
    kind = metric.WhichOneof("data") or "gauge"
    data = getattr(metric, kind)
    points = tuple(map(_point, data.data_points)) if kind in ("sum", "gauge", "histogram") else ()
    kind = "counter" if kind == "sum" and data.is_monotonic else kind
    return ReceivedMetric(metric.name, metric.unit, metric.description, kind, points, scope)


def _point(point: Any) -> ReceivedPoint:
    is_histogram = hasattr(point, "bucket_counts")
    exemplars = ((each.trace_id, each.span_id) for each in point.exemplars if each.span_id)
    return ReceivedPoint(
        attributes=otlp.attributes_of(point.attributes),
        value=point.sum if is_histogram else getattr(point, point.WhichOneof("value")),
        count=point.count if is_histogram else None,
        bounds=tuple(point.explicit_bounds) if is_histogram else (),
        exemplars=tuple((int.from_bytes(t), int.from_bytes(s)) for t, s in exemplars),
    )


def _span(record: SpanRecord) -> ReceivedSpan:
    return ReceivedSpan(
        name=record.name,
        kind=SpanKind[record.kind],
        context=_context(record.trace_id, record.span_id, record.trace_state),
        parent=_parent(record),
        start_time=record.started,
        end_time=record.ended,
        status=SpanStatus(StatusCode[record.status.upper()], record.status_description or None),
        attributes=record.attributes,
        links=tuple(map(_link, record.links)),
        events=tuple(ReceivedEvent(e.name, e.time, e.attributes) for e in record.events),
        instrumentation_scope=Scope(
            record.scope,
            record.scope_version or None,
            record.schema_url,
            dict(record.scope_attributes),
        ),
        resource=Resource(record.resource),
    )


def _scope(scope: InstrumentationScope, schema_url: str) -> Scope:
    attributes = otlp.attributes_of(scope.attributes)
    return Scope(scope.name, scope.version or None, schema_url, attributes)


def _parent(record: SpanRecord) -> SpanContext | None:
    if record.parent_id is None:
        return None
    # The flags of a span on the wire tell whether its parent is remote, not the span itself.
    return _context(record.trace_id, record.parent_id, flags=record.flags)


def _link(link: LinkRecord) -> Link:
    context = _context(link.trace_id, link.span_id, link.trace_state, link.flags)
    return Link(context, link.attributes)


def _context(trace_id: str, span_id: str, state: str = "", flags: int = 0) -> SpanContext:
    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=bool(flags & SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK),
        trace_flags=TraceFlags(TraceFlags.SAMPLED),  # it was exported
        trace_state=TraceState.from_header([state]) if state else None,
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = b"".join(self._chunks())
        encoding = self.headers.get("Content-Encoding", "")
        if self.path == "/v1/traces":
            self.server.keep(decode(body, self.headers.get("Content-Type", ""), encoding))
        elif self.path == "/v1/metrics":
            self.server.keep_metrics(decode_metrics(otlp.unpack(body, encoding)))
        self._accept()  # logs are accepted and dropped

    def _chunks(self) -> Iterator[bytes]:
        """Yield the body: OpenTelemetry JS sends it in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_OPTIONS(self) -> None:
        """Let pages from elsewhere send their spans too, as a collector does that was told to."""
        self._accept()

    def _accept(self) -> None:
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the terminal belongs to the traces."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self,
        keep: Callable[[list[ReceivedSpan]], None],
        keep_metrics: Callable[[Iterable[ReceivedMetric]], None],
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keep = keep
        self.keep_metrics = keep_metrics


class OTLPReceiver:
    """A collector on a free local port, in a thread, for as long as the `with` block lasts.

    Example::

        with OTLPReceiver() as receiver:
            process = subprocess.Popen(command, env=os.environ | receiver.environment)
            spans = receiver.wait_for(lambda spans: len(spans) == 5, timeout=10)
    """

    def __init__(self) -> None:
        self._spans: list[ReceivedSpan] = []
        self._metrics: dict[tuple[str, str], ReceivedMetric] = {}
        self._changed = threading.Condition()
        self._server = _Server(self._keep, self._keep_metrics)
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
    def endpoint(self) -> str:
        """The value for `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a child process send its spans here, and soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "no_proxy": "127.0.0.1",  # a proxy of the environment is not for this
        }

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Everything received so far, in the order in which the spans started."""
        with self._changed:
            return sorted(self._spans, key=lambda span: span.start_time)

    @property
    def metrics(self) -> list[ReceivedMetric]:
        """Return each metric as it was exported last."""
        with self._changed:
            return list(self._metrics.values())

    def clear(self) -> None:
        """Forget everything received so far."""
        with self._changed:
            self._spans.clear()
            self._metrics.clear()

    def forget(self, spans: Iterable[ReceivedSpan]) -> None:
        """Forget these spans."""
        forgotten = {span.span_id for span in spans}
        with self._changed:
            self._spans = [span for span in self._spans if span.span_id not in forgotten]

    def wait_for(
        self, predicate: Callable[[list[ReceivedSpan]], bool], timeout: float = 10.0
    ) -> list[ReceivedSpan]:
        """Return the spans as soon as `predicate` holds for them; raise `TimeoutError` if not."""
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self.spans), timeout):
                names = ", ".join(span.name for span in self.spans) or "no span at all"
                raise TimeoutError(f"not what was waited for within {timeout} s: {names}")
            return self.spans

    def _keep(self, spans: list[ReceivedSpan]) -> None:
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()

    def _keep_metrics(self, metrics: Iterable[ReceivedMetric]) -> None:
        with self._changed:
            for metric in metrics:
                self._metrics[metric.instrumentation_scope.name, metric.name] = metric
