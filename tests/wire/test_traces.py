"""Every scenario, framework and model on every server: the trace, and that nobody notices it."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.wire.scenarios import FRAMEWORKS, SCENARIOS, Scenario
from tests.wire.servers import Server
from tests.wire.stage import STAGES, Performance, Stage, stage_name


def can_play(server: Server, framework: str, scenario: Scenario) -> bool:
    """Tell whether there is an end to the scenario.

    A class endpoint of Starlette has no way to leave before its client. And if it denies, it has
    not asked for the connection: `test_servers.py` shows which server dies of that.
    """
    if framework != "starlette-class" or scenario.name == "application-leaves":
        return framework != "starlette-class"
    return server.facts.denial_unheard == "403" or not scenario.name.startswith("denial")


pytestmark = pytest.mark.parametrize(
    ("on", "framework", "scenario"),
    [
        pytest.param(stage, framework, scenario, id=f"{stage_name(stage)}-{framework}-{scenario}")
        for stage in STAGES
        for framework in FRAMEWORKS
        for scenario in SCENARIOS
        if can_play(stage[0], framework, scenario)
    ],
)


@pytest_asyncio.fixture
async def performance(stage: Stage, framework: str, scenario: Scenario) -> Performance:
    return await stage.perform(scenario, framework)


def test_the_trace_is_exactly_this(
    stage: Stage, framework: str, scenario: Scenario, performance: Performance
) -> None:
    assert performance.tree == scenario.trace(stage.model, framework, stage.facts)
    was_accepted = performance.traced.observed.status == 101
    assert performance.tree.count("websocket.close") == was_accepted


def test_nobody_can_tell_that_it_is_traced(performance: Performance) -> None:
    assert performance.traced.observed == performance.untraced.observed
    assert performance.traced.visit == performance.untraced.visit
