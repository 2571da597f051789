"""A schema of strawberry with a subscription."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry


@strawberry.type
class Query:
    hello: str = "hello"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, target: int) -> AsyncIterator[int]:
        for number in range(1, target + 1):
            yield number


schema = strawberry.Schema(query=Query, subscription=Subscription)
