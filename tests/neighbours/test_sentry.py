"""Sentry's SDK: with its own tracing, over OpenTelemetry, and with traces sent as OTLP."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from .applications import TREE
from .programs import run

pytestmark = pytest.mark.skipif(
    find_spec("sentry_sdk") is None,
    reason="for `scripts/test --part neighbours`, which installs sentry-sdk",
)
CONTINUED = TREE.replace("GET /room", "GET /room <- remote", 1)
PLACES = [
    *("around starlette", "inside starlette", "around fastapi"),
    "inside SentryAsgiMiddleware, channels",
]
everywhere = pytest.mark.parametrize("place", PLACES)


@pytest.fixture(scope="module", params=["own", "otel", "otlp"])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param, run("with_sentry", MODE=request.param)


@everywhere
def test_our_spans_are_whole_whoever_sends_the_traces(place: str, mode: Any) -> None:
    _, found = mode
    assert found[place] == CONTINUED
    assert found[f"{place}: trace"] == "d4cda95b652f4a1592b449d5929fda1b"


@everywhere
def test_sentry_has_one_transaction_of_a_connection_or_those_that_we_make(
    place: str, mode: Any
) -> None:
    name, found = mode
    theirs = found[f"{place}: sentry"].splitlines()
    if name == "otel":
        assert theirs == found[f"{place}: ours"].splitlines()
    else:
        assert len(theirs) == 1
        assert theirs[0].endswith(" d4cda95b652f4a1592b449d5929fda1b")
