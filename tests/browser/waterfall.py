"""A click as a waterfall: a row for each span, drawn as SVG from what the collector received."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from opentelemetry.trace import SpanKind

from testproject.otlp import ReceivedSpan

from .chat import Click, place_of

WIDTH = 900
COLORS = {
    "Ada's page": "#0b7a6e",
    "server 1": "#2f6db5",
    "server 2": "#7b4fa3",
    "Grace's page": "#c2512f",
}
STYLE = """
svg { display: block; font: 12px/1 system-ui, sans-serif; }
text { fill: #20242a; dominant-baseline: central; }
.faint { fill: #666d78; font-size: 11px; }
.number { text-anchor: end; }
.heading { font-weight: 600; }
.stripe { fill: #f5f5f2; }
.grid { stroke: #e0ded8; }
.hop, .link { fill: none; stroke: #666d78; stroke-width: 1.2; marker-end: url(#head); }
.link { stroke: #b3261e; stroke-width: 1.5; stroke-dasharray: 4 3; marker-end: url(#link-head); }
"""

_ROW = 22
_AXIS = 20
_INDENT = 13
_PLACE_X = 342  # where the columns stand: first the names, then these
_TOOK_X = 480
_WAY_X = 492
_TIME_X = 568
_TIME_WIDTH = WIDTH - _TIME_X - 12
_BAR = 12
_LABEL = 50  # what is written at a line of the grid is not wider
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_MILLISECOND = 1_000_000
_HEADS = "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
    f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{color}"/></marker>'
    for name, color in (("head", "#666d78"), ("link-head", "#b3261e"))
)


@dataclass(frozen=True)
class Row:
    """Where a span is drawn."""

    span: ReceivedSpan
    depth: int
    y: int
    """The middle of it."""
    left: float
    right: float

    @property
    def place(self) -> str:
        return place_of(self.span)


def waterfall(click: Click) -> str:
    """Return the drawing of what became of a click."""
    begun = min(span.start_time for span in click.spans)
    scale = _TIME_WIDTH / (max(span.end_time for span in click.spans) - begun)
    rows: dict[int, Row] = {}
    headings: list[str] = []
    y = _AXIS
    for depth, span in _in_order(click.spans):
        if span.trace_id not in {row.span.trace_id for row in rows.values()}:
            headings.append(_heading(span, y + _ROW // 2))
            y += _ROW
        left = _TIME_X + (span.start_time - begun) * scale
        right = max(left + 3, _TIME_X + (span.end_time - begun) * scale)
        rows[span.span_id] = Row(span, depth, y + _ROW // 2, left, right)
        y += _ROW
    drawn = [
        *_stripes(rows.values()),
        *_grid(scale * _MILLISECOND, y),
        *headings,
        *(element for row in rows.values() for element in _row(row)),
        *(element for row in rows.values() for element in _ways(row, rows)),
    ]
    size = f'width="{WIDTH}" height="{y + 2}" viewBox="0 0 {WIDTH} {y + 2}"'
    return "\n".join([f"<svg {size}><defs>{_HEADS}</defs>", *drawn, "</svg>"])


def _in_order(
    spans: Sequence[ReceivedSpan], parent: int | None = None, depth: int = 0
) -> Iterator[tuple[int, ReceivedSpan]]:
    """Yield each span below its parent, with how deep it is."""
    for span in spans:
        if span.parent_id == parent:
            yield depth, span
            yield from _in_order(spans, span.span_id, depth + 1)


def _heading(span: ReceivedSpan, y: int) -> str:
    trace = f"trace {span.trace_id:032x}"
    return f'<text class="heading" x="4" y="{y}">{trace[:14]}…</text>'


def _stripes(rows: Iterable[Row]) -> Iterator[str]:
    for row in list(rows)[::2]:
        yield f'<rect class="stripe" y="{row.y - _ROW // 2}" width="{WIDTH}" height="{_ROW}"/>'


def _grid(millisecond: float, bottom: int) -> Iterator[str]:
    """Yield what stands above the columns, and a line for every so many milliseconds."""
    yield f'<text class="faint number" x="{_TOOK_X}" y="9">took</text>'
    yield f'<text class="faint" x="{_WAY_X}" y="9">came by</text>'
    step = next(step for step in _STEPS if step * millisecond > _LABEL)
    for number in range(int(_TIME_WIDTH / (step * millisecond)) + 1):
        x = _TIME_X + number * step * millisecond
        yield f'<path class="grid" d="M{x:.1f} {_AXIS}V{bottom}"/>'
        if x + _LABEL < WIDTH:
            yield f'<text class="faint" x="{x:.1f}" y="9">{number * step} ms</text>'


def _row(row: Row) -> Iterator[str]:
    color = COLORS[row.place]
    yield f'<text x="{4 + row.depth * _INDENT}" y="{row.y}">{escape(row.span.name)}</text>'
    yield f'<circle cx="{_PLACE_X + 4}" cy="{row.y}" r="4" fill="{color}"/>'
    yield f'<text class="faint" x="{_PLACE_X + 13}" y="{row.y}">{escape(row.place)}</text>'
    took = (row.span.end_time - row.span.start_time) / _MILLISECOND
    yield f'<text class="faint number" x="{_TOOK_X}" y="{row.y}">{took:.1f} ms</text>'
    yield (
        f'<rect class="bar" x="{row.left:.1f}" y="{row.y - _BAR // 2}" rx="1.5" '
        f'width="{row.right - row.left:.1f}" height="{_BAR}" fill="{color}"/>'
    )


def _hops(row: Row, rows: dict[int, Row]) -> Iterator[tuple[Row, bool]]:
    """Yield who has sent what is consumed here, and whether that is a link, not the parent."""
    if row.span.kind is not SpanKind.CONSUMER:
        return
    if row.span.parent_id is not None:
        yield rows[row.span.parent_id], False
    for link in row.span.links:
        if link.context.span_id in rows:
            yield rows[link.context.span_id], True


def _ways(row: Row, rows: dict[int, Row]) -> Iterator[str]:
    for cause, is_link in _hops(row, rows):
        are_servers = all(each.place.startswith("server") for each in (cause, row))
        way, kind = "Redis" if are_servers else "WebSocket", "link" if is_link else "hop"
        yield f'<text class="faint" x="{_WAY_X}" y="{row.y}">{way}</text>'
        top = cause.y + _BAR // 2
        x = min(cause.right - 1, row.left + 1)
        path = f"M{x:.1f} {top}V{row.y}H{row.left:.1f}"
        if row.left - x < 9:  # there is no room for a corner
            above = row.y - _BAR // 2
            path = f"M{x:.1f} {top}V{above - 6}L{row.left + 1:.1f} {above}"
        yield f'<path class="{kind}" d="{path}"/>'
