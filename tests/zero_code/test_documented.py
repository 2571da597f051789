"""The commands of the documentation are those that the tests start applications with."""

from __future__ import annotations

from tests.pages import PAGES, blocks

from .commands import COMMANDS
from .launching import CHANNELS, tree_of

INSTRUMENT = "$ opentelemetry-instrument "


def test_every_command_is_one_that_was_tried_and_the_other_way_round() -> None:
    shown = {
        line.removeprefix(INSTRUMENT).partition("#")[0].strip()
        for block in blocks(PAGES["docs/zero-code.md"].read_text())
        for line in block.text.splitlines()
        if line.startswith(INSTRUMENT)
    }
    assert shown == {command.format(app=CHANNELS.asgi) for command in COMMANDS}


def test_the_trace_is_the_one_that_every_launcher_gives() -> None:
    assert tree_of(CHANNELS) in {
        block.text.strip() for block in blocks(PAGES["docs/zero-code.md"].read_text())
    }
