"""strawberry's router in FastAPI, with nothing but the middleware around it."""

from __future__ import annotations

from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter

from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

from .graphql_schema import schema

telemetry.configure("server")

api = FastAPI()
api.include_router(GraphQLRouter(schema), prefix="/graphql")
app = TracingMiddleware(api, message_codec="graphql-ws", inject_sends=True)
