"""The AsyncAPI 3 document of all services: every topic, its message, and its consumer."""

import json
from typing import Any

from faststream.specification import AsyncAPI

from cift_shared.asyncapi.examples import examples_of
from cift_shared.asyncapi.publisher import CONTACT, LICENSE_NAME
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.messaging import topics
from cift_shared.messaging.messages import (
    LedgerHead,
    MethodResult,
    PaymentCommand,
    PaymentEvent,
    PaymentResult,
    ProviderNotice,
)
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.messaging.record import RejectedRecord
from cift_shared.rails.registry import rails
from cift_shared.security.kafka import Brokers

FIELDS = {
    "accepted_at": "When the gateway accepted the request.",
    "amount": "An amount in minor units.",
    "attempt_id": "The attempt at the provider.",
    "block": "The number of the newest block.",
    "brand": "The brand as the provider names it.",
    "card": "Deprecated: `public`, where it describes a card.",
    "customer_id": "The merchant's own id of the customer.",
    "code": "Stable identifier for programs.",
    "description": "The merchant's own note.",
    "detach_id": "The id of this request to delete the instrument.",
    "detail": "Details of the step, without personal data.",
    "evidence": "What happened at the provider since the previous result.",
    "evidence_due_by": "The provider's deadline for evidence.",
    "exp_month": "The month in which the card expires.",
    "exp_year": "The year in which the card expires.",
    "failure": "Why it failed.",
    "fee_reinstated": "The part of its fee that the provider returned.",
    "kind": "The kind of the message.",
    "last4": "The last four digits.",
    "last_transaction_id": "The newest transaction in the chain.",
    "livemode": "True when real money moves.",
    "merchant_id": "The merchant of the payment.",
    "message": "One sentence for the customer.",
    "method": "The payment method.",
    "next_action": "What the payer must do now, by its `type`.",
    "at": "When it happened.",
    "occurred_at": "When it happened.",
    "payment_id": "The payment.",
    "payment_method_id": "Our id of the saved method.",
    "provider": "The provider that sent the notice.",
    "provider_fee": "The provider's charge.",
    "provider_reference": "The provider's own id of the payment.",
    "purpose": "Which call the provider answers.",
    "reason": "The provider's reason.",
    "received_at": "When the gateway received it.",
    "requested_at": "When it was requested.",
    "retryable": "True when a new payment by the customer may succeed.",
    "schema_version": "The version of the message's format.",
    "sealed_at": "When the newest block was sealed.",
    "version": "Counts the changes of the payment that merchants can see.",
}
"""Descriptions of message fields with the same meaning in every message; all other fields are
described in their class."""


async def _no_handler(_: object) -> list[RejectedRecord]:
    return []


def document() -> dict[str, Any]:
    """The document as JSON data; a test compares `docs/asyncapi.json` with it."""
    broker = BatchBroker(Brokers("localhost:9092"))
    read = [(PaymentCommand, topics.ABOUT_COMMANDS), (ProviderNotice, topics.ABOUT_WEBHOOKS)]
    of_rails = {  # by topic: rails of one provider share its notices
        topic: Subscription(topic, message, f"{name}-worker", _no_handler, about)
        for name, rail in rails().items()
        for topic, (message, about) in zip(topics.topics_of(rail), read, strict=False)
    }
    for subscription in of_rails.values():
        broker.document(subscription)
    broker.document(
        Subscription(topics.RESULTS, PaymentResult, "ledger", _no_handler, topics.ABOUT_RESULTS)
    )
    broker.document(
        Subscription(
            topics.METHOD_RESULTS, MethodResult, "gateway", _no_handler, topics.ABOUT_METHOD_RESULTS
        )
    )
    broker.document(
        Subscription(
            topics.RAIL_STATUSES,
            RailStatus,
            "gateway-rails",
            _no_handler,
            topics.ABOUT_RAIL_STATUSES,
        )
    )
    broker.document_publishers([(topics.EVENTS, PaymentEvent), (topics.HEADS, LedgerHead)])
    specification = AsyncAPI(
        broker,
        title="CIFT Payments",
        version="1.0.0",
        description="Commands, notices, results and events of CIFT Payments on Apache Kafka.",
        schema_version="3.0.0",
    )
    data: dict[str, Any] = json.loads(specification.to_specification().to_json())
    return _completed(data)


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """Add what FastStream does not know: the publisher, and the purpose of each operation."""
    data["info"] |= {
        "contact": dict(CONTACT),
        "license": {"name": LICENSE_NAME},
        "tags": [
            {"name": "payments", "description": "Commands, results and events of payments."},
            {"name": "ledger", "description": "The head of the ledger's hash chain."},
        ],
    }
    data["servers"]["development"]["description"] = "A broker on this machine."
    for topic, about in ((topics.EVENTS, topics.ABOUT_EVENTS), (topics.HEADS, topics.ABOUT_HEADS)):
        data["channels"][topic]["description"] = about
    for topic, channel in data["channels"].items():
        for reference in channel["messages"].values():
            name = reference["$ref"].rpartition("/")[2]
            data["components"]["messages"][name]["examples"] = examples_of(topic)
    for name, operation in data["operations"].items():
        operation["description"] = data["channels"][name]["description"]
    for part, names in (("channels", data), ("operations", data), ("messages", data["components"])):
        names[part] = dict(sorted(names[part].items()))  # FastStream has them in a set
    data["components"]["schemas"] = dict(sorted(data["components"]["schemas"].items()))
    for schema in data["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            if "$ref" not in field and name in FIELDS:
                field.setdefault("description", FIELDS[name])
    return data
