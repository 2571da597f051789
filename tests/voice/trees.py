"""What becomes of conversations with the voice assistant, on every framework."""

from __future__ import annotations

# The language model's span is not ours: its instrumentation names it, and fails it.
MODEL = "chat gemma-3-270m"
CANCELLED = f"{MODEL} ! asyncio.exceptions.CancelledError"

OPENED = """\
GET /ws/voice
websocket.open /ws/voice -> GET /ws/voice
  prepare
    websocket.stream loading {websocket.stream.end_reason=complete}
"""
ANSWERED = """\
websocket.receive start -> GET /ws/voice
  utterance {voice.outcome=answered}
    asr
      websocket.stream transcript {websocket.stream.end_reason=complete}
    intent {voice.intent=chat}
    websocket.stream answer {websocket.stream.end_reason=complete}
      chat gemma-3-270m
    websocket.stream speech {websocket.stream.end_reason=complete}
      tts
      tts
    websocket.send done
"""
SUMMED = """\
websocket.receive start -> GET /ws/voice
  utterance {voice.outcome=answered}
    asr
      websocket.stream transcript {websocket.stream.end_reason=complete}
    intent {voice.intent=sum}
    websocket.stream answer {websocket.stream.end_reason=complete}
    websocket.stream speech {websocket.stream.end_reason=complete}
      tts
    websocket.send done
"""
RANG = """\
websocket.receive start -> GET /ws/voice
  utterance {voice.outcome=answered}
    asr
      websocket.stream transcript {websocket.stream.end_reason=complete}
    intent {voice.intent=timer}
    websocket.stream answer {websocket.stream.end_reason=complete}
    websocket.stream speech {websocket.stream.end_reason=complete}
      tts
    websocket.send done
    timer
      websocket.send rang
      websocket.stream answer {websocket.stream.end_reason=complete}
      websocket.stream speech {websocket.stream.end_reason=complete}
        tts
      websocket.send done
"""
INTERRUPTED = """\
websocket.receive start -> GET /ws/voice
  utterance {voice.outcome=interrupted}
    asr
      websocket.stream transcript {websocket.stream.end_reason=complete}
    intent {voice.intent=chat}
    websocket.stream answer {websocket.stream.end_reason=cancelled}
      chat gemma-3-270m ! asyncio.exceptions.CancelledError
    websocket.stream speech {websocket.stream.end_reason=cancelled}
      tts
websocket.receive start -> GET /ws/voice
  websocket.send stopped
  utterance -> utterance {voice.outcome=answered}
    asr
      websocket.stream transcript {websocket.stream.end_reason=complete}
    intent {voice.intent=sum}
    websocket.stream answer {websocket.stream.end_reason=complete}
    websocket.stream speech {websocket.stream.end_reason=complete}
      tts
    websocket.send done
"""
LEFT = """\
websocket.receive start -> GET /ws/voice
  utterance {voice.outcome=disconnected}
    asr
      websocket.stream transcript {websocket.stream.end_reason=complete}
    intent {voice.intent=chat}
    websocket.stream answer {websocket.stream.end_reason=disconnected}
      chat gemma-3-270m ! asyncio.exceptions.CancelledError
    websocket.stream speech {websocket.stream.end_reason=disconnected}
      tts
websocket.close -> GET /ws/voice
"""
CLOSED = """\
websocket.close -> GET /ws/voice
"""
FROM_THE_PAGE = """\
speak
  websocket.send
    websocket.receive start -> GET /ws/voice
      utterance {voice.outcome=answered}
        asr
          websocket.stream transcript {websocket.stream.end_reason=complete}
        intent {voice.intent=chat}
        websocket.stream answer {websocket.stream.end_reason=complete}
          chat gemma-3-270m
        websocket.stream speech {websocket.stream.end_reason=complete}
          tts
          tts
        websocket.send done
"""
IN_ONE_TRACE = """\
GET /ws/voice
  websocket.connection /ws/voice
    websocket.open /ws/voice
      prepare
        websocket.stream loading {websocket.stream.end_reason=complete}
    websocket.receive start
      utterance {voice.outcome=answered}
        asr
          websocket.stream transcript {websocket.stream.end_reason=complete}
        intent {voice.intent=chat}
        websocket.stream answer {websocket.stream.end_reason=complete}
          chat gemma-3-270m
        websocket.stream speech {websocket.stream.end_reason=complete}
          tts
          tts
        websocket.send done
    websocket.close
"""


def in_one_trace(*parts: str) -> str:
    """Return the tree of the model `connection` for parts that are those of `session`."""
    first, *others = "".join(parts).replace(" -> GET /ws/voice", "").splitlines()
    below = ["  websocket.connection /ws/voice", *(f"    {line}" for line in others)]
    return "\n".join([first, *below])


def by_the_small_model(tree: str) -> str:
    """Return the same of the tests' own language model."""
    return tree.replace(CANCELLED, "chat small").replace(MODEL, "chat small")
