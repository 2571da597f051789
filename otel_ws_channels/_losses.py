"""What is told of the events of all channel layers of this process, and how their losses show.

`send` tells its caller, with ``ChannelFull``. `group_send` tells nobody: of the in-memory layer
the queues can be seen, the core Redis layer writes to its log (at INFO), and of the others
nothing is known; for those no number is reported, and none is 0.
"""

from __future__ import annotations

import logging
from typing import Any

from channels.exceptions import StopConsumer
from channels.layers import InMemoryChannelLayer

from otel_ws.events import Events

from .conf import Source

source = Source({})
events = Events("django.channels", source.watched, StopConsumer)

_REDIS_LOG = "channels_redis.core"


def count_full(layer: Any, group: str) -> int:
    """Return how many members of a group will not get what is sent now, as far as can be seen."""
    if not isinstance(layer, InMemoryChannelLayer):
        return 0
    try:
        members = layer.groups.get(group, ())
        return sum(layer.channels[each].full() for each in members if each in layer.channels)
    except Exception:  # One that keeps them elsewhere: of it nothing is known.
        return 0


def watch_log(layer: Any) -> None:
    """Count what the core Redis layer says that it has dropped. A logger takes a filter once."""
    if type(layer).__module__ == _REDIS_LOG:
        logging.getLogger(_REDIS_LOG).addFilter(_count_logged)


def _count_logged(record: logging.LogRecord) -> bool:
    args = record.args
    if "over capacity" in str(record.msg) and isinstance(args, tuple) and args:
        dropped = args[0]
        events.dropped("group_send", dropped if isinstance(dropped, int) else 1)
    return True
