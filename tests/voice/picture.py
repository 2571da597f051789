"""Draw the pictures of docs/voice.md: the page while it answers, in light and dark.

scripts/pictures [folder]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testproject.scenes import wait_for_page
from testproject.servers import ROOT, STARLETTE, clean_environment, listen, serve
from testproject.trace_page import running_trace_page
from tests.browser import foreign

_SECONDS = 120
_SCALE = 1.5
PICTURES: dict[str, dict[str, Any]] = {
    "voice-light.png": {"color_scheme": "light", "viewport": {"width": 860, "height": 600}},
    "voice-dark.png": {"color_scheme": "dark", "viewport": {"width": 390, "height": 720}},
}


def draw(browser: Any, address: str, target: Path, look: dict[str, Any]) -> None:
    """Talk to the assistant, and take a picture while it answers the second time."""
    window = browser.new_context(device_scale_factor=_SCALE, **look)
    try:
        page = window.new_page()
        page.set_default_timeout(_SECONDS * 1000)
        page.goto(address)
        _say(page, "Twelve times seven")
        page.locator("[data-state=ready]").wait_for()
        _say(page, "Capital of France")
        page.get_by_text("Tower").wait_for()
        page.wait_for_timeout(900)  # so that the level has something to show
        page.screenshot(path=target)
    finally:
        window.close()


def _say(page: Any, sample: str) -> None:
    button = page.get_by_role("button", name=sample)
    button.click()  # once it is enabled
    page.mouse.move(0, 0)
    button.evaluate("(button) => button.blur()")
    page.locator("[data-state=speaking]").wait_for()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/pictures", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "pictures")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    listener = listen()
    port = listener.getsockname()[1]
    try:
        with running_trace_page() as traces, foreign.running_chromium() as browser:
            sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.rstrip("/"), "TRACE_PAGE_URL": traces}
            with serve(STARLETTE, listener, clean_environment() | sent):
                wait_for_page(port)
                for name, look in PICTURES.items():
                    draw(browser, f"http://127.0.0.1:{port}/voice", folder / name, look)
    except (foreign.MissingError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
