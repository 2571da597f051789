"""Capacity, expiry, and what a layer takes beyond the specification: traced as untraced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer

from otel_ws.testing import CapturedSpans
from otel_ws_channels.layers import TracedChannelLayer
from tests.layers.backends import BACKENDS, Ask, Backend

EVENT = {"type": "job.run"}
CORE = next(backend for backend in BACKENDS if backend.name == "redis core")


@pytest.fixture
async def pair(ask: Ask) -> AsyncIterator[tuple[Any, Any]]:
    """Two core layers with narrow limits: untraced, and traced."""
    options = {**CORE.config(ask), "capacity": 3, "expiry": 1}
    plain = Backend(name="", path=CORE.path, options=options).make(ask)
    traced = TracedChannelLayer(CORE.path, **options)
    yield plain, traced
    for layer in (plain, traced):
        await layer.flush()
        await layer.close_pools()


async def fill(layer: Any) -> list[str]:
    outcomes = []
    for _ in range(5):
        try:
            await layer.send("jobs", EVENT)
        except ChannelFull:
            outcomes.append("full")
        else:
            outcomes.append("sent")
    return outcomes


async def test_a_full_channel_is_as_full_as_untraced(
    pair: tuple[Any, Any], spans: CapturedSpans, our_log: list[str]
) -> None:
    outcomes = []
    for layer in pair:
        await layer.flush()
        outcomes.append(await fill(layer))
    assert outcomes[0] == outcomes[1] == ["sent"] * 3 + ["full"] * 2
    failed = [span for span in spans if span.attributes.get("error.type")]
    assert [span.name for span in failed] == ["send job.run"] * 2


async def test_an_event_expires_with_its_envelope(
    pair: tuple[Any, Any], spans: CapturedSpans
) -> None:
    for layer in pair:
        await layer.flush()
        await layer.send("jobs", EVENT)
        await asyncio.sleep(1.3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await layer.receive("jobs")


async def test_what_a_layer_takes_beyond_the_specification_is_passed_on(
    spans: CapturedSpans,
) -> None:
    class Layer(InMemoryChannelLayer):
        got: tuple[Any, ...] = ()

        async def send(self, channel: str, message: Any, expiry: Any = None) -> None:
            self.got += (expiry,)
            await super().send(channel, message)

        async def group_send(self, group: str, message: Any, *, expiry: Any = None) -> None:
            self.got += (expiry,)

    layer = TracedChannelLayer.wrap(Layer())
    await layer.send("jobs", EVENT, 5)
    await layer.send(channel="jobs", message=EVENT, expiry=6)
    await layer.group_send("room", EVENT, expiry=7)
    assert layer.got == (5, 6, 7)
