"""A page tells its sockets in which trace it was made: Django's pages, Starlette's, plain ones."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import Context, Template, engines
from django.template.response import TemplateResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import cache_page
from jinja2 import DictLoader, Environment
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, use_span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette.testclient import TestClient

from otel_ws import browser
from otel_ws.testing import CapturedSpans
from otel_ws_channels.http import PageContextMiddleware
from otel_ws_starlette.pages import browser_files, page_context

PAGE = "{% load otel_ws %}<head>{% otel_ws_page_context %}</head>"
MIDDLEWARE = "otel_ws_channels.http.PageContextMiddleware"

tracer = trace.get_tracer("application")


def context_in(page: str | bytes) -> str:
    """Return what a page hands out, or nothing."""
    text = page if isinstance(page, str) else page.decode()
    found = re.findall(r'<meta name="traceparent" content="(.*?)">', text)
    assert len(found) <= 1
    return found[0] if found else ""


def header(span: ReadableSpan) -> str:
    context = span.context
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


# --- the tags -----------------------------------------------------------------------------------


def test_the_current_span_is_told(spans: CapturedSpans) -> None:
    with tracer.start_as_current_span("page"):
        tag = browser.meta_tag()
    assert tag == f'<meta name="traceparent" content="{header(spans[0])}">'


def test_a_span_that_is_not_sampled_is_told_as_such() -> None:
    unsampled = TracerProvider(sampler=ALWAYS_OFF).get_tracer("application")
    with unsampled.start_as_current_span("page"):
        flags = browser.traceparent().rpartition("-")[2]
    assert int(flags, 16) & trace.TraceFlags.SAMPLED == 0


def test_without_a_span_there_is_no_tag() -> None:
    assert browser.meta_tag() == ""
    with use_span(INVALID_SPAN):
        assert browser.meta_tag() == ""


def test_an_ended_span_is_not_told(spans: CapturedSpans) -> None:
    ended = tracer.start_span("earlier request")
    ended.end()
    with use_span(ended):
        assert browser.meta_tag() == ""


def test_a_broken_span_does_not_fail_the_page(our_log: list[str]) -> None:
    class Broken(NonRecordingSpan):
        def get_span_context(self) -> Any:
            raise LookupError("a bug of somebody")

    with use_span(Broken(INVALID_SPAN.get_span_context())):
        assert browser.meta_tag() == ""
    assert our_log == ["_traceparent failed; the application is unaffected"]


def test_what_is_told_is_escaped() -> None:
    assert browser.meta_tag('"><script>') == (
        '<meta name="traceparent" content="&quot;&gt;&lt;script&gt;">'
    )


def test_an_import_map_has_no_way_out_of_its_script() -> None:
    assert browser.import_map("/</script>&", nonce='"x') == (
        '<script type="importmap" nonce="&quot;x">'
        r'{"imports": {"otel-ws": "/\u003c/script\u003e\u0026"}}</script>'
    )


@pytest.mark.parametrize("engine", ["django", "jinja2"])
def test_templates_take_a_tag_as_it_is(engine: str) -> None:
    tag = browser.meta_tag("00-ab")
    if engine == "django":
        shown = Template("{{ tag }}{{ text }}").render(Context({"tag": tag, "text": "<"}))
    else:
        environment = Environment(autoescape=True)
        shown = environment.from_string("{{ tag }}{{ text }}").render(tag=tag, text="<")
    assert shown == f"{tag}&lt;"


# --- Django -------------------------------------------------------------------------------------


def page(request: HttpRequest) -> HttpResponse:
    with tracer.start_as_current_span("view"):
        return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


async def async_page(request: HttpRequest) -> HttpResponse:
    return page(request)


def lazy(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, engines["django"].from_string(PAGE))


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield engines["django"].from_string(PAGE).render({}, request)

    return StreamingHttpResponse(parts())


async def async_streamed(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield engines["django"].from_string(PAGE).render({}, request)

    return StreamingHttpResponse(parts())


def without_request(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Template(PAGE).render(Context()))


urlpatterns = [
    path("page", page),
    path("async", async_page),
    path("lazy", lazy),
    path("streamed", streamed),
    path("async-streamed", async_streamed),
    path("without-request", without_request),
    path("cached", cache_page(60)(page)),
]


@pytest.fixture
def site(settings: Any) -> Any:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [MIDDLEWARE]
    return settings


@pytest.fixture
def traced(site: Any, spans: CapturedSpans) -> Iterator[CapturedSpans]:
    """The pages below, with the spans of OpenTelemetry's own instrumentation of Django."""
    DjangoInstrumentor().instrument()
    yield spans
    DjangoInstrumentor().uninstrument()


def test_a_page_has_the_span_of_its_request(traced: CapturedSpans) -> None:
    response = Client().get("/page")
    assert (
        traced
        == """
        GET page
          view
    """
    )
    assert context_in(response.content) == header(traced[0])


@pytest.mark.parametrize("name", ["page", "async", "lazy"])
@pytest.mark.parametrize("client", [Client, AsyncClient])
async def test_so_has_every_kind_of_page(client: Any, name: str, traced: CapturedSpans) -> None:
    response = await content_of(client, name)
    assert context_in(response) == header(traced.named("GET")[0])


@pytest.mark.parametrize(
    ("client", "name"), [(Client, "streamed"), (AsyncClient, "async-streamed")]
)
async def test_so_has_a_page_that_is_streamed_when_its_span_is_over(
    client: Any, name: str, traced: CapturedSpans
) -> None:
    response = await content_of(client, name)
    assert context_in(response) == header(traced.named("GET")[0])


async def content_of(client: Any, name: str) -> bytes:
    if client is Client:
        return b"".join(await asyncio.to_thread(Client().get, f"/{name}"))
    response = await AsyncClient().get(f"/{name}")
    if response.streaming:
        return b"".join([part async for part in response])
    return bytes(response.content)


def test_without_the_middleware_a_page_has_the_span_that_is_current(
    site: Any, traced: CapturedSpans
) -> None:
    site.MIDDLEWARE.remove(MIDDLEWARE)
    response = Client().get("/page")
    (view,) = traced.named("view")
    assert context_in(response.content) == header(view)
    assert context_in(b"".join(Client().get("/streamed"))) == ""


def test_a_template_without_the_request_has_the_span_that_is_current(
    traced: CapturedSpans,
) -> None:
    response = Client().get("/without-request")
    assert context_in(response.content) == header(traced[0])


def test_a_page_without_a_span_has_no_tag(site: Any) -> None:
    assert Client().get("/lazy").content == b"<head></head>"


def test_a_page_in_a_cache_keeps_the_context_of_the_request_that_made_it(
    traced: CapturedSpans,
) -> None:
    made, cached = (Client().get("/cached").content for _ in range(2))
    assert context_in(made) == context_in(cached) == header(traced[0])
    assert len(traced.named("GET")) == 2


def test_the_middleware_is_sync_or_async_as_what_it_is_put_around() -> None:
    async def async_response(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert iscoroutinefunction(PageContextMiddleware(async_response))
    assert not iscoroutinefunction(PageContextMiddleware(lambda request: HttpResponse()))


class LazyNonce(SimpleLazyObject):
    """As Django 6 has it: false until it was made."""

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("nonce", "attribute"),
    [(LazyNonce(lambda: "n0"), ' nonce="n0"'), ("n0", ' nonce="n0"'), (None, ""), ("", "")],
    ids=["lazy", "text", "none", "empty"],
)
def test_the_import_map_of_a_page_takes_a_nonce(nonce: Any, attribute: str) -> None:
    template = engines["django"].from_string(
        "{% load otel_ws %}{% otel_ws_import_map nonce=csp_nonce %}"
    )
    assert template.render({"csp_nonce": nonce}) == (
        f'<script type="importmap"{attribute}>'
        '{"imports": {"otel-ws": "/static/otel-ws/otel-ws.js"}}</script>'
    )


def test_django_finds_the_module() -> None:
    found = finders.find("otel-ws/otel-ws.js")
    assert found is not None
    with open(found) as module:
        assert module.read() == (browser.DIRECTORY / browser.MODULE).read_text()


# --- Starlette ----------------------------------------------------------------------------------


def starlette_app() -> Any:
    loader = DictLoader({"page.html": "<head>{{ otel_ws_page_context }}</head>"})
    environment = Environment(loader=loader, autoescape=True)
    templates = Jinja2Templates(env=environment, context_processors=[page_context])

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    def sync_page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html")

    async def plain(request: Request) -> Response:
        return HTMLResponse(f"<head>{browser.meta_tag()}</head>")

    routes = [Route("/page", page), Route("/sync", sync_page), Route("/plain", plain)]
    return Starlette(routes=[*routes, browser_files()])


@pytest.mark.parametrize("name", ["page", "sync", "plain"])
def test_a_page_of_starlette_has_the_span_of_its_request(name: str, spans: CapturedSpans) -> None:
    response = TestClient(OpenTelemetryMiddleware(starlette_app())).get(f"/{name}")
    assert context_in(response.text) == header(spans[0])


def test_a_page_of_starlette_without_a_span_has_no_tag() -> None:
    assert TestClient(starlette_app()).get("/page").text == "<head></head>"


def test_starlette_serves_the_module() -> None:
    response = TestClient(starlette_app()).get("/otel-ws/otel-ws.js")
    assert response.text == (browser.DIRECTORY / browser.MODULE).read_text()
    # Otherwise a browser does not execute it.
    assert response.headers["content-type"].split(";")[0].endswith("/javascript")
