"""The page in Chromium: samples, a microphone, and what it does with what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from testproject.live import FROM_PAGES
from testproject.otlp import OTLPReceiver
from testproject.scenes import wait_for_page
from testproject.servers import APPS, ROOT, STARLETTE, App, clean_environment, listen, serve
from testproject.voice.client import SAMPLES
from tests.browser.foreign import (
    ARGUMENTS,
    CHROMIUM,
    MissingError,
    bundle,
    find_tool,
    install,
)

from . import small, trees
from .playing import tree

Open = Callable[..., Any]

if find_spec("playwright") is None:
    reason = "for `scripts/test --part voice`, which installs playwright"
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium whose microphone hears a recording, over and over."""
    try:
        path = find_tool(*CHROMIUM)
    except MissingError as missing:
        pytest.skip(str(missing))
    from playwright.sync_api import sync_playwright

    hears = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={SAMPLES / 'sum.wav'}%noloop",
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *hears])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Open]:
    """Return a function that serves the assistant and opens its page."""
    with ExitStack() as stack:

        def visit(
            app: App = STARLETTE,
            environment: Mapping[str, str] = small.ENVIRONMENT,
            script: str = "",
        ) -> Any:
            listener = listen()
            port = listener.getsockname()[1]
            stack.enter_context(serve(app, listener, clean_environment() | environment))
            wait_for_page(port)
            window = chromium.new_context(permissions=["microphone"])
            stack.callback(window.close)
            window.add_init_script(script)
            page = window.new_page()
            page.set_default_timeout(20_000)
            page.errors = []
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            page.goto(f"http://127.0.0.1:{port}/voice")
            return page

        yield visit


def ready(page: Any) -> Any:
    page.locator("[data-state=ready]").wait_for()
    return page


def turns(page: Any) -> list[str]:
    found: list[str] = page.locator("#turns .words").all_inner_texts()
    return found


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.key)
def test_a_sample_is_heard_and_answered(visit: Open, app: App) -> None:
    page = ready(visit(app))
    page.get_by_role("button", name="Capital of France").click()
    page.locator("[data-state=speaking]").wait_for()
    page.get_by_text("s of speech").wait_for()
    ready(page)
    question, answer = turns(page)
    assert question == "What is the capital of France?"
    assert answer == "The capital of France is Paris. Go there!"
    assert page.errors == []


def test_escape_interrupts(visit: Open) -> None:
    page = ready(visit())
    page.get_by_role("button", name="Twelve times seven").click()
    page.locator("[data-state=speaking]").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("interrupted").wait_for()
    ready(page)
    assert page.errors == []


def test_the_microphone_is_heard_until_it_is_silent(visit: Open) -> None:
    page = ready(visit())
    page.keyboard.press("Space")
    page.locator("[data-state=listening]").wait_for()
    page.locator("#turns .partial", has_text="bytes").wait_for()
    # Of what has this length the small recogniser knows nothing, and that is what it says.
    page.get_by_text("I have heard nothing.").wait_for()
    assert ready(page).errors == []


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script that brings OpenTelemetry into a page."""
    folder = tmp_path_factory.mktemp("npm")
    try:
        script = bundle(ROOT / "tests" / "browser" / "chat.mjs", install(folder), folder)
    except MissingError as missing:
        pytest.skip(str(missing))
    return Path(script).read_text()


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.key)
def test_a_trace_begins_in_the_page(visit: Open, app: App, tracer: str) -> None:
    with OTLPReceiver() as receiver:
        telemetry = {"url": f"{receiver.endpoint}/v1/traces", "resource": {"service.name": "page"}}
        script = f"window.telemetry = {json.dumps(telemetry)};\n{tracer}"
        page = ready(
            visit(app, {**receiver.environment, **FROM_PAGES, **small.ENVIRONMENT}, script)
        )
        page.get_by_role("button", name="Capital of France").click()
        page.get_by_text("s of speech").wait_for()
        spans = receiver.wait_for(
            lambda spans: {"speak", "utterance"} <= {s.name for s in spans}, 20
        )
    (spoken,) = [span.trace_id for span in spans if span.name == "speak"]
    shown = tree(span for span in spans if span.trace_id == spoken)
    expected = trees.by_the_small_model(trees.FROM_THE_PAGE).strip()
    assert shown.replace("-> remote", "-> GET /ws/voice") == expected


def test_what_was_heard_is_text(visit: Open) -> None:
    hostile = {**small.ENVIRONMENT, "VOICE_ASR": "tests.voice.small:HostileRecogniser"}
    page = ready(visit(environment=hostile))
    page.get_by_role("button", name="A timer").click()
    page.get_by_text("s of speech").wait_for()
    assert turns(page) == [small.HOSTILE] * 2
    assert (page.locator("#turns img").count(), page.title()) == (0, "Voice assistant")


def test_it_says_what_it_lacks(visit: Open) -> None:
    page = visit(environment={**small.ENVIRONMENT, "VOICE_TTS": "no_such_engine:load"})
    page.locator("[data-state=broken]").wait_for()
    assert "`scripts/demo --voice` installs the engines" in page.inner_text("#loading-text")
    assert page.get_by_role("button", name="Speak").is_disabled()


def test_it_fits_a_narrow_screen(visit: Open) -> None:
    page = ready(visit())
    page.set_viewport_size({"width": 390, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box = page.get_by_role("button", name="Interrupt").bounding_box()
    assert box["x"] + box["width"] <= 390
