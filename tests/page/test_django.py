"""The page among a Django project's routes, over WSGI; over ASGI it is served in test_mounted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings

from otel_ws._otlp import JSON, decode
from otel_ws._otlp_json import to_json
from otel_ws_channels import page

from .asked import TRACE, records

LOCAL = {"HTTP_HOST": "localhost:8000"}
EVERYWHERE = override_settings(
    ROOT_URLCONF="tests.page.urls",
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "tests.page.test_django.as_ada",
    ],
)


def as_ada(get_response: Any) -> Any:
    """Do what a login does."""

    def middleware(request: HttpRequest) -> HttpResponse:
        name = request.headers.get("X-User", "")
        request.user = SimpleNamespace(username=name)  # type: ignore[assignment]
        response: HttpResponse = get_response(request)
        return response

    return middleware


def client() -> Client:
    return Client(enforce_csrf_checks=True)


@EVERYWHERE
def test_the_page_is_served_through_wsgi() -> None:
    answer = client().get("/traces/", **LOCAL)
    assert (answer.status_code, answer["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer["content-security-policy"].startswith("default-src 'none'")
    assert client().get("/traces/static/page.css", **LOCAL).status_code == 200
    assert client().get("/traces", **LOCAL)["location"] == "/traces/"


@EVERYWHERE
def test_spans_are_taken_without_a_token_of_a_form() -> None:
    body = to_json(records(1, 2))
    answer = client().post("/traces/v1/traces", body, content_type=JSON, **LOCAL)
    assert (answer.status_code, answer.content) == (200, b"{}")
    exported = client().get(f"/traces/export/trace/{TRACE}", **LOCAL)
    assert decode(exported.content, JSON)[-2:] == records(1, 2)


@EVERYWHERE
@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10)
def test_the_limit_of_the_body_is_the_pages_own() -> None:
    body = to_json(records(1))
    assert client().post("/traces/v1/traces", body, content_type=JSON, **LOCAL).status_code == 200
    too_large = b" " * (8 * 1024 * 1024 + 1)
    answer = client().post("/traces/v1/traces", too_large, content_type=JSON, **LOCAL)
    assert answer.status_code == 413


@EVERYWHERE
@pytest.mark.parametrize(
    "request_of",
    [
        {"HTTP_HOST": "evil.example"},
        {**LOCAL, "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {**LOCAL, "REMOTE_ADDR": "10.0.0.1"},
        {**LOCAL, "REMOTE_ADDR": ""},
    ],
)
def test_strangers_are_refused(request_of: dict[str, str], our_log: list[str]) -> None:
    assert client().get("/traces/", **request_of).status_code == 403


@EVERYWHERE
def test_a_function_knows_the_user(our_log: list[str]) -> None:
    elsewhere = {"HTTP_HOST": "shop.example", "REMOTE_ADDR": "10.0.0.1"}
    assert client().get("/private/", HTTP_X_USER="ada", **elsewhere).status_code == 200
    assert client().get("/private/", HTTP_X_USER="eve", **elsewhere).status_code == 403


@EVERYWHERE
def test_head_has_no_body() -> None:
    answer = client().head("/traces/", **LOCAL)
    assert answer.status_code == 200
    assert int(answer["content-length"]) > 0


def test_the_routes_are_django_urls() -> None:
    assert [str(route.pattern) for route in page.urlpatterns] == ["", "<path:rest>"]
    assert [str(route.pattern) for route in page.websocket_urlpatterns] == [".otel-ws/live"]
