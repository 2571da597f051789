"""One suite of claims, on every driver, in both models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from otel_ws.testing import CapturedSpans

from .drivers import asgi, channels, core, starlette, zero_code
from .drivers.script import Scenario
from .drivers.wire import Stage, play
from .scenarios import SCENARIOS


@dataclass(frozen=True)
class Driver:
    name: str
    can: frozenset[str]
    build: Callable[..., Any] | None

    def play(self, scenario: Scenario, **settings: Any) -> list[dict[str, Any]]:
        if self.build is None:
            return core.play(scenario, **settings)
        return asyncio.run(_play(self.build, scenario, settings))


async def _play(build: Any, scenario: Scenario, settings: Any) -> list[dict[str, Any]]:
    stage = Stage()
    return await play(build(scenario.server, stage, **settings), scenario, stage)


DRIVERS = [
    Driver("core", core.CAN, None),
    Driver("asgi", asgi.CAN, asgi.build),
    Driver("channels-async", channels.CAN_ASYNC, channels.build_async),
    Driver("channels-sync", channels.CAN_SYNC, channels.build_sync),
    Driver("starlette-function", starlette.CAN, starlette.build_function),
    Driver("starlette-class", starlette.CAN, starlette.build_class),
    Driver("fastapi", starlette.CAN, starlette.build_fastapi),
    Driver("zero-channels-async", channels.CAN_ASYNC, zero_code.build_channels_async),
    Driver("zero-channels-sync", channels.CAN_SYNC, zero_code.build_channels_sync),
    Driver("zero-starlette-function", starlette.CAN, zero_code.build_starlette_function),
    Driver("zero-starlette-class", starlette.CAN, zero_code.build_starlette_class),
    Driver("zero-fastapi", starlette.CAN, zero_code.build_fastapi),
]
CASES = [
    pytest.param(driver, scenario, id=f"{driver.name}-{scenario}")
    for driver in DRIVERS
    for scenario in SCENARIOS
    if scenario.needs <= driver.can
]


@pytest.mark.parametrize("model", ["session", "connection"])
@pytest.mark.parametrize(("driver", "scenario"), CASES)
def test_trace(driver: Driver, scenario: Scenario, model: str, spans: CapturedSpans) -> None:
    settings = {**scenario.settings, "model": model}
    if scenario.raises is None:
        driver.play(scenario, **settings)
    else:
        with pytest.raises(scenario.raises):
            driver.play(scenario, **settings)
    assert spans.tree(*scenario.shown) == spans_of(getattr(scenario, model))
    assert all(span.end_time for span in spans)


def spans_of(tree: str) -> str:
    from textwrap import dedent

    return dedent(tree).strip()
