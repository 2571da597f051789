"""The dashboard and the alert rules: as the generator writes them, and about what there is."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY

from otel_ws._instruments import INSTRUMENTS
from otel_ws.testing import CapturedSpans
from testproject.dashboards import names
from testproject.dashboards.__main__ import DIRECTORY, files, main
from testproject.dashboards.alerts import ALERTS
from testproject.dashboards.panels import expressions

from .exported import Family, scraped, serving
from .measured import everything
from .test_docs import codes, rows_of
from .test_metrics_exported import HAS_WHOLE_LABELS

EXPRESSIONS = [*expressions(), *(alert.expression for alert in ALERTS)]
BY_THE_SCRAPE = {"job", "instance", "le"}
PROMQL = {
    *("sum", "rate", "increase", "histogram_quantile", "vector"),
    *("by", "or", "unless", "offset"),
}


@pytest.mark.parametrize("name", files())
def test_a_file_is_what_the_generator_writes(name: str) -> None:
    assert (DIRECTORY / name).read_text() == files()[name], "run scripts/dashboards"


def test_the_generator_writes_where_it_is_told(tmp_path: Any, capsys: Any) -> None:
    main(tmp_path / "new")
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == files()
    assert len(capsys.readouterr().out.splitlines()) == len(files())


# --- their form ---------------------------------------------------------------------------------


def test_the_rules_are_those_of_a_rule_file() -> None:
    [group] = yaml.safe_load(files()["alerts.yaml"])["groups"]
    assert group["name"] == "otel-ws"
    assert [
        (rule["alert"], rule["expr"], rule["for"], rule["labels"]["severity"])
        for rule in group["rules"]
    ] == [(each.name, each.expression, each.lasting, each.severity) for each in ALERTS]
    for rule in group["rules"]:
        used = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
        by = re.findall(r"by \(([^)]+)\)", rule["expr"])
        assert all(set(used) <= set(group.split(", ")) for group in by)


def test_the_panels_do_not_overlap_and_have_each_a_number() -> None:
    panels = json.loads(files()["grafana.json"])["panels"]
    assert [panel["id"] for panel in panels] == [*range(1, len(panels) + 1)]
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
        assert one["x"] + one["w"] <= 24


def test_every_metric_has_a_panel() -> None:
    shown = " ".join(expressions())
    assert [each.name for each in INSTRUMENTS if names.metric(each) not in shown] == []


# --- what they ask for --------------------------------------------------------------------------


@pytest.fixture
async def scrape(settings: Any, spans: CapturedSpans, our_log: list[str]) -> dict[str, Family]:
    """The families of a scrape, by the names of their samples."""
    provider = MeterProvider(metric_readers=[PrometheusMetricReader()])
    await everything(settings, provider, "message")
    with serving(REGISTRY) as url:
        found = scraped(url)
    provider.shutdown()
    return {sample: family for family in found.values() for sample in family.samples}


def asked(expression: str) -> tuple[set[str], set[str], dict[str, set[str]]]:
    """Return the metrics and the labels of an expression, and the values that it compares with."""
    without_texts = re.sub(r'"[^"]*"', "", expression)
    words = set(re.findall(r"(?<![\w$])[a-z_][a-z_0-9]*", without_texts)) - PROMQL
    metrics = {
        word for word in words if word.startswith(("websocket_server_", "messaging_client_"))
    }
    metrics |= {word for word in words if word.endswith(("_total", "_bucket", "_count"))}
    values: dict[str, set[str]] = {}
    for label, text in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"$]*)"', expression):
        values.setdefault(label, set()).update(filter(None, text.split("|")))
    return metrics, words - metrics, values


def test_an_expression_is_understood() -> None:
    assert asked('sum by (job) (rate(a_total{b!="",c=~"x|y", d=~"$d"}[$__rate_interval]))') == (
        {"a_total"},
        {"job", "b", "c", "d"},
        {"b": set(), "c": {"x", "y"}},
    )


@pytest.mark.skipif(not HAS_WHOLE_LABELS, reason="this exporter mixes up labels")
async def test_every_metric_and_label_that_is_asked_for_is_in_a_scrape(
    scrape: dict[str, Family],
) -> None:
    for expression in EXPRESSIONS:
        metrics, labels, _ = asked(expression)
        assert metrics, expression
        for metric in metrics:
            assert metric in scrape, expression
            assert labels - BY_THE_SCRAPE <= scrape[metric].labels.keys(), expression


async def test_every_value_that_is_compared_with_is_one() -> None:
    statuses = {codes(r[0])[0] for r in rows_of("docs/attributes.md", "Status", "Code", "Meaning")}
    known = {"websocket_close_status": statuses, "http_response_status_code": {"101", "200"}}
    for expression in EXPRESSIONS:
        for label, values in asked(expression)[2].items():
            assert values <= known.get(label, set()), expression


def test_the_variables_ask_for_what_there_is() -> None:
    model = json.loads(files()["grafana.json"])
    queries = [v["query"]["query"] for v in model["templating"]["list"] if v["type"] == "query"]
    assert queries == [
        "label_values(websocket_server_connection_active, job)",
        'label_values(websocket_server_connection_active{job=~"$job"}, http_route)',
    ]


def test_the_alerts_are_in_the_table() -> None:
    rows = rows_of("docs/dashboards.md", "Alert", "Fires when", "For")
    assert [(codes(row[0])[0], codes(row[2])[0]) for row in rows] == [
        (alert.name, alert.lasting) for alert in ALERTS
    ]
