"""Draw the picture of docs/browser.md from a click that really happens, and print its trees.

scripts/pictures [folder]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from testproject.redis_server import running_redis
from testproject.servers import CHANNELS, ROOT

from . import foreign
from .chat import SCALE, SIZE, TRUSTED, WITH_CODEC, Click, click
from .waterfall import STYLE, WIDTH, waterfall

PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<title>From a click to the other browser</title>
<style>
  body { margin: 0; padding: 16px 20px; width: %(width)dpx; background: #fff; color: #20242a;
    font: 13px/1.4 system-ui, sans-serif; }
  .pages { display: flex; justify-content: space-between; }
  figure { margin: 0; }
  figcaption { height: 22px; font-weight: 600; }
  img { display: block; outline: 1px solid #c9c6be; }
  h2 { margin: 22px 0 8px; font-size: 15px; }
  p { margin: 14px 0 0; color: #666d78; font-size: 12px; }
  %(style)s
</style>
<div class="pages">%(pages)s</div>
<h2>Contexts in messages are trusted: one trace</h2>
%(trusted)s
<h2>The default trust: the server's trace begins there, with a link to the click</h2>
%(linked)s
<p>Each bar is a span, as the collector received it. An arrow leads from what sent to what
received it, a dashed one is a link. Links to the handshakes, which came before, are not drawn.</p>
"""
FIGURE = """<figure><figcaption>%s</figcaption>
<img width="%d" height="%d" src="data:image/png;base64,%s" alt=""></figure>"""
FROM = {"Ada": "Ada's page, from server 1", "Grace": "Grace's page, from server 2"}


def compose(trusted: Click, linked: Click) -> str:
    """Return the picture as a page that needs nothing else."""
    figures = (
        FIGURE % (FROM[who], SIZE["width"], SIZE["height"], b64encode(picture).decode())
        for who, picture in trusted.pages.items()
    )
    return PAGE % {
        "width": WIDTH,
        "style": STYLE,
        "pages": "".join(figures),
        "trusted": waterfall(trusted),
        "linked": waterfall(linked),
    }


def draw(html: str, browser: Any, target: Path) -> Path:
    """Let the browser draw a page into a file."""
    window = browser.new_context(device_scale_factor=SCALE, color_scheme="light")
    try:
        page = window.new_page()
        page.set_content(html)
        page.locator("body").screenshot(path=target)
    finally:
        window.close()
    return target


def tell(settings: Mapping[str, str], tree: str) -> str:
    """Return a tree below the settings that led to it."""
    return " ".join(f"{name}={value}" for name, value in settings.items()) + f"\n\n{tree}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/pictures", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "pictures")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as scratch, running_redis() as redis:
            packages = foreign.install(Path(scratch))
            script = foreign.bundle(Path(__file__).parent / "chat.mjs", packages, Path(scratch))
            with foreign.running_chromium() as browser:
                clicks = []
                for settings in (TRUSTED, WITH_CODEC):
                    clicks.append(click(CHANNELS, settings, redis.url, browser, script))
                    print(tell(settings, clicks[-1].tree), end="\n\n", flush=True)
                draw(compose(*clicks), browser, folder / "click.png")
    except (foreign.MissingError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
