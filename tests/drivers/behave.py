"""Carrying out a server's commands; a driver says how the framework does the rest."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry import trace

from .script import Background, Commands, Crash, Work
from .wire import Stage


def common(command: Any) -> bool:
    """Do what is the same in every framework; tell whether it was that."""
    match command:
        case Work(name):
            with trace.get_tracer("application").start_as_current_span(name):
                return True
        case Crash(error):
            raise error
    return False


async def behave(commands: Commands, perform: Any, stage: Stage) -> None:
    for command in commands:
        if isinstance(command, Background):
            later = _later(command.commands, perform, stage)
            stage.tasks.append(asyncio.create_task(later))
        elif not common(command):
            await perform(command)


async def _later(commands: Commands, perform: Any, stage: Stage) -> None:
    await stage.wake.wait()
    await behave(commands, perform, stage)


def behave_sync(commands: Commands, perform: Any) -> None:
    for command in commands:
        if not common(command):
            perform(command)
