"""The AsyncAPI 3 document of the house: every topic, its message, and who reads it."""

import json
from typing import Any

from faststream.specification import AsyncAPI

from cift_shared import topics
from cift_shared.kafka.broker import BatchBroker, Subscription
from cift_shared.kafka.record import Refusal
from cift_shared.messages import (
    LedgerHead,
    MethodResult,
    PaymentCommand,
    PaymentEvent,
    PaymentResult,
    ProviderNotice,
)
from cift_shared.methods import METHODS


async def _nobody(_: object) -> list[Refusal]:
    return []


def document() -> dict[str, Any]:
    """The document as JSON data; `docs/asyncapi.json` holds it, and a test compares."""
    broker = BatchBroker("localhost:9092")
    for method in sorted(METHODS):
        commands, webhooks = topics.commands(method), topics.webhooks(METHODS[method].provider)
        for topic, message, about in (
            (commands, PaymentCommand, topics.ABOUT_COMMANDS),
            (webhooks, ProviderNotice, topics.ABOUT_WEBHOOKS),
        ):
            broker.document(Subscription(topic, message, f"{method}-worker", _nobody, about))
    broker.document(
        Subscription(topics.RESULTS, PaymentResult, "ledger", _nobody, topics.ABOUT_RESULTS)
    )
    broker.document(
        Subscription(
            topics.METHOD_RESULTS, MethodResult, "gateway", _nobody, topics.ABOUT_METHOD_RESULTS
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
    return data
