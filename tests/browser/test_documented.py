"""What docs/browser.md says: its scripts run, its options and trees are the true ones."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from otel_ws.browser import DIRECTORY
from tests.pages import PAGES, Block, blocks, tables

from .chat import TRUSTED, WITH_CODEC
from .conftest import Open, tool
from .picture import tell
from .test_chromium_chat import CHANNELS_TREES

PAGE = PAGES["docs/browser.md"].read_text()
PICTURES = re.findall(r"!\[[^]]+\]\((.+?)\)", PAGE)
SCRIPTS = [block for block in blocks(PAGE) if block.language == "js"]

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda block: f"line-{block.line}")


@every_script
def test_a_script_is_one(script: Block, tmp_path: Path) -> None:
    file = tmp_path / "script.mjs"
    file.write_text(script.text)
    done = subprocess.run([tool("node"), "--check", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@every_script
def test_a_script_runs_in_a_page(script: Block, visit: Open, django: str) -> None:
    page = visit(f"{django}/page")
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    # The server speaks first, so that what a script says of a message is heard.
    text = script.text if "console.log" in script.text else f"{script.text}console.log(1)"
    with page.expect_console_message():
        page.add_script_tag(content=text, type="module")
    assert failures == []


def test_the_options_are_those_of_the_types() -> None:
    types = (DIRECTORY / "otel-ws.d.ts").read_text()
    typed = re.findall(r"(On|Off) by default\.[\s*/]+(\w+)\?:", types)
    rows = next(rows for heading, rows in tables(PAGE) if heading == ["Option", "Default", "Means"])
    documented = [(row[0].strip("`"), row[1].strip("`")) for row in rows]
    assert documented == [(name, "true" if on == "On" else "false") for on, name in typed]


def test_the_limits_are_those_of_the_module() -> None:
    source = (DIRECTORY / "otel-ws.js").read_text()
    (limit,) = re.findall(r"LONGEST_SENT = (\d+)", source)
    assert f"longer than {int(limit):,} characters" in PAGE


def test_the_trees_of_the_click_are_those_of_the_chat() -> None:
    trees = [tell(TRUSTED, CHANNELS_TREES["trusted"]), tell(WITH_CODEC, CHANNELS_TREES["linked"])]
    (shown,) = (block.text for block in blocks(PAGE) if block.language == "console")
    assert shown == "\n".join(["$ scripts/pictures", "\n\n".join(trees), ""])


def test_a_picture_is_there_and_small() -> None:
    pictures = [PAGES["docs/browser.md"].parent / path for path in PICTURES]
    assert pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)
