"""Carrying out a server's commands; a driver says how the framework does the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from opentelemetry import trace

from otel_ws.handoff import handoff
from otel_ws.streams import StreamMeter, meter_stream

from .script import (
    Background,
    Commands,
    Crash,
    Employ,
    HandOver,
    Metered,
    Pause,
    Send,
    Spawn,
    Streamed,
    Work,
)
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
        match command:
            case Background(later):
                stage.start(behave((Pause(), *later), perform, stage))
            case Spawn(at_once):
                stage.start(behave(at_once, perform, stage))
                await asyncio.sleep(0)  # its turn
            case Pause():
                await stage.wake.wait()
            case Metered(name, inside):
                with StreamMeter(name):
                    await behave(inside, perform, stage)
            case Streamed(name, data, left_after):
                async for number, text in meter_stream(_source(data), name):
                    await perform(Send(text))
                    if number == left_after:
                        break
            case Employ():
                stage.start(_work(perform, stage))
            case HandOver(name, handed):
                await stage.queue.put((handoff(), name, handed))
            case _ if not common(command):
                await perform(command)


async def _source(data: tuple[str, ...]) -> AsyncIterator[tuple[int, str]]:
    for number, text in enumerate(data, 1):
        yield number, text


async def _work(perform: Any, stage: Stage) -> None:
    while True:
        receipt, name, commands = await stage.queue.get()
        with receipt.resume(name):
            await behave(commands, perform, stage)


def behave_sync(commands: Commands, perform: Any) -> None:
    for command in commands:
        match command:
            case Metered(name, inside):
                with StreamMeter(name):
                    behave_sync(inside, perform)
            case Streamed(name, data, left_after):
                for number, text in enumerate(meter_stream(data, name), 1):
                    perform(Send(text))
                    if number == left_after:
                        break
            case _ if not common(command):
                perform(command)
