"""Spans in which everything is chosen by an enemy are text, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Look
from .seen import settle
from .serving import PageServer
from .spans import HOSTILE

ELEMENTS = "() => [...new Set([...document.querySelectorAll('*')].map((e) => e.tagName))].sort()"
ADDRESSES = """() => [...document.querySelectorAll("[href], [src], [action], [formaction]")]
  .map((e) => e.getAttribute("href") ?? e.getAttribute("src") ?? "")"""
TURNED = r"/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\0]/"


def see(page: Any) -> None:
    """Look at everything that the page shows, from the list to the last span."""
    settle(page)
    unharmed(page)
    for row in range(page.locator("#list .row").count()):
        page.locator("#list .row").nth(row).click()
        page.locator("#items .row", has_text="receive").first.click()
        page.locator("#details pre").first.wait_for()
        while page.get_by_text("show all").count():
            page.get_by_text("show all").first.click()
        unharmed(page)
        page.keyboard.press("?")
        page.keyboard.press("Escape")
        page.locator("#trace .owner").click()
        page.locator("#timeline").hover()
        unharmed(page)


def unharmed(page: Any) -> None:
    assert page.evaluate("[window.hurt, {}.polluted, Object.keys(Object.prototype).length]") == [
        None,
        None,
        0,
    ]
    assert not {"IMG", "IFRAME", "OBJECT", "STYLE"} & set(page.evaluate(ELEMENTS))
    assert page.locator("script").count() == 1
    ours = ("data:,", "static/", "export/trace/", "export/session/")
    assert all(address.startswith(ours) for address in page.evaluate(ADDRESSES))
    assert page.evaluate(f"() => {TURNED}.test(document.body.textContent)") is False
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_hostile_spans_are_text(look: Look, attacked: PageServer) -> None:
    page = look(attacked)
    assert page.locator("#list .row").count() == len(HOSTILE)
    see(page)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_can_be_looked_for(look: Look, attacked: PageServer, text: str) -> None:
    page = look(attacked)
    page.get_by_role("searchbox").fill(text.replace("\n", ""))
    settle(page)
    assert page.evaluate("window.hurt") is None
    page.get_by_role("searchbox").fill(text[:6])
    settle(page)
    assert page.locator("#list .row").count() >= 1


@pytest.mark.parametrize(
    "where",
    [
        "#/session/__proto__",
        "#/trace/constructor/__proto__",
        "#/session/%3Cimg%20src=x%20onerror=hurt=1%3E?q=%3Cscript%3E&route=javascript:1&slow=1e999",
        "#/trace/%",
        "#/session/" + "x" * 10_000,
    ],
)
def test_a_hostile_address_is_harmless(look: Look, attacked: PageServer, where: str) -> None:
    page = look(attacked, where)
    settle(page)
    unharmed(page)


def test_the_whole_of_a_long_value_is_there_when_it_is_asked_for(
    look: Look, attacked: PageServer
) -> None:
    page = look(attacked)
    page.locator("#list .row").first.click()
    page.locator("#items .row").first.click()
    value = page.locator("#details dd[data-attribute=long]")
    assert len(value.inner_text()) < 3000
    value.get_by_role("button").click()
    assert len(value.inner_text()) > 30_000
