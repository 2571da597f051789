from __future__ import annotations

from django.urls import path

from tests.layers.project import views

urlpatterns = [
    path("async", views.async_view),
    path("sync", views.sync_view),
    path("thread", views.thread_view),
]
