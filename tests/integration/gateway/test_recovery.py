"""Payments that a restored database has forgotten are accepted again from their commands.

Business rule: a payment keeps its id, amounts and idempotency key, so a client that repeats its
request gets the first answer, and no provider gets the payment under another key.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from cift_shared.errors import SettingsInvalid
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.security.field_encryption import Vault
from gateway.idempotency.store import Outcome, accept_once
from gateway.payments.accepted_record import HEADER, Recorded, read_record
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import order, pay

pytestmark = pytest.mark.integration

OF_PAYMENT = """
select to_jsonb(p) - '{customer_account_id,provider_account_id,fees_account_id,heard_at}'::text[]
from ledger.payment p where payment_id = $1
"""
OTHER = {"k1": b"o" * 32}
"""Another key under the same name."""


@pytest.fixture
async def before(database: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database) as gateway:
        yield gateway


@pytest.fixture
async def restored(other_database: str) -> AsyncIterator[RunningGateway]:
    """A gateway on the restored database, which has nothing of the lost time."""
    async with running_gateway(other_database) as gateway:
        yield gateway


async def published(gateway: RunningGateway, topic: str) -> OutgoingMessage:
    [row] = await gateway.outbox(topic)
    return OutgoingMessage(topic, row["key"], row["body"], row["headers"])


def recorded(gateway: RunningGateway, message: OutgoingMessage) -> Recorded:
    found = read_record(message, gateway.settings.vault())
    assert found is not None
    return found


async def accept(gateway: RunningGateway, one: Recorded) -> Outcome | None:
    return await accept_once(gateway.admin, one.key, one.acceptance, now=datetime.now(UTC))


async def accepted_before(
    gateway: RunningGateway, key: str, **fields: Any
) -> tuple[Any, OutgoingMessage]:
    client = await gateway.client()
    body = order(**fields)
    answer = await pay(client, body, key=key)
    assert answer.status_code == 202, answer.text
    return answer.json(), await published(gateway, "payments.commands.mpesa")


async def test_the_payment_is_the_same(before: RunningGateway, restored: RunningGateway) -> None:
    fields = {"metadata": {"order": "7"}, "description": "Shoes"}
    payment, message = await accepted_before(before, "once", **fields)
    assert await accept(restored, recorded(restored, message)) is not None
    rows = [await one.admin.fetchval(OF_PAYMENT, UUID(payment["id"])) for one in (before, restored)]
    assert rows[0] == rows[1]
    assert await published(restored, message.topic) == message


async def test_a_repeat_gets_the_first_answer(
    before: RunningGateway, restored: RunningGateway
) -> None:
    payment, message = await accepted_before(before, "once")
    await accept(restored, recorded(restored, message))
    answer = await pay(await restored.client(), order(), key="once")
    assert (answer.status_code, answer.json()) == (202, payment)
    assert answer.headers["Idempotency-Replayed"] == "true"
    other = await pay(await restored.client(), order(amount="7.00"), key="once")
    assert other.json()["code"] == "idempotency_key_reused"
    assert await restored.count("ledger.payment") == 1


async def test_it_is_accepted_once(before: RunningGateway, restored: RunningGateway) -> None:
    _, message = await accepted_before(before, "once")
    one = recorded(restored, message)
    assert await accept(restored, one) is not None
    assert await accept(restored, one) is None
    other_key = replace(one, key=replace(one.key, key_digest="0" * 64))
    assert await accept(restored, other_key) is None
    assert await restored.count("gateway.outbox") == 1


async def test_a_withdrawal_of_forgotten_money_waits_for_it(
    before: RunningGateway, restored: RunningGateway
) -> None:
    for gateway in (before, restored):
        await gateway.funded(await gateway.client(), "c_1", "500.00")
        await gateway.admin.execute("delete from gateway.outbox")
    client = await before.client()
    body = order(type="withdrawal", customer_id="c_1", amount="400.00")
    assert (await pay(client, body, key="out")).status_code == 202
    message = await published(before, "payments.commands.mpesa")
    blocking = order(type="withdrawal", customer_id="c_1", amount="300.00")
    assert (await pay(await restored.client(), blocking, key="other")).status_code == 202
    outcome = await accept(restored, recorded(restored, message))
    assert outcome is not None
    assert outcome.reply["code"] == "insufficient_funds"
    assert await restored.count("gateway.idempotency_key") == 2


@pytest.mark.parametrize(
    ("vault", "named"),
    [
        (Vault(OTHER, b"i" * 32), "CIFT_DATA_KEYS"),
        (Vault({"k9": b"d" * 32}, b"i" * 32), "CIFT_DATA_KEYS"),
        (Vault({"k1": b"d" * 32}, b"x" * 32), "CIFT_INDEX_KEY"),
    ],
)
async def test_keys_that_are_not_the_backup_s(
    before: RunningGateway, vault: Vault, named: str
) -> None:
    _, message = await accepted_before(before, "once")
    with pytest.raises(SettingsInvalid, match=f"{named}.*belong to the backup"):
        read_record(message, vault)


async def test_the_record_shows_nothing(before: RunningGateway) -> None:
    payment, message = await accepted_before(before, "once", description="Shoes of Amina")
    assert "Amina" not in message.headers[HEADER]
    assert payment["id"] not in message.headers[HEADER]
    stored = await before.admin.fetchval("select command from ledger.payment")
    assert HEADER not in stored["headers"]


async def test_a_command_of_an_earlier_release_has_no_record(before: RunningGateway) -> None:
    _, message = await accepted_before(before, "once")
    plain = replace(message, headers={"ce_id": "1"})
    assert read_record(plain, before.settings.vault()) is None
