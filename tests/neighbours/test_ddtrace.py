"""Datadog's tracer: beside OpenTelemetry, in its place, and with one of the two kept quiet."""

from __future__ import annotations

from importlib.util import find_spec
from textwrap import dedent

import pytest

from .applications import TREE
from .programs import run

pytestmark = pytest.mark.skipif(
    find_spec("ddtrace") is None,
    reason="for `scripts/test --part neighbours`, which installs ddtrace",
)
QUIET = {
    "DD_TRACE_API_VERSION": "v0.4",
    "DD_TRACE_STATS_COMPUTATION_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
}
BRIDGE = {"DD_TRACE_OTEL_ENABLED": "true"}
ONCE = {"DD_TRACE_WEBSOCKET_MESSAGES_ENABLED": "false"}
SERVED = ("around starlette", "inside starlette", "around fastapi")
PLACES = (*SERVED, "channels")
# ddtrace forgets a context with an ended span: what is done after accept is a root there.
BRIDGED = dedent("""\
    GET /room
      authenticate
    websocket.open /room
    greet
    websocket.receive /room
      query
      websocket.send /room
    websocket.close""")
LINE = "set DD_TRACE_WEBSOCKET_MESSAGES_ENABLED=false to have it once"


@pytest.fixture(scope="module")
def beside() -> dict[str, str]:
    return run("with_ddtrace", **QUIET)


@pytest.fixture(scope="module")
def bridged() -> dict[str, str]:
    return run("with_ddtrace", **QUIET, **BRIDGE)


@pytest.fixture(scope="module")
def bridged_once() -> dict[str, str]:
    return run("with_ddtrace", **QUIET, **BRIDGE, **ONCE)


@pytest.mark.parametrize("place", PLACES)
def test_beside_each_other_neither_breaks(place: str, beside: dict[str, str]) -> None:
    assert beside[place] == TREE
    theirs = beside[f"{place}: ddtrace"].split()
    assert theirs.count("[websocket.send]") == (1 if place in SERVED else 0)
    assert [each for each in theirs if not each.startswith("[")] == []


@pytest.mark.parametrize("place", PLACES)
def test_with_its_messages_off_the_bridge_has_our_trace(
    place: str, bridged_once: dict[str, str]
) -> None:
    assert bridged_once[f"{place}: ddtrace"] == BRIDGED
    assert LINE not in bridged_once["log"]


@pytest.mark.parametrize("place", PLACES)
def test_else_both_are_there_and_the_log_says_so(place: str, bridged: dict[str, str]) -> None:
    found = bridged[f"{place}: ddtrace"].split("\n")
    ours = [line.strip() for line in found if not line.lstrip().startswith("[")]
    assert sorted(ours) == sorted(line.strip() for line in BRIDGED.splitlines())
    assert any(line.startswith("[") for line in found) == (place in SERVED)
    assert bridged["log"].count(LINE) == 1
