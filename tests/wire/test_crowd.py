"""Many sockets at once: each has a trace of its own, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
from collections import Counter
from textwrap import dedent

import pytest

from tests.wire.client import Caller
from tests.wire.process import PATIENCE
from tests.wire.scenarios import FRAMEWORKS, client_close, for_framework
from tests.wire.stage import SESSION, STAGES, Stage, stage_name

SOCKETS = 4
"""In each framework, and all of them at the same time."""

TREES = {
    "session": """
        GET /ws/echo <- remote {status_code=101}
        websocket.open /ws/echo -> GET /ws/echo
        websocket.receive /ws/echo -> GET /ws/echo
          websocket.send /ws/echo
        websocket.receive /ws/echo -> GET /ws/echo
          websocket.send /ws/echo
        websocket.close -> GET /ws/echo {close}
    """,
    "connection": """
        GET /ws/echo <- remote {status_code=101}
          websocket.connection /ws/echo
            websocket.open /ws/echo
            websocket.receive /ws/echo
              websocket.send /ws/echo
            websocket.receive /ws/echo
              websocket.send /ws/echo
            websocket.close {close}
    """,
}


@pytest.mark.parametrize("on", STAGES, ids=stage_name)
async def test_sockets_that_are_open_at_once_do_not_mix(stage: Stage) -> None:
    callers = {stage.caller(name, "/ws/echo"): name for name in FRAMEWORKS * SOCKETS}
    everybody_is_in = asyncio.Barrier(len(callers))

    async def chat(caller: Caller) -> None:
        async with asyncio.timeout(PATIENCE):
            await everybody_is_in.wait()
            await caller.exchange(f"I am {caller.key}")
            await everybody_is_in.wait()
            await caller.exchange(f"still {caller.key}")
            await everybody_is_in.wait()
        await caller.websocket.close(4000, "bye")

    takes = await asyncio.gather(*(caller.take(chat) for caller in callers))

    assert [take.observed.received for take in takes] == [
        [f"I am {caller.key}", f"still {caller.key}"] for caller in callers
    ]
    expected = dedent(TREES[stage.model]).strip()
    expected = expected.replace("{close}", client_close(stage.facts.told_close))
    assert {caller: stage.tree_of(caller) for caller in callers} == {
        caller: for_framework(expected, framework, "/ws/echo")
        for caller, framework in callers.items()
    }
    sessions = Counter(
        session
        for caller in callers
        for session in {span.attributes[SESSION] for span in stage.spans_of(caller)}
    )
    assert set(sessions.values()) == {1} and len(sessions) == len(callers)
