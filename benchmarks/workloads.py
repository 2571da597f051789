"""What the subjects are put to. Each workload is an application that sends back what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .subjects import Untraced

PATH = "/ws/echo/"


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    messages: int
    """How many make one sample: some 10 to 50 ms of CPU, so that a sample is not all noise."""
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
    Workload("starlette-function", "Starlette, function endpoint", 600, 20, True),
    Workload("starlette-endpoint", "Starlette, class endpoint", 600, 20),
    Workload("channels-asynchronous", "Channels, async consumer", 120, 2, True),
    Workload("channels-synchronous", "Channels, sync consumer", 120, 2),
)


def find(name: str) -> Workload:
    return next(each for each in WORKLOADS if each.name == name)
