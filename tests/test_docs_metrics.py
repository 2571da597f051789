"""The tables of docs/metrics.md: each metric is there, with the attributes that it has."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from otel_ws._instruments import INSTRUMENTS
from otel_ws.testing import CapturedSpans

from .measured import Metrics, everything
from .test_docs import codes, rows_of, to_paste

HEADING = ("Metric", "Instrument", "Unit", "Level", "Attributes", "Meaning")


def test_every_metric_is_in_the_table() -> None:
    attributes = {row[0]: row[4] for row in rows_of("docs/metrics.md", *HEADING)}
    expected = [
        [name, each.kind, f"`{each.unit}`", each.level, attributes.get(name, "?"), each.says]
        for each in INSTRUMENTS
        for name in [f"`{each.name}`"]
    ]
    assert rows_of("docs/metrics.md", *HEADING) == expected, to_paste(expected)


def test_the_buckets_are_in_the_table() -> None:
    expected = defaultdict(list)
    for each in INSTRUMENTS:
        if each.buckets:
            expected[" ".join(f"{bound:.10g}" for bound in each.buckets)].append(f"`{each.name}`")
    rows = [[", ".join(names), bounds] for bounds, names in expected.items()]
    assert rows_of("docs/metrics.md", "Metric", "Buckets") == rows, to_paste(rows)


# --- what is exported ---------------------------------------------------------------------------


@pytest.fixture
async def exported(settings: Any, spans: CapturedSpans, our_log: list[str]) -> dict[str, set[str]]:
    """The names of the attributes that each metric is exported with."""
    metrics = Metrics()
    await everything(settings, metrics.provider, "message")
    found: dict[str, set[str]] = defaultdict(set)
    for name, point in metrics.points():
        found[name] |= set(point.attributes)
    return found


async def test_a_metric_has_the_attributes_of_the_table(exported: dict[str, set[str]]) -> None:
    rows = rows_of("docs/metrics.md", *HEADING)
    assert exported == {codes(row[0])[0]: set(codes(row[4])) for row in rows}
