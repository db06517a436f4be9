"""What can be played beside payments: saved methods, conversions, holds, unreadable messages."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from cift_shared.kafka.producer import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage
from tests.chaos.shop import WrongEnd
from tests.chaos.stage import RICH, Play, Stage


def saved_card(token: str, ends: str) -> Play:
    """A card that a customer wants to be kept."""

    async def play(stage: Stage) -> None:
        stage.arm()
        wish = {"method": "card", "customer_id": stage.shop.customer(), "token": token}
        card = await stage.shop.make("/payment-methods", wish)
        await stage.shop.reach(f"/payment-methods/{card['id']}", [ends])

    return play


async def forgotten_card(stage: Stage) -> None:
    """A saved card is forgotten, by us and by the provider."""
    wish = {"method": "card", "customer_id": stage.shop.customer(), "token": "pm_card_visa"}
    card = await stage.shop.make("/payment-methods", wish)
    await stage.shop.reach(f"/payment-methods/{card['id']}", ["active"])
    stage.arm()
    await _delete(stage, f"/payment-methods/{card['id']}")
    sql = "select forgotten_at from gateway.payment_method where payment_method_id = $1"

    async def gone() -> Any:
        return await stage.query(sql, card["id"])

    await stage.until(gone, "the card forgotten at the provider")


async def _delete(stage: Stage, path: str) -> None:
    answer = await stage.shop.ask("DELETE", path)
    # a repeat finds nothing: the first one had its effect
    if answer.status_code not in (204, 404) or await stage.shop.show(path):
        raise WrongEnd(f"DELETE {path}: {answer.status_code}, or still there")


async def saved_phone(stage: Stage) -> None:
    """A phone is kept, once."""
    stage.arm()
    await _save_phone(stage)


async def forgotten_phone(stage: Stage) -> None:
    """A phone is kept and forgotten."""
    phone = await _save_phone(stage)
    stage.arm()
    await _delete(stage, f"/payment-methods/{phone['id']}")


async def _save_phone(stage: Stage) -> dict[str, Any]:
    customer = stage.shop.customer()
    wish = {"method": "mpesa", "customer_id": customer, "phone": stage.shop.phone()}
    phone = await stage.shop.make("/payment-methods", wish)
    kept = await stage.shop.show(f"/payment-methods?customer_id={customer}")
    if [found["id"] for found in kept["data"]] != [phone["id"]]:
        raise WrongEnd("a phone that was saved is there twice, or not at all")
    return phone


async def conversion(stage: Stage) -> None:
    """Money from one currency to another, once."""
    stage.arm()
    path = f"/customers/{RICH}/conversions"
    wish = {"from": {"amount": "50.00", "currency": "KES"}, "to_currency": "USD"}
    made = await stage.shop.make(path, wish)
    if await stage.shop.show(f"{path}/{made['id']}") != made:
        raise WrongEnd("a conversion is not as it was answered")


async def expiring_hold(stage: Stage) -> None:
    """What people put aside for a moment is free again."""
    now = datetime.now(UTC)
    key = f"hold-{stage.shop.customer()}"
    order = {
        "key": key, "merchant_id": stage.shop.merchant, "livemode": False, "customer_id": RICH,
        "currency": "KES", "amount": "100", "operator": "amina", "reason": "a look",
        "at": now.isoformat(), "until": (now + timedelta(seconds=1)).isoformat(),
    }  # fmt: skip
    stage.arm()
    await stage.query("select ledger.place_operator_hold($1::text::jsonb)", json.dumps(order))

    async def expired() -> Any:
        sql = "select state = 'expired' from ledger.hold where hold_key = 'operator:' || $1"
        return await stage.query(sql, key)

    await stage.until(expired, "the end of the hold")


def garbage(topic: str) -> Play:
    """A message nobody can read is set aside, and what follows it is not kept waiting."""

    async def play(stage: Stage) -> None:
        letters = await _length(stage.world.kafka, topics.dead_letter(topic))
        stage.arm()
        producer = Producer(stage.world.kafka, name="garbage")
        try:
            await producer.publish([OutgoingMessage(topic, "garbage", b"garbage", {})])
        finally:
            await producer.close()

        async def aside() -> bool:
            return await _length(stage.world.kafka, topics.dead_letter(topic)) > letters

        await stage.until(aside, f"a dead letter of {topic}")

    return play


async def _length(bootstrap: str, topic: str) -> int:
    """How many messages a topic has had."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap) as consumer:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
        return sum(ends.values())
