"""What the page shows of conversations that took place, in a real browser."""

from __future__ import annotations

import json
import re

import pytest

from .conftest import Look
from .seen import (
    choose,
    details_of,
    items_of,
    open_item,
    open_session,
    sessions_of,
    settle,
    tree_of,
)
from .serving import PageServer, spans_of

CHAT = "/ws/chat/{room}"


def test_every_session_is_listed_with_how_it_stands(look: Look, told: PageServer) -> None:
    page = look(told)
    assert sessions_of(page) == [
        "/locked denied",
        "/shout closed",
        "/rhythm closed",
        "/talk closed",
        *[f"{CHAT} closed"] * 4,
    ]
    row = page.locator("#list .row", has=page.get_by_text("/shout", exact=True)).inner_text()
    assert "\u21932" in row and "\u21918" in row and "1000" in row and "assistant 1" in row
    assert "denied 403" in page.locator("#list .row").first.inner_text()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("#/?q=talk", ["/talk closed"]),
        ("#/?q=denied", ["/locked denied"]),
        ("#/?q=GROUP", []),
        ("#/?route=%2Fshout", ["/shout closed"]),
        ("#/?errors=1", ["/talk closed"]),
        ("#/?slow=150", ["/talk closed"]),
        ("#/?live=1", []),
    ],
)
def test_the_address_says_what_is_listed(
    look: Look, told: PageServer, where: str, expected: list[str]
) -> None:
    page = look(told, where)
    assert sessions_of(page) == expected
    assert page.locator("#none").is_visible() == (expected == [])


def test_what_is_filtered_by_stands_in_the_address(look: Look, told: PageServer) -> None:
    page = look(told)
    page.get_by_role("searchbox").fill("talk")
    page.get_by_label("failed").check()
    assert sessions_of(page) == ["/talk closed"]
    assert page.evaluate("location.hash") == "#/?q=talk&errors=1"
    page.get_by_label("Route", exact=True).select_option("/shout")
    assert sessions_of(page) == []


def test_a_session_is_one_timeline_of_all_that_happened(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    assert items_of(page) == [
        "handshake | GET /talk",
        "open | websocket.open /talk",
        "message 1 | websocket.receive /talk",
        "message 2 | websocket.receive /talk | cancelled",
        "message 3 | websocket.receive /talk",
        "message 4 | websocket.receive /talk",
        "message 5 | websocket.receive /talk | ValueError: no speech in 1.2 s of audio",
        "close | websocket.close | ValueError: no speech in 1.2 s of audio",
    ]
    assert "closed internal_error by server" in page.locator("#session .title").inner_text()


def test_a_push_says_whose_message_it_was_and_leads_there(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, CHAT)
    pushes = [item for item in items_of(page) if item.startswith("push")]
    assert len(pushes) >= 3
    mine = page.locator("#session .ids code").inner_text()
    other = page.locator("#items .link").first
    assert other.inner_text().startswith(f"from {CHAT} ") and mine[:8] not in other.inner_text()
    session = other.inner_text()[-9:-1]
    other.click()
    page.locator("#session .ids code", has_text=session).wait_for()
    page.go_back()
    page.locator("#session .ids code", has_text=mine).wait_for()


def test_a_trace_is_one_tree_over_both_processes(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, CHAT)
    open_item(page, "message 1")
    assert tree_of(page) == "\n".join(
        [
            f"websocket.receive {CHAT}",
            "  publish chat.message",
            *[f"    process chat.message\n      websocket.send {CHAT}"] * 2,
        ]
    )
    legend = page.locator("#trace .legend").inner_text()
    assert "chat-starlette 1" in legend and "chat-starlette 2" in legend
    colors = page.evaluate(
        "() => new Set([...document.querySelectorAll('.bar')].map((b) => b.classList[1])).size"
    )
    assert colors == 2


def test_links_lead_both_ways_and_back(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/shout")
    open_item(page, "message 2")
    turn = page.evaluate("location.hash")
    assert details_of(page, "Links") == [
        f"the handshake of its connection:GET /shout assistant 1, session {turn_session(page)}"
    ]
    page.locator("#details .lead .link").click()
    page.locator("#details h3", has_text="GET /shout").wait_for()
    names = [line.split(" assistant")[0] for line in details_of(page, "Linked from")]
    assert sorted(names) == [
        "websocket.close",
        "websocket.open /shout",
        *["websocket.receive /shout"] * 2,
    ]
    page.locator("#details .link", has_text="websocket.receive").nth(1).click()
    page.locator("#details h3", has_text="websocket.receive").wait_for()
    assert page.evaluate("location.hash") == turn
    page.go_back()
    page.locator("#details h3", has_text="GET /shout").wait_for()


def turn_session(page: object) -> str:
    found = page.locator("#trace .owner").inner_text()  # type: ignore[attr-defined]
    return str(found).rpartition(" ")[2]


def test_the_measures_of_a_stream_are_those_that_are_exported(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    for turn in ("message 1", "message 2", "message 4"):
        open_item(page, turn)
        trace = page.locator("#trace .head code").inner_text()
        streams = [
            span
            for span in spans_of(told.export("trace", trace))
            if span["name"].startswith("websocket.stream")
        ]
        assert len(streams) == 2
        for span in streams:
            choose(page, span["name"])
            exported = {
                name.removeprefix("websocket.stream."): value
                for name, value in span["attributes"].items()
                if name.startswith("websocket.stream.") and not name.endswith(".name")
            }
            assert shown_measures(page) == exported
            first = f"first {spoken(exported['time_to_first_chunk'])}"
            row = page.locator("#rows .row[aria-selected=true] .bars").get_attribute("title")
            assert first in row and f"{exported['chunk_count']} chunks" in row
            ticks = page.locator("#rows .row[aria-selected=true] svg").get_attribute("data-ticks")
            assert int(ticks) == exported["chunk_count"]
        page.go_back()
        page.locator("#session").wait_for()


def shown_measures(page: object) -> dict[str, object]:
    """Return what is shown of a stream, and check that what is spoken is what is exact."""
    read = "(all) => all.map((dd) => [dd.dataset.measure, dd.dataset.exact, dd.textContent])"
    found = page.locator("#details .measures dd").evaluate_all(read)  # type: ignore[attr-defined]
    measures: dict[str, object] = {}
    for name, exact, said in found:
        measures[name] = exact if name == "end_reason" else json.loads(exact)
        if "time" in name or "interval" in name:
            assert said.removesuffix(" on average") == spoken(json.loads(exact))
    return measures


def spoken(seconds: float) -> str:
    """Return a duration as the page says it."""
    for unit, name in ((1e-6, "\u00b5s"), (1e-3, "ms"), (1, "s")):
        value = seconds / unit
        if value < 999.5:
            places = 0 if unit == 1e-6 or value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{places}f} {name}"
    raise AssertionError(seconds)


def test_where_the_chunks_come_from_is_said(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    open_item(page, "message 1")
    assert "chunks, interpolated" in page.locator("#trace .legend").inner_text()
    open_session(page, "/shout")
    open_item(page, "message 1")
    assert "a chunk, by the span of its send" in page.locator("#trace .legend").inner_text()


def test_recorded_chunks_stand_where_they_were_sent(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/rhythm")
    open_item(page, "message 1")
    assert page.locator("#trace .legend").inner_text().endswith("a chunk")
    spans = spans_of(told.export("trace", page.locator("#trace .head code").inner_text()))
    begun = min(int(span["startTimeUnixNano"]) for span in spans)
    whole = max(int(span["endTimeUnixNano"]) for span in spans) - begun
    for name in ("websocket.stream reply", "websocket.stream speech"):
        [span] = [each for each in spans if each["name"] == name]
        since = int(span["startTimeUnixNano"]) - begun
        times = span["attributes"]["websocket.stream.chunk_times"]
        expected = {round((since + time * 1e9) / whole * 1000) for time in times}
        row = page.locator("#rows .row", has=page.locator(".text", has_text=name))
        path = row.locator("path").get_attribute("d")
        drawn = {int(place) for place in re.findall(r"M(\d+) 0V10", path)}
        assert len(drawn) > 5
        assert all(min(abs(place - other) for other in expected) <= 1 for place in drawn)
        assert len(drawn) >= len(expected) - 2


def test_a_cancelled_stream_says_so(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    open_item(page, "message 2")
    row = page.locator("#rows .row", has=page.locator(".text", has_text="stream speech"))
    assert row.locator(".bars").get_attribute("title").endswith("\u00b7 cancelled")


def test_an_error_is_told_with_its_stacktrace(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    open_item(page, "message 5")
    choose(page, "asr")
    assert page.locator("#details .failure").first.inner_text() == (
        "ValueError: no speech in 1.2 s of audio"
    )
    assert 'raise ValueError("no speech' in page.locator("#details pre").inner_text()
    red = page.evaluate("() => getComputedStyle(document.querySelector('#rows .text.error')).color")
    assert red == "rgb(179, 38, 30)"


def test_rows_are_folded_away_and_come_back(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, CHAT)
    open_item(page, "message 1")
    page.locator("#rows .twist").nth(1).click()
    settle(page)
    assert tree_of(page).count("\n") == 1
    page.locator("#rows .twist").nth(1).click()
    settle(page)
    assert tree_of(page).count("\n") == 5


@pytest.mark.parametrize("model", [".split", ".tools"])
def test_what_is_not_here_is_said_in_words(look: Look, told: PageServer, model: str) -> None:
    page = look(told, "#/trace/" + "0" * 31 + "1")
    assert "This trace is not in the buffer" in page.locator("#trace").inner_text()
    assert page.locator(f"#trace {model}").is_hidden()
    page.goto(f"{told.url}/#/session/nobody")
    page.get_by_text("This session is not in the buffer").wait_for()


def test_an_address_can_be_shared(look: Look, told: PageServer) -> None:
    page = look(told)
    open_session(page, "/talk")
    open_item(page, "message 4")
    choose(page, "chat")
    where = page.evaluate("location.hash")
    assert re.fullmatch(r"#/trace/[0-9a-f]{32}/[0-9a-f]{16}", where)
    again = look(told, where)
    again.locator("#details h3", has_text="chat").wait_for()
    assert again.locator("#list .row[aria-selected=true] .name").inner_text() == "/talk"


@pytest.mark.parametrize(("view", "kind"), [("session", "session"), ("trace", "trace")])
def test_what_is_shown_can_be_taken_along(
    look: Look, told: PageServer, view: str, kind: str
) -> None:
    page = look(told)
    open_session(page, "/talk")
    if kind == "trace":
        open_item(page, "message 1")
    with page.expect_download() as download:
        page.locator(f"#{view}").get_by_text("Export OTLP JSON").click()
    exported = spans_of(json.loads(download.value.path().read_text()))
    assert download.value.suggested_filename.startswith(f"{kind}-")
    assert {span["name"] for span in exported} >= {"websocket.receive /talk", "asr", "tts"}
