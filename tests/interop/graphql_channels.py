"""strawberry's consumer in Channels: as it comes, and in a subclass with the mixin."""

from __future__ import annotations

import django
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path
from strawberry.channels import GraphQLWSConsumer

from otel_ws_channels import TracedConsumerMixin, TracingMiddleware
from testproject import telemetry

from .graphql_schema import schema

settings.configure(INSTALLED_APPS=["channels", "otel_ws_channels"])
django.setup()
telemetry.configure("server")


class Traced(TracedConsumerMixin, GraphQLWSConsumer):
    """The same consumer, traced."""


def application(consumer: type[GraphQLWSConsumer]) -> TracingMiddleware:
    router = URLRouter([path("graphql", consumer.as_asgi(schema=schema))])
    return TracingMiddleware(router, message_codec="graphql-ws", inject_sends=True)


unmodified, traced = application(GraphQLWSConsumer), application(Traced)
