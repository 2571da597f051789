"""What the tests read from the page."""

from __future__ import annotations

import re
from typing import Any

TWO_FRAMES = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(done)))"""
ROWS = """() => [...document.querySelectorAll("#rows .row")]
  .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
  .map((row) => "  ".repeat(row.ariaLevel - 1) + row.querySelector(".text").textContent)"""
ITEMS = """() => [...document.querySelectorAll("#items .row")]
  .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
  .map((row) => [...row.querySelectorAll(".kind, .name, .end")].map((each) => each.textContent))"""
SESSIONS = """() => [...document.querySelectorAll("#list .row")]
  .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
  .map((row) => [row.querySelector(".name"), row.querySelector(".dot")])
  .map(([name, dot]) => `${name.textContent} ${dot.classList[1]}`)"""


def tree_of(page: Any) -> str:
    """Return the waterfall as an indented tree."""
    page.locator("#rows .row").first.wait_for()
    return "\n".join(page.evaluate(ROWS))


def items_of(page: Any) -> list[str]:
    """Return what happened in a session: what it is, its name, and what is noted about it."""
    page.locator("#items .row").first.wait_for()
    return [" | ".join(filter(None, cells)) for cells in page.evaluate(ITEMS)]


def sessions_of(page: Any) -> list[str]:
    """Return the routes of the sessions that are listed, with how they stand."""
    settle(page)
    return list(page.evaluate(SESSIONS))


def settle(page: Any) -> None:
    """Return when the page has drawn what it was told up to now."""
    page.evaluate(TWO_FRAMES)


def open_session(page: Any, route: str, which: int = 0) -> None:
    """Open the newest session of a route, or one before it."""
    page.locator("#list .row", has=page.get_by_text(route, exact=True)).nth(which).click()
    page.locator("#session").wait_for()


def open_item(page: Any, kind: str, which: int = 0) -> None:
    """Open the trace of something that happened in the session; "message" is any message."""
    is_kind = page.locator(".kind, .name", has_text=re.compile(rf"^{re.escape(kind)}( \d+)?$"))
    page.locator("#items .row", has=is_kind).nth(which).click()
    page.locator("#details h3").wait_for()


def choose(page: Any, name: str) -> None:
    """Choose a span of the trace."""
    page.locator("#rows .row", has=page.locator(".text", has_text=name)).first.click()
    page.locator("#details h3", has_text=name).wait_for()


def details_of(page: Any, title: str) -> list[str]:
    """Return the lines that stand below a title of the details."""
    after = """(title) => {
      const heads = [...document.querySelectorAll("#details h4")];
      const lines = [];
      let at = heads.find((head) => head.textContent === title)?.nextElementSibling;
      for (; at && at.tagName !== "H4"; at = at.nextElementSibling) lines.push(at.innerText);
      return lines;
    }"""
    return list(page.evaluate(after, title))
