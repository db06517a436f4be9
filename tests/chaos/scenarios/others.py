"""What can be played beside payments: saved methods, conversions, holds, unreadable messages."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from cift_shared.kafka.producer import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.kafka import Brokers
from tests.chaos.clients.merchant_client import WrongEnd
from tests.chaos.scenarios.context import RICH, Scenario, ScenarioContext


def saved_card(token: str, ends: str) -> Scenario:
    """A card that a customer wants to be kept."""

    async def scenario(context: ScenarioContext) -> None:
        context.arm()
        wish = {"method": "card", "customer_id": context.merchant.customer(), "token": token}
        card = await context.merchant.make("/payment-methods", wish)
        await context.merchant.reach(f"/payment-methods/{card['id']}", [ends])

    return scenario


async def forgotten_card(context: ScenarioContext) -> None:
    """A saved card is forgotten, by us and by the provider."""
    wish = {"method": "card", "customer_id": context.merchant.customer(), "token": "pm_card_visa"}
    card = await context.merchant.make("/payment-methods", wish)
    await context.merchant.reach(f"/payment-methods/{card['id']}", ["active"])
    context.arm()
    await _delete(context, f"/payment-methods/{card['id']}")
    sql = "select forgotten_at from gateway.payment_method where payment_method_id = $1"

    async def gone() -> Any:
        return await context.query(sql, card["id"])

    await context.until(gone, "the card forgotten at the provider")


async def _delete(context: ScenarioContext, path: str) -> None:
    answer = await context.merchant.ask("DELETE", path)
    # a repeat finds nothing: the first one had its effect
    if answer.status_code not in (204, 404) or await context.merchant.show(path):
        raise WrongEnd(f"DELETE {path}: {answer.status_code}, or still there")


async def saved_phone(context: ScenarioContext) -> None:
    """A phone is kept, once."""
    context.arm()
    await _save_phone(context)


async def forgotten_phone(context: ScenarioContext) -> None:
    """A phone is kept and forgotten."""
    phone = await _save_phone(context)
    context.arm()
    await _delete(context, f"/payment-methods/{phone['id']}")


async def _save_phone(context: ScenarioContext) -> dict[str, Any]:
    customer = context.merchant.customer()
    wish = {"method": "mpesa", "customer_id": customer, "phone": context.merchant.phone()}
    phone = await context.merchant.make("/payment-methods", wish)
    kept = await context.merchant.show(f"/payment-methods?customer_id={customer}")
    if [found["id"] for found in kept["data"]] != [phone["id"]]:
        raise WrongEnd("a phone that was saved is there twice, or not at all")
    return phone


async def conversion(context: ScenarioContext) -> None:
    """Money from one currency to another, once."""
    context.arm()
    path = f"/customers/{RICH}/conversions"
    wish = {"from": {"amount": "50.00", "currency": "KES"}, "to_currency": "USD"}
    made = await context.merchant.make(path, wish)
    if await context.merchant.show(f"{path}/{made['id']}") != made:
        raise WrongEnd("a conversion is not as it was answered")


async def expiring_hold(context: ScenarioContext) -> None:
    """What people put aside for a moment is free again."""
    now = datetime.now(UTC)
    key = f"hold-{context.merchant.customer()}"
    order = {
        "key": key, "merchant_id": context.merchant.name, "livemode": False, "customer_id": RICH,
        "currency": "KES", "amount": "100", "operator": "amina", "reason": "a look",
        "at": now.isoformat(), "until": (now + timedelta(seconds=1)).isoformat(),
    }  # fmt: skip
    context.arm()
    await context.query("select ledger.place_operator_hold($1::text::jsonb)", json.dumps(order))

    async def expired() -> Any:
        sql = "select state = 'expired' from ledger.hold where hold_key = 'operator:' || $1"
        return await context.query(sql, key)

    await context.until(expired, "the end of the hold")


def garbage(topic: str) -> Scenario:
    """A message nobody can read is set aside, and what follows it is not kept waiting."""

    async def scenario(context: ScenarioContext) -> None:
        letters = await _length(context.cluster.kafka, topics.dead_letter(topic))
        context.arm()
        producer = Producer(Brokers(context.cluster.kafka), name="garbage")
        try:
            await producer.publish([OutgoingMessage(topic, "garbage", b"garbage", {})])
        finally:
            await producer.close()

        async def aside() -> bool:
            return await _length(context.cluster.kafka, topics.dead_letter(topic)) > letters

        await context.until(aside, f"a dead letter of {topic}")

    return scenario


async def _length(bootstrap: str, topic: str) -> int:
    """How many messages a topic has had."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap) as consumer:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
        return sum(ends.values())
