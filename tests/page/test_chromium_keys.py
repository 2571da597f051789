"""The page by keyboard alone, on a small screen, and for eyes that need contrast."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from otel_ws.page._http import DIRECTORY

from .conftest import Look
from .seen import open_item, open_session, sessions_of, settle, tree_of
from .serving import PageServer

FOCUSED = "document.activeElement.id"
SMALL = {"width": 390, "height": 780}


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        settle(page)


def test_from_the_search_to_a_span_and_back(look: Look, told: PageServer) -> None:
    page = look(told)
    press(page, "/")
    assert page.evaluate(FOCUSED) == "q"
    page.keyboard.type("talk")
    assert sessions_of(page) == ["/talk closed"]
    press(page, "Enter", "Enter")
    page.locator("#session").wait_for()
    page.locator("#items").focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    page.locator("#trace").wait_for()
    assert tree_of(page).startswith("websocket.receive /talk")
    page.locator("#rows").focus()
    press(page, "End", "ArrowUp", "ArrowUp", "ArrowUp")
    page.locator("#details h3", has_text="stream reply").wait_for()
    press(page, "ArrowLeft", "ArrowLeft")
    assert "chat" in tree_of(page) and "stream reply" not in tree_of(page)
    press(page, "ArrowRight", "ArrowRight")
    page.locator("#details h3", has_text="stream reply").wait_for()
    press(page, "Escape")
    page.locator("#session").wait_for()
    assert page.evaluate(FOCUSED) == "items"
    press(page, "Escape")
    assert page.evaluate(FOCUSED) == "list"
    assert page.evaluate("location.hash") == "#/?q=talk"


def test_along_the_timeline(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    page.locator("#timeline").focus()
    press(page, "ArrowRight", "ArrowRight", "ArrowRight", "+", "+", "Shift+ArrowLeft")
    said = page.locator("#timeline [role=status]").inner_text()
    assert re.search(r"^\+.* websocket.receive /talk .* stream speech: 24 chunks", said), said
    press(page, "0", "Enter")
    page.locator("#trace").wait_for()
    press(page, "]")
    assert "cancelled" in page.locator("#rows").inner_text()


def test_the_keys_are_told(look: Look, told: PageServer) -> None:
    page = look(told)
    press(page, "?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    press(page, "Escape")
    assert page.get_by_role("dialog").is_hidden()


def test_what_has_the_focus_is_seen(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    open_item(page, "message 1")
    page.locator("h1").click()
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        name, style, width = page.evaluate(
            """() => {
              const at = document.activeElement;
              const { outlineStyle, outlineWidth } = getComputedStyle(at);
              return [at.id || at.textContent.slice(0, 20), outlineStyle, parseFloat(outlineWidth)];
            }"""
        )
        if name == "" or page.evaluate("document.activeElement === document.body"):
            continue
        assert style != "none" and width >= 1, name
        seen.add(name)
    assert seen >= {"q", "route", "slow", "errors", "live", "list", "rows", "pause", "clear"}


def test_what_is_a_list_says_so(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    page.get_by_role("listbox", name="Sessions, the newest first").wait_for()
    page.get_by_role("grid", name="What happened, in order").wait_for()
    option = page.locator("#list [role=option][aria-selected=true]")
    assert option.get_attribute("aria-setsize") == "8"
    open_item(page, "message 1")
    page.get_by_role("treegrid", name="Spans").wait_for()
    row = page.get_by_role("row", selected=True)
    assert [row.get_attribute(f"aria-{name}") for name in ("level", "expanded")] == ["1", "true"]
    active = page.locator("#rows").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_leaves_a_small_screen(look: Look, told: PageServer, scheme: str) -> None:
    page = look(told, viewport=SMALL, color_scheme=scheme)
    wide = "() => document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= SMALL["width"]
    open_session(page, "/talk")
    assert page.evaluate(wide) <= SMALL["width"]
    assert page.locator("#side").is_hidden()
    open_item(page, "websocket.receive /talk")
    assert page.evaluate(wide) <= SMALL["width"]
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Back").click()
    assert page.locator("#side").is_visible()


def test_the_theme_is_chosen_and_kept(look: Look, told: PageServer) -> None:
    page = look(told, color_scheme="light")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.locator("#theme").inner_text() == "Theme: dark"
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    page.locator("#state.live").wait_for()
    assert page.evaluate(ground) == dark


# --- contrast -----------------------------------------------------------------------------------

COLORS = dict(
    re.findall(r"--([\w-]+): light-dark\(([^)]+)\)", (DIRECTORY / "page.css").read_text())
)
TEXTS = ("ink", "faint", "error", "odd", "accent")
GROUNDS = ("ground", "surface", "stripe", "chosen")
PLACES = tuple(f"s{number}" for number in range(8))


def contrast(one: str, other: str, theme: int) -> float:
    """Return the contrast of two colors as WCAG has it."""
    lights = sorted(map(luminance, (COLORS[each].split(", ")[theme] for each in (one, other))))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_has_the_contrast_to_be_read(theme: int) -> None:
    pairs = [*product(TEXTS, GROUNDS), *product(("on-bar",), PLACES)]
    poor = {
        pair: round(contrast(*pair, theme), 2) for pair in pairs if contrast(*pair, theme) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_bar_and_border_can_be_told_from_its_ground(theme: int) -> None:
    pairs = product((*PLACES, "edge"), GROUNDS)
    poor = {pair: round(contrast(*pair, theme), 2) for pair in pairs if contrast(*pair, theme) < 3}
    assert poor == {}
