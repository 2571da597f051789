"""What the dashboard shows: one panel after the other, each from instruments of the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otel_ws import _instruments as instruments
from otel_ws import _semconv as names
from otel_ws._instruments import Instrument

from .names import label, metric

_CHOSEN: Final = 'job=~"$job"'
_OF_ROUTES: Final = f'{_CHOSEN}, {label(names.HTTP_ROUTE)}=~"$route"'
_PERIOD: Final = "$__rate_interval"
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_UNITS: Final = {"s": "s", "By": "bytes"}


@dataclass(frozen=True, slots=True)
class Query:
    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    unit: str
    queries: tuple[Query, ...]
    says: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


def _selector(instrument: Instrument) -> str:
    """Return what chooses among the series of an instrument: events belong to no route."""
    is_event = instrument.name.startswith(("messaging.", "websocket.layer."))
    return _CHOSEN if is_event else _OF_ROUTES


def _says(instrument: Instrument) -> str:
    level = ' Needs metrics="message".' if instrument.level == "message" else ""
    return f"{instrument.says}{level}"


def _legend(by: tuple[str, ...]) -> str:
    return " ".join(f"{{{{{label(name)}}}}}" for name in by)


def _by(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(map(label, by))}) " if by else "sum"


def _value(title: str, instrument: Instrument, *by: str) -> Panel:
    expression = f"{_by(by)}({metric(instrument)}{{{_selector(instrument)}}})"
    return Panel(title, "short", (Query(expression, _legend(by)),), _says(instrument))


def _rate(title: str, instrument: Instrument, *by: str) -> Panel:
    name = metric(instrument) + ("_count" if instrument.kind == "histogram" else "")
    expression = f"{_by(by)}(rate({name}{{{_selector(instrument)}}}[{_PERIOD}]))"
    return Panel(title, "cps", (Query(expression, _legend(by)),), _says(instrument))


def _quantiles(title: str, instrument: Instrument, *by: str) -> Panel:
    series = f"{metric(instrument)}_bucket{{{_selector(instrument)}}}"
    grouped = f"{_by((*by, 'le'))}(rate({series}[{_PERIOD}]))"
    queries = tuple(
        Query(f"histogram_quantile({share}, {grouped})", f"{name} {_legend(by)}".rstrip())
        for name, share in _QUANTILES.items()
    )
    return Panel(title, _UNITS.get(instrument.unit, "short"), queries, _says(instrument))


def _failures() -> Panel:
    """Show the share of the handshakes that nobody was let in by."""
    name = f"{metric(instruments.HANDSHAKE_DURATION)}_count"
    status = label(names.HTTP_RESPONSE_STATUS_CODE)
    refused = f'rate({name}{{{_OF_ROUTES}, {status}!~"101|200"}}[{_PERIOD}])'
    broken = f'rate({name}{{{_OF_ROUTES}, {label(names.ERROR_TYPE)}!=""}}[{_PERIOD}])'
    every = f"sum(rate({name}{{{_OF_ROUTES}}}[{_PERIOD}]))"
    queries = (
        Query(f"(sum({refused}) or vector(0)) / {every}", "not accepted"),
        Query(f"(sum({broken}) or vector(0)) / {every}", "failed"),
    )
    return Panel("Handshakes that were not accepted", "percentunit", queries)


_CONNECTIONS: Final = (
    _value("Open connections", instruments.ACTIVE, names.HTTP_ROUTE),
    _rate("Handshakes", instruments.HANDSHAKE_DURATION, names.HTTP_RESPONSE_STATUS_CODE),
    _failures(),
    _quantiles("Handshake duration", instruments.HANDSHAKE_DURATION),
    _quantiles("Lifetime of connections", instruments.CONNECTION_DURATION),
    _rate("Closes", instruments.CONNECTION_DURATION, names.CLOSE_STATUS),
)
_MESSAGES: Final = (
    _rate("Messages", instruments.MESSAGES, names.MESSAGE_DIRECTION, names.MESSAGE_TYPE),
    _quantiles("Size of messages", instruments.MESSAGE_SIZE, names.MESSAGE_DIRECTION),
    _quantiles("Handling of messages", instruments.PROCESS_DURATION),
    _quantiles("Sends", instruments.SEND_DURATION),
    _quantiles("Wait for the consumer", instruments.DISPATCH_WAIT),
)
_STREAMS: Final = (
    _quantiles("Time to first chunk", instruments.STREAM_FIRST, names.STREAM_NAME),
    _quantiles("Time to last chunk", instruments.STREAM_LAST, names.STREAM_NAME),
    _quantiles("Average interval", instruments.STREAM_AVERAGE_INTERVAL, names.STREAM_NAME),
    _quantiles("Intervals", instruments.STREAM_INTERVAL, names.STREAM_NAME),
    _rate("Ends", instruments.STREAM_CHUNK_COUNT, names.STREAM_NAME, names.STREAM_END_REASON),
    _quantiles("Chunks of a stream", instruments.STREAM_CHUNK_COUNT, names.STREAM_NAME),
)
_OPERATION: Final = (names.MESSAGING_SYSTEM, names.MESSAGING_OPERATION_NAME)
_EVENTS: Final = (
    _rate("Events sent", instruments.EVENTS_SENT, *_OPERATION),
    _rate("Events consumed", instruments.EVENTS_CONSUMED, names.MESSAGING_SYSTEM),
    _rate("Events dropped", instruments.EVENTS_DROPPED, *_OPERATION),
    _quantiles("Delivery", instruments.DELIVERY_DURATION, names.MESSAGING_SYSTEM),
    _quantiles("Sending of events", instruments.OPERATION_DURATION, *_OPERATION),
    _quantiles("Handling of events", instruments.EVENT_PROCESS_DURATION, names.MESSAGING_SYSTEM),
)
ROWS: Final = (
    Row("Connections", _CONNECTIONS),
    Row("Messages", _MESSAGES),
    Row("Streams", _STREAMS),
    Row("Events", _EVENTS),
)


def expressions() -> Iterator[str]:
    """Yield each query of the dashboard."""
    for row in ROWS:
        for panel in row.panels:
            yield from (query.expression for query in panel.queries)
