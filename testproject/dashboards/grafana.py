"""The dashboard as Grafana imports it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from otel_ws import _instruments as instruments
from otel_ws import _semconv as names

from .names import label, metric
from .panels import ROWS, Panel

_WIDTH: Final = 8
_HEIGHT: Final = 8
_ACROSS: Final = 3
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    """Return the model of the dashboard."""
    return {
        "uid": "otel-ws",
        "title": "WebSockets (otel-ws)",
        "description": "What otel-ws measures. Written by scripts/dashboards: change that instead.",
        "tags": ["opentelemetry", "websocket"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_variables())},
        "panels": list(_panels()),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"}
    active, route = metric(instruments.ACTIVE), label(names.HTTP_ROUTE)
    yield _variable("job", "Service", f"label_values({active}, job)")
    yield _variable("route", "Route", f'label_values({active}{{job=~"$job"}}, {route})')


def _variable(name: str, title: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": title,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",  # what has no route is shown as well
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for row in ROWS:
        number += 1
        place = {"x": 0, "y": top, "w": _WIDTH * _ACROSS, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "gridPos": place, "panels": []}
        top += 1
        for at, panel in enumerate(row.panels):
            number += 1
            yield _panel(number, panel, _WIDTH * (at % _ACROSS), top + _HEIGHT * (at // _ACROSS))
        top += _HEIGHT * -(-len(row.panels) // _ACROSS)


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "exemplar": True,
            }
            for at, query in enumerate(panel.queries)
        ],
    }
