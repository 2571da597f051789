"""Answers by any endpoint that speaks OpenAI's API: a model of this machine, or yours.

    VOICE_LLM_BASE_URL=https://api.example.com/v1 VOICE_LLM_MODEL=... OPENAI_API_KEY=...

Without these a small model is served here, on loopback, by `local_model`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from openai import AsyncOpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

from . import ChatMessage, EngineError

_SECONDS = 60


class OpenAIChat:
    """A `ChatClient`; each reply is a span, which the instrumentation of the SDK makes."""

    def __init__(self, base_url: str, model: str, api_key: str) -> None:
        self._client = AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=_SECONDS)
        self._model = model

    async def reply(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str]:
        given: Any = messages
        stream = await self._client.chat.completions.create(
            model=self._model, messages=given, stream=True
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield text


def load(environ: Mapping[str, str] = os.environ) -> OpenAIChat:
    """Return what talks to the endpoint that is named, or to a model of our own."""
    address = environ.get("VOICE_LLM_BASE_URL", "")
    model = environ.get("VOICE_LLM_MODEL", "")
    if address:
        chat = OpenAIChat(*_named(address, model, environ.get("OPENAI_API_KEY", "")))
    elif model:
        raise EngineError(
            f"VOICE_LLM_MODEL is {model!r}, and VOICE_LLM_BASE_URL is not set: expected both, or "
            "none for the model of this machine. Set VOICE_LLM_BASE_URL, such as "
            "https://api.openai.com/v1."
        )
    else:
        from .local_model import NAME, serve

        chat = OpenAIChat(serve(), NAME, "none")
    instrumentor = OpenAIInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument()
    return chat


def _named(address: str, model: str, key: str) -> tuple[str, str, str]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EngineError(
            "VOICE_LLM_BASE_URL is to be the address of an OpenAI-compatible API, such as "
            f"http://127.0.0.1:11434/v1; it is {address!r}."
        )
    if not model:
        raise EngineError(
            "VOICE_LLM_BASE_URL needs VOICE_LLM_MODEL beside it, the name of a model that "
            f"{parts.hostname} has; it is not set."
        )
    return address, model, key or "none"
