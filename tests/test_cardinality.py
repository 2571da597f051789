"""However many strangers come, and whatever they send: the metrics have few series.

Here are 1,600 handshakes; ``python -m tests.strangers`` plays 20,000.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otel_ws._close import Ending
from otel_ws._sides import SERVER
from otel_ws_starlette.fanout import MemoryFanout

from .measured import Metrics
from .playing import CONNECT, LEAVE, play
from .strangers import RUNS, STATUSES, Visits, starlette

IDS = [f"{build.__name__}-{sampler.get_description()}" for build, sampler in RUNS]
every_run = pytest.mark.parametrize(("build", "sampler"), RUNS, ids=IDS)


@every_run
def test_strangers_make_few_series(build: Any, sampler: Any, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    visits = Visits(build, sampler, 400)
    assert visits.faults() == []
    assert len(visits.values["websocket.close.status"]) > 10
    assert len(visits.series) >= 10


@pytest.mark.parametrize("scheme", ["ftp", "WS", "", None, 7, "https", "wss\0"])
def test_a_scheme_that_a_proxy_wrote_is_one_of_two(scheme: Any) -> None:
    metrics = Metrics()
    app = starlette(meter_provider=metrics.provider)
    play(app, CONNECT, LEAVE, path="/rooms/7", scheme=scheme)
    [(attributes, _)] = metrics.read()["websocket.server.handshake.duration"]
    assert attributes["url.scheme"] == ("wss" if scheme == "https" else "ws")


def test_every_close_code_has_one_of_a_few_statuses() -> None:
    def status_of(code: Any) -> str:
        ending = Ending(SERVER)
        ending.disconnected({"code": code, "reason": "x"})
        return ending.conclude(None, failed=False).status

    odd = (-1, 2**70, 1e300, float("nan"), None, True, "x", b"x", object())
    assert {status_of(code) for code in (*range(65536), *odd)} == STATUSES - {"timeout"}


def test_the_tallies_of_events_have_no_names_of_clients(settings: Any) -> None:
    metrics = Metrics()
    fanout = MemoryFanout(meter_provider=metrics.provider, metrics="message")

    async def publish() -> None:
        for number in range(200):
            await fanout.publish(f"room {number}", {"type": f"said {number}"})

    asyncio.run(publish())
    assert {name: len(points) for name, points in metrics.read().items()} == {
        "messaging.client.sent.messages": 1,
        "messaging.client.operation.duration": 1,
    }
