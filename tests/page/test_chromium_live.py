"""What the page does while spans come, while it is paused, and while its server is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider

from testproject.servers import listen

from .conftest import Look
from .seen import details_of, items_of, sessions_of, settle
from .serving import PageServer, running_page
from .spans import SESSION, Connection, Maker, provider


@pytest.fixture
def page_server(possible: None) -> Iterator[PageServer]:
    with running_page() as page:
        yield page


@pytest.fixture
def made(page_server: PageServer) -> Iterator[TracerProvider]:
    with provider(page_server, "shop", "1") as made:
        yield made


def connect(made: TracerProvider, session: str, ago: float = 1.0) -> None:
    Connection(Maker(made), session, f"/{session}", ago)
    made.force_flush()


def receive(made: TracerProvider, session: str) -> None:
    Maker(made).span("websocket.receive", 0.5, 0.1, {SESSION: session})
    made.force_flush()


def test_what_happens_appears_by_itself(
    look: Look, page_server: PageServer, made: TracerProvider
) -> None:
    page = look(page_server)
    assert "No spans yet" in page.locator("#home").inner_text()
    connect(made, "ada", 9)
    page.locator("#list").get_by_text("/ada", exact=True).click()
    assert items_of(page) == ["handshake | GET /ada"]
    receive(made, "ada")
    page.locator("#items .row", has_text="websocket.receive").wait_for()
    connect(made, "grace")
    page.locator("#list").get_by_text("/grace", exact=True).wait_for()
    assert sessions_of(page) == ["/grace live", "/ada live"]
    assert "2 sessions" not in page.locator("#counts").inner_text()
    assert page.locator("#counts").inner_text() == "3 of 20,000 spans"


def test_a_pause_lets_one_look(look: Look, page_server: PageServer, made: TracerProvider) -> None:
    page = look(page_server)
    connect(made, "ada", 9)
    page.locator("#list").get_by_text("/ada", exact=True).wait_for()
    page.keyboard.press("p")
    connect(made, "grace")
    page.get_by_text("1 new span waiting").wait_for()
    assert page.locator("#state").inner_text() == "paused"
    assert sessions_of(page) == ["/ada live"]
    page.get_by_role("button", name="Go on").click()
    page.locator("#list").get_by_text("/grace", exact=True).wait_for()
    assert sessions_of(page) == ["/grace live", "/ada live"]


def test_clear_forgets_everywhere(
    look: Look, page_server: PageServer, made: TracerProvider
) -> None:
    connect(made, "ada")
    page, other = look(page_server), look(page_server)
    page.get_by_role("button", name="Clear").click()
    for each in (page, other):
        each.get_by_text("0 of 20,000 spans").wait_for()
        assert sessions_of(each) == []
    connect(made, "grace")
    page.locator("#list").get_by_text("/grace", exact=True).wait_for()


def test_what_one_looks_at_stays_where_it_is(
    look: Look, page_server: PageServer, made: TracerProvider
) -> None:
    maker = Maker(made)
    for number in range(200):
        Connection(maker, f"s{number}", f"/s{number}", 1000 - number)
    made.force_flush()
    page = look(page_server)
    page.locator("#list").evaluate("(list) => (list.scrollTop = 3000)")
    settle(page)
    seen = page.locator("#list").get_by_text("/s140", exact=True)
    before = seen.bounding_box()
    connect(made, "newer")
    page.get_by_text("201 of 20,000 spans").wait_for()
    settle(page)
    assert seen.bounding_box() == before


def test_who_reads_is_not_disturbed(
    look: Look, page_server: PageServer, made: TracerProvider
) -> None:
    maker = Maker(made)
    turn = maker.span("turn", 9, 1, {SESSION: "ada", "said": "word " * 1000})
    made.force_flush()
    page = look(page_server, f"#/trace/{turn.get_span_context().trace_id:032x}")
    said = page.locator("#details dd[data-attribute=said]")
    said.get_by_role("button").click()
    maker.span("query", 8.9, 0.5, {}, parent=turn)
    made.force_flush()
    page.locator("#rows .row", has_text="query").wait_for()
    assert len(said.inner_text()) > 4000


def test_what_links_to_a_span_is_added_when_it_comes(
    look: Look, page_server: PageServer, made: TracerProvider
) -> None:
    connection = Connection(Maker(made), "ada", "/ada", 9)
    made.force_flush()
    [shake] = connection.links
    page = look(page_server, f"#/trace/{shake.context.trace_id:032x}")
    page.locator("#details h3", has_text="GET /ada").wait_for()
    assert details_of(page, "Linked from") == []
    connection.receive(8, 0.1)
    made.force_flush()
    page.locator("#details h4", has_text="Linked from").wait_for()


def test_what_had_to_give_way_is_counted(look: Look, possible: None) -> None:
    with running_page(0, "--limit=10") as server:
        page = look(server)
        with provider(server, "shop", "1") as made:
            for number in range(15):
                connect(made, f"s{number}", 100 - number)
        page.get_by_text("5 dropped").wait_for()
        assert page.locator("#counts").inner_text() == "10 of 10 spans 5 dropped"
        assert sessions_of(page) == [f"/s{number} live" for number in range(14, 4, -1)]


def test_it_comes_back_when_its_server_does(look: Look, possible: None) -> None:
    with listen() as listener:
        port = listener.getsockname()[1]
    with running_page(port) as first:
        page = look(first)
        with provider(first, "shop", "1") as made:
            connect(made, "ada")
        page.locator("#list").get_by_text("/ada", exact=True).wait_for()
    page.locator("#state.waiting").wait_for()
    assert "not connected, again in" in page.locator("#state").inner_text()
    assert sessions_of(page) == ["/ada live"]
    with running_page(port) as second:
        page.locator("#state.live").wait_for()
        assert sessions_of(page) == []
        with provider(second, "shop", "1") as made:
            connect(made, "grace")
        page.locator("#list").get_by_text("/grace", exact=True).wait_for()
