"""Only this machine looks, by a local name and without a proxy, unless the user says otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_ws.page import SpanBuffer, TracePage

from .asked import OWN_ORIGIN, Visitor, ask, record, scope_of

fuzzed = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # our log, which only grows
)
Headers = list[tuple[bytes, bytes]]


def status(page: TracePage | None = None, path: str = "/", **scope: Any) -> int:
    """Return what a request is answered with that has these headers and no others."""
    scope = {"headers": [(b"host", b"localhost")], "method": "GET", **scope}
    page = page or TracePage(SpanBuffer())
    return page.answer(scope_of("http", path, **scope), lambda count: b"").status


# --- the peer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_look(peer: str) -> None:
    assert status(client=(peer, 5)) == 200


@pytest.mark.parametrize(
    "client",
    [
        *(("10.0.0.1", 5), ("192.168.1.7", 5), ("203.0.113.1", 5), ("0.0.0.0", 5), ("::", 5)),
        *(("fe80::1%eth0", 5), ("::ffff:10.0.0.1", 5), ("2001:db8::1", 5), ("::127.0.0.1", 5)),
        *(("localhost", 5), ("testclient", 5), ("", 0), ("127.1", 5), None, ()),
    ],
)
def test_nobody_else_may_look(client: Any, our_log: list[str]) -> None:
    assert status(client=client) == 403


@fuzzed
@given(st.ip_addresses())
def test_of_all_addresses_only_loopback_may_look(our_log: list[str], address: Any) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    assert (status(client=(str(address), 5)) == 200) == mapped.is_loopback


# --- the name it is called by -------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.1:80", "127.255.0.9", "[::1]"),
        "[::1]:65535",
    ],
)
def test_a_local_name_is_answered(host: str) -> None:
    assert status(headers=[(b"host", host.encode())]) == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "evil.example:8000", "127.0.0.1.evil.example"),
        *("localhost.", "127.0.0.1.", "localhost:", "localhost:80:80", "localhost:123456"),
        *("user@localhost", "localhost@evil.example", "localhost:80@evil.example", "localhost/x"),
        *("localhost, evil.example", "localhost evil.example", " localhost", "localhost\n", ""),
        *("127.1", "2130706433", "0x7f.1", "127.0.0.256", "127.0.0.01", "0.0.0.0", "[::]"),
        *("::1", "[::ffff:127.0.0.1]", "[::1", "[0:0:0:0:0:0:0:1]", "sub.localhost"),
        *("localhost\u0660", "localhost:\u0668\u0660", "\uff4cocalhost"),
    ],
)
def test_any_other_name_is_refused(host: str, our_log: list[str]) -> None:
    """Who owns a name can let it point here: a browser then takes that page for ours."""
    assert status(headers=[(b"host", host.encode())]) == 403


@pytest.mark.parametrize(
    "hosts", [[], [b"localhost", b"localhost"], [b"evil.example", b"localhost"]]
)
def test_a_request_has_one_host(hosts: list[bytes], our_log: list[str]) -> None:
    assert status(headers=[(b"Host", host) for host in hosts]) == 403


@fuzzed
@given(st.text(st.sampled_from("localhost127.0.0.1[::1]:80@/ ex\u0131"), max_size=20))
def test_no_other_text_passes_for_a_local_name(our_log: list[str], host: str) -> None:
    name, _, port = host.lower().rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and name):
        name = host.lower()
    octets = name.split(".")
    is_ipv4 = len(octets) == 4 and octets[0] == "127" and all(map(_is_octet, octets))
    is_local = name in ("localhost", "[::1]") or is_ipv4
    assert (status(headers=[(b"host", host.encode())]) == 200) == is_local


def _is_octet(text: str) -> bool:
    return text in map(str, range(256))


# --- proxies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "x-forwarded-host"),
        *("X-Forwarded-Proto", "X-FORWARDED", "x-forwarded-anything", "CF-Connecting-IP"),
        *("True-Client-IP", "X-Client-IP", "CDN-Loop", "X-Envoy-External-Address"),
        "X-Original-URL",
    ],
)
def test_a_proxy_is_refused(name: str, our_log: list[str]) -> None:
    """To a proxy on this machine everybody is on this machine."""
    headers = [(b"host", b"localhost"), (name.encode(), b"127.0.0.1")]
    assert status(headers=headers) == 403
    assert our_log == [
        "the trace page has refused a request: The trace page answers no proxy. "
        "To let one in, put it behind your own login and say TracePage(allow=...)."
    ]


def test_nginx_that_is_told_nothing_is_known_by_its_version_of_http(our_log: list[str]) -> None:
    assert status(http_version="1.0") == 403
    assert status(http_version="1.1") == status(http_version="2") == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("connection", [b"upgrade", b"keep-alive, Upgrade"])
def test_nginx_that_is_set_up_for_websockets_is_known_by_its_connection(
    method: str, connection: bytes, our_log: list[str]
) -> None:
    """It says so for every request that it passes on; a browser never asks that of a page."""
    headers = [(b"host", b"127.0.0.1:8000"), (b"connection", connection)]
    assert status(headers=headers, method=method) == 403


@pytest.mark.parametrize("connection", [b"keep-alive", b"close"])
def test_browsers_and_programs_may_say_what_becomes_of_the_connection(connection: bytes) -> None:
    assert status(headers=[(b"host", b"localhost"), (b"connection", connection)]) == 200


def test_who_sends_spans_may_offer_http_2() -> None:
    offered = [(b"connection", b"Upgrade, HTTP2-Settings"), (b"upgrade", b"h2c")]
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), *offered]
    page = TracePage(SpanBuffer())
    scope = scope_of("http", "/v1/traces", method="POST", headers=headers)
    assert page.answer(scope, lambda count: b"{}").status == 200


def test_a_refusal_says_what_to_do_and_is_logged_once(our_log: list[str]) -> None:
    page = TracePage(SpanBuffer())
    scope = scope_of("http", "/", method="GET", client=("10.0.0.1", 1))
    for _ in range(3):
        answer = page.answer(scope, lambda count: b"")
    assert answer.status == 403
    assert answer.body.decode() == (
        "The trace page answers only this machine. "
        "To let others in, put it behind your own login and say TracePage(allow=...).\n"
    )
    assert len(our_log) == 1


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/v1/traces", "/export/trace/1", "/x"])
def test_every_path_is_behind_the_rule(path: str, our_log: list[str]) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert status(path=path, method=method, client=("10.0.0.1", 1)) == 403


def test_a_body_is_not_read_before_the_rule_is_asked(our_log: list[str]) -> None:
    def read(count: int) -> bytes:
        raise AssertionError("it was read")

    scope = scope_of("http", "/v1/traces", method="POST", client=("10.0.0.1", 1))
    assert TracePage(SpanBuffer()).answer(scope, read).status == 403


# --- a rule of the user's own -------------------------------------------------------------------


def test_a_function_stands_in_place_of_the_rule() -> None:
    page = TracePage(SpanBuffer(), allow=lambda scope: scope["user"] == "ada")
    away: dict[str, Any] = {
        "client": ("10.0.0.1", 1),
        "headers": [(b"host", b"traces.example"), (b"x-forwarded-for", b"10.0.0.1")],
    }
    assert status(page, user="ada", **away) == 200


@pytest.mark.parametrize("returned", [False, None, 0, 1, "yes", object, asyncio.sleep])
def test_a_function_that_does_not_return_true_allows_nothing(
    returned: Any, our_log: list[str]
) -> None:
    assert status(TracePage(SpanBuffer(), allow=lambda scope: returned)) == 403


def test_a_function_that_fails_allows_nothing(our_log: list[str]) -> None:
    assert status(TracePage(SpanBuffer(), allow=lambda scope: bool(scope["user"]))) == 403


def test_a_coroutine_function_would_allow_everybody() -> None:
    async def allow(scope: Any) -> bool:
        return False

    with pytest.raises(TypeError, match="not a coroutine"):
        TracePage(allow=allow)  # type: ignore[arg-type]


# --- origins ------------------------------------------------------------------------------------


def origin(*origins: bytes) -> Headers:
    return [(b"host", b"localhost:8000"), *((b"origin", each) for each in origins)]


async def opens(headers: Headers, page: TracePage | None = None, **scope: Any) -> bool:
    page = page or TracePage(SpanBuffer())
    async with Visitor(page, headers=headers, **scope) as visitor:
        first = await visitor.raw()
    assert first["type"] in ("websocket.accept", "websocket.close")
    return first["type"] == "websocket.accept"


async def test_the_socket_opens_for_the_pages_own_origin() -> None:
    assert await opens(origin(b"http://localhost:8000"))
    assert await opens(origin(b"https://LOCALHOST:8000"))


@pytest.mark.parametrize(
    "origins",
    [
        [],
        [b"null"],
        [b"http://evil.example"],
        [b"http://localhost"],
        [b"http://localhost:80000"],
        [b"http://localhost:8000.evil.example"],
        [b"http://evil.example#localhost:8000"],
        [b"http://u@localhost:8000"],
        [b"ftp://localhost:8000"],
        [b"localhost:8000"],
        [b"http://localhost:8000", b"http://localhost:8000"],
        [b"http://localhost:8000", b"http://evil.example"],
        [b""],
    ],
)
async def test_the_socket_opens_for_no_other(origins: list[bytes], our_log: list[str]) -> None:
    """A page on any other site may open a socket to this machine, but for this check."""
    assert not await opens(origin(*origins))
    assert [line for line in our_log if "origin" in line]


async def test_the_socket_is_behind_the_whole_rule(our_log: list[str]) -> None:
    assert not await opens(origin(b"http://localhost:8000"), client=("10.0.0.1", 1))
    assert not await opens([(b"host", b"evil.example"), (b"origin", b"http://evil.example")])


async def test_a_function_that_allows_does_not_let_in_every_origin(our_log: list[str]) -> None:
    page = TracePage(SpanBuffer(), allow=lambda scope: True)
    at_home: Headers = [(b"host", b"traces.example"), (b"origin", b"https://traces.example")]
    assert await opens(at_home, page)
    assert not await opens([*at_home[:1], (b"origin", b"https://evil.example")], page)


async def test_the_user_names_further_origins(our_log: list[str]) -> None:
    page = TracePage(SpanBuffer(), origins=["http://Localhost:5173"])
    assert await opens(origin(b"http://localhost:5173"), page)
    assert not await opens(origin(b"http://localhost:5174"), page)


@pytest.mark.parametrize(
    "wrong", ["*", "null", "localhost:5173", "http://localhost:5173/", "http://a b", "http://", ""]
)
def test_what_is_no_origin_is_told_at_once(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected an origin"):
        TracePage(origins=[wrong])


def test_a_text_is_no_collection_of_origins() -> None:
    with pytest.raises(TypeError, match="collection"):
        TracePage(origins="http://localhost:5173")


async def test_spans_come_without_an_origin_or_from_a_known_one(our_log: list[str]) -> None:
    page = TracePage(SpanBuffer(), origins=["http://localhost:5173"])
    json = (b"content-type", b"application/json")

    async def sends(*origins: bytes) -> int:
        headers = [json, *((b"origin", each) for each in origins)]
        return (await ask(page, "/v1/traces", "POST", b"{}", headers=headers)).status

    assert await sends() == 200
    assert await sends(b"http://localhost:5173") == 200
    assert await sends(OWN_ORIGIN[1]) == 200
    assert await sends(b"http://evil.example") == 403
    assert await sends(b"null") == 403
    assert await sends(OWN_ORIGIN[1], b"http://evil.example") == 403


async def test_a_foreign_page_reads_nothing(our_log: list[str]) -> None:
    buffer = SpanBuffer()
    buffer.add([record()])
    foreign = [(b"origin", b"http://evil.example")]
    for path in ("/", f"/export/trace/{record().trace_id}"):
        answer = await ask(TracePage(buffer), path, headers=foreign)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert (await ask(TracePage(buffer), "/v1/traces", "OPTIONS", headers=foreign)).status == 403
