"""Counts to two with the client of gql, over the protocol that came before."""

from __future__ import annotations

import asyncio
import json
import sys

from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.websockets import WebsocketsTransport
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract, inject

from testproject import telemetry

tracer = trace.get_tracer("interop")


def carrier() -> dict[str, str]:
    fields: dict[str, str] = {}
    inject(fields)
    return fields


async def count(session: AsyncClientSession) -> list[int]:
    heard = []
    request = GraphQLRequest("subscription { count(target: 2) }", extensions=carrier())
    async for result in session.subscribe(request, get_execution_result=True):
        number = result.data["count"]
        heard.append(number)
        sender = extract(result.extensions or {}, Context())
        tracer.start_span(f"show {number}", sender).end()
    return heard


async def main(address: str) -> list[int]:
    with tracer.start_as_current_span("page"):
        with tracer.start_as_current_span("visit"):
            protocols = [WebsocketsTransport.APOLLO_SUBPROTOCOL]
            transport = WebsocketsTransport(
                f"ws://{address}/graphql", headers=carrier(), subprotocols=protocols
            )
            client = Client(transport=transport)
            session = await client.connect_async()
        with tracer.start_as_current_span("count"):
            heard = await count(session)
        await client.close_async()
    return heard


telemetry.configure("python")
print(json.dumps(asyncio.run(main(sys.argv[1]))))
