from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from .consumers import EDITION


def edition(request: HttpRequest) -> HttpResponse:
    return HttpResponse(EDITION)


urlpatterns = [path("", edition)]
