"""Messages of the gateway as rows of its outbox."""

from typing import Any

from cift_shared.messaging.envelope import OutgoingMessage

SOURCE = "gateway"
"""The sender's name in messages of the gateway."""


def outbox_row(message: OutgoingMessage | None) -> tuple[Any, ...]:
    """The columns of an outbox row: topic, key, headers, body; nulls for no message."""
    if message is None:
        return None, None, None, None
    return message.topic, message.key, dict(message.headers), message.body
