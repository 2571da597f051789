"""The page about fan-out names the layers that were tried, and those that were not."""

from __future__ import annotations

from tests.layers.backends import BACKENDS, MORE
from tests.layers.more import NOT_RUN
from tests.pages import PAGES, tables

TABLES = {tuple(heading): rows for heading, rows in tables(PAGES["docs/fan-out.md"].read_text())}


def test_the_layers_that_were_tried_are_in_the_table() -> None:
    tried = [row[0] for row in TABLES["Layer", "Tried with"]]
    assert tried == [backend.name for backend in (*BACKENDS, *MORE)]


def test_the_layers_that_were_not_tried_are_in_the_other() -> None:
    reasons = {name: reason.partition(" (")[0] for name, reason in TABLES["Layer", "Why"]}
    assert reasons == {name: reason.partition(" (")[0] for name, reason in NOT_RUN.items()}
