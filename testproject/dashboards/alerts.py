"""Alert rules for Prometheus, to be tuned: what is too slow, only you know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otel_ws import _instruments as instruments
from otel_ws import _semconv as names
from otel_ws._instruments import Instrument

from .names import label, metric

_PERIOD: Final = "5m"
_ROUTE: Final = label(names.HTTP_ROUTE)
_STREAM: Final = label(names.STREAM_NAME)
_SYSTEM: Final = label(names.MESSAGING_SYSTEM)
_ERROR: Final = label(names.ERROR_TYPE)
_STATUS: Final = label(names.CLOSE_STATUS)


@dataclass(frozen=True, slots=True)
class Alert:
    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    description: str


def _rate(instrument: Instrument, chosen: str = "", *by: str) -> str:
    series = f"{metric(instrument)}_count" + (f"{{{chosen}}}" if chosen else "")
    return f"sum by (job, {', '.join(by)}) (rate({series}[{_PERIOD}]))"


def _share(instrument: Instrument, chosen: str, *by: str) -> str:
    return f"{_rate(instrument, chosen, *by)} / {_rate(instrument, '', *by)}"


def _quantile(share: float, instrument: Instrument, *by: str) -> str:
    rate = f"rate({metric(instrument)}_bucket[{_PERIOD}])"
    return f"histogram_quantile({share}, sum by (job, {', '.join(by)}, le) ({rate}))"


def _grown(instrument: Instrument, by: str) -> str:
    """Return what tells that a counter has grown, also one that was not there before."""
    counter, grouped = metric(instrument), f"sum by (job, {by})"
    grown = f"{grouped} (increase({counter}[{_PERIOD}])) > 0"
    return f"{grown} or {grouped} ({counter} unless {counter} offset {_PERIOD}) > 0"


ALERTS: Final = (
    Alert(
        "WebSocketHandshakesFail",
        _share(instruments.HANDSHAKE_DURATION, f'{_ERROR}!=""', _ROUTE) + " > 0.05",
        "5m",
        "critical",
        "WebSocket handshakes fail on {{ $labels.http_route }}",
        "{{ $value | humanizePercentage }} of them end with an error of the server.",
    ),
    Alert(
        "WebSocketClosesAbnormal",
        _share(
            instruments.CONNECTION_DURATION,
            f'{_STATUS}=~"abnormal_closure|internal_error|timeout"',
            _ROUTE,
        )
        + " > 0.2",
        "15m",
        "warning",
        "WebSockets break off on {{ $labels.http_route }}",
        "{{ $value | humanizePercentage }} of them end without a proper close.",
    ),
    Alert(
        "WebSocketFirstChunkSlow",
        f"{_quantile(0.95, instruments.STREAM_FIRST, _ROUTE, _STREAM)} > 2.56",
        "10m",
        "warning",
        "{{ $labels.websocket_stream_name }} starts late on {{ $labels.http_route }}",
        "One stream in twenty has its first chunk only after {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "WebSocketEventsDropped",
        _grown(instruments.EVENTS_DROPPED, _SYSTEM),
        "0m",
        "warning",
        "Events for WebSockets are lost in {{ $labels.messaging_system }}",
        "{{ $value | humanize }} in five minutes: recipients are too slow, or a layer too small.",
    ),
    Alert(
        "WebSocketMessagesWait",
        f"{_quantile(0.95, instruments.DISPATCH_WAIT, _ROUTE)} > 1",
        "10m",
        "warning",
        "Messages wait for their consumer on {{ $labels.http_route }}",
        'One in twenty waits {{ $value | humanizeDuration }}. Needs metrics="message".',
    ),
)


def rules() -> str:
    """Return the file of the rules."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Written by scripts/dashboards: change that instead."
    yield "groups:"
    yield "  - name: otel-ws"
    yield "    rules:"
    for alert in ALERTS:
        yield f"      - alert: {alert.name}"
        yield f"        expr: {_quoted(alert.expression)}"
        yield f"        for: {alert.lasting}"
        yield "        labels:"
        yield f"          severity: {alert.severity}"
        yield "        annotations:"
        yield f"          summary: {_quoted(alert.summary)}"
        yield f"          description: {_quoted(alert.description)}"


def _quoted(text: str) -> str:
    """Return a text in YAML's single quotes, within which only they are special."""
    return "'" + text.replace("'", "''") + "'"
