"""Garbage on every topic: it is set aside with a reason, and the partition moves on.

Who may write to a topic is the broker's business (docs/operations.md); what is written there by
mistake, by an older or a newer version, or by somebody who got in, must not stop a service.

Further: records that poison a batch `integration/cift_shared/test_kafka.py`, results that
contradict `integration/ledger/test_handler.py`, letters that always leave
`unit/cift_shared/test_dead_letter.py`, rebalances and zombies `integration/cift_shared`, `chaos`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from structlog.testing import capture_logs

from cift_shared.attempts.store import NOTICES_MAX, attempt_id_of
from cift_shared.messaging import topics
from cift_shared.messaging.message import Message
from cift_shared.messaging.messages import ProviderNotice, RequestWithdrawal
from cift_shared.messaging.rail_status import RailStatus
from mpesa_method.purposes import Purpose
from tests.hostile.consumers import Consumers, Garbage, consuming
from tests.hostile.mutations import hostile_documents
from tests.hostile.spoiled import changed, nobody_can_read, nobody_should_write, sealed, true
from tests.integration.ledger.books import Books, open_books
from tests.support import (
    bitcoin,
    bitcoin_wallet,
    cards,
    ethereum,
    ethereum_wallet,
    momo,
    paypal,
    vodacom,
)
from tests.support.commands import CLOCK, PHONE, VAULT, deposit, withdrawal
from tests.support.kafka import Broker
from tests.support.payment_methods import method_result

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

MPESA, CARD = topics.commands("mpesa"), topics.commands("card")
PAYPAL, MOMO = topics.commands("paypal"), topics.commands("momo_ug")
BITCOIN, ETHEREUM = topics.commands("bitcoin"), topics.commands("ethereum")
TANZANIA = topics.commands("mpesa_tz")
MPESA_NOTICES, CARD_NOTICES = topics.webhooks("mpesa"), topics.webhooks("stripe")
VODACOM_NOTICES = topics.webhooks("vodacom")
DEPOSITS: Mapping[str, Callable[[], Message]] = {
    MPESA: deposit,
    CARD: cards.deposit,
    PAYPAL: paypal.deposit,
    TANZANIA: vodacom.deposit,
    MOMO: momo.deposit,
    BITCOIN: bitcoin.deposit,
    ETHEREUM: ethereum.deposit,
}
"""Makes a command for each topic of commands."""
WITHDRAWALS: Mapping[str, Callable[[], RequestWithdrawal]] = {
    BITCOIN: lambda: bitcoin_wallet.withdrawal(50_000, "bcrt1q" + "q" * 38),
    ETHEREUM: lambda: ethereum_wallet.withdrawal(10**16, "0x" + "11" * 20),
}
"""Makes a withdrawal from a hot wallet, by the topic of its commands."""
READERS = {
    topics.RESULTS: "ledger",
    topics.METHOD_RESULTS: "gateway",
    topics.RAIL_STATUSES: "gateway",
    MPESA: "mpesa",
    CARD: "card",
    PAYPAL: "paypal",
    TANZANIA: "mpesa_tz",
    MOMO: "momo_ug",
    BITCOIN: "bitcoin",
    ETHEREUM: "ethereum",
    MPESA_NOTICES: "mpesa",
    CARD_NOTICES: "card",
    VODACOM_NOTICES: "mpesa_tz",
}
"""Who reads a topic."""


@pytest.fixture
async def consumers(database: str, broker: Broker) -> AsyncIterator[Consumers]:
    async with consuming(database, broker) as consumers:
        yield consumers


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    async with open_books(database) as opened:
        yield opened
        assert await opened.broken() == set()


def notice(number: int = 1, **fields: Any) -> ProviderNotice:
    given = {"attempt_id": None, "purpose": None, "sealed_body": sealed(b"{}"), **fields}
    return ProviderNotice(
        notice_id=f"n{number}", provider="mpesa", source_listed=True,
        received_at=CLOCK.now(), **given,
    )  # fmt: skip


def good_for(topic: str, paid: Any) -> Message:
    """What the reader of a topic was made for."""
    match topic:
        case topics.RESULTS:
            return paid.result("settled")
        case topics.METHOD_RESULTS:
            return method_result(VAULT, str(uuid4()), "failed")
        case topics.RAIL_STATUSES:
            return RailStatus(
                rail="mpesa", instance="w-0", available=True, reported_at=datetime.now(UTC)
            )
    asked = DEPOSITS.get(topic)
    return asked() if asked else notice()


@pytest.mark.parametrize("topic", READERS)
async def test_garbage_is_set_aside_and_the_partition_moves_on(
    consumers: Consumers, books: Books, topic: str
) -> None:
    paid = await books.deposit()
    schema, good = READERS[topic], good_for(topic, paid)
    garbage = [*nobody_can_read(), *nobody_should_write(good)]
    with capture_logs() as logs:
        await consumers.send(topic, *garbage, true(good))
        aside = len(garbage) + (topic == topics.METHOD_RESULTS)  # nobody has that card

        async def all_aside() -> Any:
            found = await consumers.letters(schema, topic)
            return found if len(found) >= aside else None

        letters = await consumers.until(all_aside, f"{aside} letters of {topic}")
        await consumers.until(lambda: taken(consumers, topic, good), f"the good one of {topic}")
    assert len(letters) == aside
    for letter, record in zip(letters, garbage, strict=False):
        assert letter["headers"]["x-dlq-reason"] in REASONS, record.about
        assert letter["headers"]["x-orig-topic"] == consumers.names[topic]
        body = record.body or b""
        assert bytes(letter["body"]) == body[: len(letter["body"])], record.about
        assert len(json.dumps(letter["headers"])) < 100_000
    assert PHONE not in repr(logs)
    assert PHONE not in repr([letter["headers"] for letter in letters])


@pytest.mark.parametrize("topic", [BITCOIN, ETHEREUM])
async def test_withdrawals_that_nobody_asked_for_move_nothing(
    consumers: Consumers, topic: str
) -> None:
    """A withdrawal with one thing spoiled is set aside; the good one behind them is taken."""
    good = WITHDRAWALS[topic]()
    garbage = [*nobody_should_write(good)]
    await consumers.send(topic, *garbage, true(good))
    schema = READERS[topic]

    async def all_aside() -> bool:
        return len(await consumers.letters(schema, topic)) == len(garbage)

    await consumers.until(all_aside, f"{len(garbage)} letters of {topic}")
    await consumers.until(lambda: taken(consumers, topic, good), "the good one")
    rows = await consumers.admin.fetch(f"select payment_id from {schema}.attempt")
    assert [row["payment_id"] for row in rows] == [good.payment_id]


REASONS = {
    "undecodable",
    "unknown_schema_version",
    "unknown_payment",
    "unknown_payment_method",
    "wrong_rail",
}
"""Words of ours: `handler_failed` would mean that nobody had thought of it."""


async def taken(consumers: Consumers, topic: str, good: Any) -> bool:
    """Tells whether the good record behind the garbage has had its effect."""
    match topic:
        case topics.RESULTS:
            query = "select status = 'completed' from ledger.payment where payment_id = $1"
            return bool(await consumers.admin.fetchval(query, good.payment_id))
        case topics.METHOD_RESULTS:
            return True
        case topics.RAIL_STATUSES:
            query = "select available from gateway.rail_status where rail = $1"
            return bool(await consumers.admin.fetchval(query, good.rail))
        case t if t in (MPESA, MOMO, TANZANIA, CARD, PAYPAL, BITCOIN, ETHEREUM):
            query = f"select true from {READERS[t]}.attempt where payment_id = $1"
            return bool(await consumers.admin.fetchval(query, good.payment_id))
    query = f"select true from {READERS[topic]}.notice where notice_id = $1"
    return bool(await consumers.admin.fetchval(query, good.notice_id))


async def test_text_that_no_table_takes(consumers: Consumers, books: Books) -> None:
    """Well formed, and yet PostgreSQL refuses it: set aside alone, whatever stands beside it."""
    paid, asked = await books.deposit(), deposit()
    step = [{"at": CLOCK.now().isoformat(), "name": "a\0b", "detail": {"x": "\0"}}]
    await consumers.send(
        topics.RESULTS,
        Garbage("NUL", changed(paid.result("noted"), evidence=step)),
        Garbage("NUL", changed(paid.result("noted"), provider_reference="\0")),
        true(paid.result("settled", seq=2)),
    )
    await consumers.send(
        MPESA,
        Garbage("NUL", changed(deposit(), customer_id="c\0")),
        Garbage("NUL", changed(deposit(), description="\0")),
        true(asked),
    )
    await consumers.send(MPESA_NOTICES, Garbage("NUL", changed(notice(), notice_id="\0")))

    async def all_aside() -> bool:
        counts = [
            len(await consumers.letters(READERS[topic], topic))
            for topic in (topics.RESULTS, MPESA, MPESA_NOTICES)
        ]
        return counts == [2, 2, 1]

    await consumers.until(all_aside, "the letters")
    await consumers.until(lambda: taken(consumers, MPESA, asked), "the command")
    await consumers.until(lambda: taken(consumers, topics.RESULTS, paid), "the result")


async def test_results_that_are_not_the_workers_to_tell(consumers: Consumers, books: Books) -> None:
    """Results of another method or payment, or of another amount, move no money."""
    paid, other, twice = [await books.deposit() for _ in range(3)]
    money = {"minor": "10000", "currency": "KES"}
    told = paid.result("settled")
    forged = [
        changed(told, method="card"),
        changed(told, payment_id=str(uuid4())),
        changed(told, merchant_id="m_thief", method="nobody"),
        changed(told, amount={"minor": "9" * 38, "currency": "KES"}),  # no sum after it would fit
    ]
    for number, raw in enumerate(forged):
        await consumers.send(topics.RESULTS, Garbage(f"forged {number}", raw))
    odd = [
        {"minor": "1", "currency": "KES"},
        {"minor": "-10000", "currency": "KES"},
        {"minor": "0", "currency": "KES"},
        {"minor": "10000", "currency": "USD"},
    ]
    others = [await books.deposit() for _ in odd]
    for payment, amount in zip(others, odd, strict=True):
        raw = changed(payment.result("settled"), amount=amount)
        await consumers.send(topics.RESULTS, Garbage("odd", raw))
    # the same result from both partitions, and a contradiction on top
    same = changed(twice.result("settled"), amount=money)
    for partition in (0, 1, 0, 1):
        await consumers.send(topics.RESULTS, Garbage("same", same, partition=partition))
    await consumers.send(topics.RESULTS, true(other.result("settled")))

    async def through() -> bool:
        letters = len(await consumers.letters("ledger", topics.RESULTS))
        return letters >= 4 and [await books.status(p) for p in (other, twice)] == ["completed"] * 2

    await consumers.until(through, "the good ones")
    assert await books.status(paid) == "pending"

    async def judged() -> bool:
        return all([await books.status(payment) == "in_review" for payment in others])

    await consumers.until(judged, "people look at other amounts")
    assert len(await consumers.letters("ledger", topics.RESULTS)) == 4


async def test_a_worker_takes_a_command_once_and_only_for_its_method(consumers: Consumers) -> None:
    """A worker takes a payment once, whichever partition says so, and only its own method's."""
    once, card = withdrawal(), cards.deposit()
    for partition in (0, 1, 0):
        await consumers.send(MPESA, true(once, partition=partition))
    larger = changed(once, amount={"minor": "99900", "currency": "KES"}, merchant_id="m_thief")
    await consumers.send(MPESA, Garbage("a second opinion", larger), true(card))
    await consumers.send(CARD, true(once), true(card))

    async def aside() -> bool:
        pairs = (("mpesa", MPESA), ("card", CARD))
        return [len(await consumers.letters(*pair)) for pair in pairs] == [1, 1]

    await consumers.until(aside, "a letter at each door")
    await consumers.until(lambda: taken(consumers, CARD, card), "the card's command")
    rows = await consumers.admin.fetch("select request from mpesa.attempt")
    assert [row["request"]["amount"]["minor"] for row in rows] == [str(once.amount.minor)]
    assert rows[0]["request"]["merchant_id"] == once.merchant_id


async def test_compressed_batches_are_read(consumers: Consumers, broker: Broker) -> None:
    asked = [deposit() for _ in range(20)]
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, compression_type="gzip")
    await producer.start()
    try:
        sending = [
            await producer.send(consumers.names[MPESA], true(command).body) for command in asked
        ]
        await asyncio.gather(*sending)
    finally:
        await producer.stop()

    async def all_there() -> bool:
        return await consumers.admin.fetchval("select count(*) = 20 from mpesa.attempt")

    await consumers.until(all_there, "what was packed")


async def test_crowd_of_notices_is_taken_in_by_turns(consumers: Consumers) -> None:
    """Somebody who knows an attempt's path posts without end: each look takes in some."""
    command = deposit()
    await consumers.send(MPESA, true(command))
    await consumers.until(lambda: taken(consumers, MPESA, command), "the command")
    attempt_id = attempt_id_of(command.payment_id)
    body = sealed(next(hostile_documents({"Body": {}}))[1])
    crowd = [
        true(notice(n, attempt_id=attempt_id, purpose=Purpose.STK_PUSH, sealed_body=body))
        for n in range(3 * NOTICES_MAX)
    ]
    await consumers.send(MPESA_NOTICES, *crowd)

    async def all_there() -> bool:
        return await consumers.admin.fetchval("select count(*) = $1 from mpesa.notice", len(crowd))

    await consumers.until(all_there, "the crowd")
    from cift_shared.attempts.store import AttemptStore

    store = AttemptStore(consumers.admin, schema="mpesa", rail="mpesa", owner="w", vault=VAULT)
    open_ones = await store.open_notices([attempt_id])
    assert len(open_ones[attempt_id]) == NOTICES_MAX
