"""CloudEvents 1.0 in binary mode: attributes as Kafka headers, the message as the body.

Source: CloudEvents Kafka Protocol Binding 1.0, section 3.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel

from cift_shared.messaging.message import Message
from cift_shared.messaging.messages import (
    LedgerHead,
    MethodResult,
    PaymentEvent,
    PaymentResult,
    ProviderNotice,
    RequestDetach,
    RequestSetup,
    VerifyPayment,
)
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.observability.telemetry import trace_headers

_TYPE_PREFIX = "cift"


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to be stored in the outbox."""

    topic: str
    key: str
    """All messages of one payment have one key, so they share a partition and keep their order."""
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def outgoing(topic: str, message: Message, *, source: str, at: datetime) -> OutgoingMessage:
    """Wrap a message for a topic; its headers carry the current trace through the outbox."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": message_id(message),
        "ce_type": f"{_TYPE_PREFIX}.{_kind(message)}.v{message.schema_version}",
        "ce_source": f"/{source}",
        "ce_time": at.isoformat(),
        "ce_subject": message_key(message),
        "content-type": "application/json",
        **trace_headers(),
    }
    return OutgoingMessage(topic, message_key(message), _json(message), headers)


def message_id(message: Message) -> str:
    """The id by which consumers deduplicate: the same whenever the same message is sent again."""
    if isinstance(message, PaymentResult | MethodResult):
        return message.result_id
    if isinstance(message, ProviderNotice):
        return message.notice_id
    if isinstance(message, PaymentEvent):
        return message.event_id
    if isinstance(message, RequestDetach):
        return f"{message.detach_id}.{message.kind}"
    if isinstance(message, VerifyPayment):
        return f"{message.verification_id}.{message.kind}"
    if isinstance(message, RailStatus):
        return f"{message_key(message)}.{message.reported_at.isoformat()}"
    if isinstance(message, LedgerHead):
        return message.hash
    return f"{message_key(message)}.{_kind(message)}"


def message_key(message: Message) -> str:
    """The partition key: the id of the payment or saved method.

    For a notice: the id of its attempt, or of the notice itself. For a rail's status: the rail and
    the process that reports it.
    """
    if isinstance(message, ProviderNotice):
        return str(message.attempt_id or message.notice_id)
    if isinstance(message, RequestSetup | RequestDetach | MethodResult):
        return str(message.payment_method_id)
    if isinstance(message, RailStatus):
        return f"{message.rail}/{message.instance}"
    if isinstance(message, LedgerHead):
        return "head"
    return str(getattr(message, "payment_id"))  # noqa: B009  every other message has one


def _kind(message: Message) -> str:
    if isinstance(message, PaymentResult):
        return "payment_result"
    if isinstance(message, MethodResult):
        return "method_result"
    return str(getattr(message, "kind", type(message).__name__))


def _json(message: BaseModel) -> bytes:
    return message.model_dump_json(exclude_none=True).encode()


__all__ = ["OutgoingMessage", "message_id", "message_key", "outgoing"]
