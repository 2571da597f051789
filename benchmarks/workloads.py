"""What the subjects are put to. Each workload is an application that sends back what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .tracing import Untraced

PATH, SPEAK, LISTEN = "/ws/echo/", "/ws/speak/", "/ws/listen/"


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    messages: int
    """How many make one sample: some 10 to 50 ms of CPU, so that a sample is not all noise.

    Where it is 496, the spans of it and of its connection fill the batches of the SDK's processor,
    of 512: one more export for the rest would weigh most on who makes the fewest spans.
    """
    every: int
    """After how many of them the speed of the machine is measured."""
    is_weighed: bool = False
    """Its idle connections are weighed: one workload of a framework stands for all."""

    def application(self, tracing: Untraced) -> Any:
        """Build the application, traced; its framework is imported by now and not before."""
        framework, _, kind = self.name.partition("-")
        module = import_module(f"{__package__}.{framework}_echo")
        build: Callable[[Untraced], Any] = getattr(module, kind.replace("-", "_"))
        return build(tracing)


WORKLOADS = (
    Workload("starlette-function", "Starlette, function endpoint", 496, 16, True),
    Workload("starlette-endpoint", "Starlette, class endpoint", 496, 16),
    Workload("channels-asynchronous", "Channels, async consumer", 120, 2, True),
    Workload("channels-synchronous", "Channels, sync consumer", 120, 2),
)


@dataclass(frozen=True)
class FanOut:
    """One message that goes out on many sockets of a process."""

    layer: str
    """The alias of a channel layer."""
    recipients: int
    publishings: int
    """How many make one sample."""
    weight: int = 1
    """How much of the section's time it gets, compared with the others."""

    @property
    def name(self) -> str:
        return f"fanout-{self.layer}-{self.recipients}"

    @property
    def title(self) -> str:
        where = {"memory": "in memory", "redis": "over Redis"}[self.layer]
        return f"Fan-out {where} to {self.recipients:,}, a recipient"


FANOUTS = (
    FanOut("memory", 1, 100),
    FanOut("memory", 10, 24),
    FanOut("memory", 100, 3),
    FanOut("memory", 1000, 1),
    FanOut("redis", 1, 30),
    FanOut("redis", 10, 16, 3),
    FanOut("redis", 100, 3, 3),
    FanOut("redis", 1000, 1),
)


def find_fanout(name: str) -> FanOut:
    return next(each for each in FANOUTS if each.name == name)


def find(name: str) -> Workload:
    return next(each for each in WORKLOADS if each.name == name)
