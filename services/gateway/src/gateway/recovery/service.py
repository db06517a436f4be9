"""Find the payments that a restored database has forgotten, and accept them again.

Their commands are in Kafka, each with the record of its acceptance. Accepting again runs the
statement of the first acceptance with the same ids, amounts and idempotency key: a client that
repeats its request gets its first answer, and nothing is sent under another key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from cift_shared.database.pool import Pool
from cift_shared.kafka.history import Past, publish_again, records_since
from cift_shared.kafka.producer import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.messages import COMMANDS, PaymentRequest
from cift_shared.rails.registry import rails
from cift_shared.security.field_encryption import Vault
from cift_shared.security.kafka import Brokers
from gateway.idempotency.store import KeyInFlight, accept_once
from gateway.payments.accepted_record import Recorded, read_record

MARGIN = timedelta(minutes=10)
"""How long before the restored moment records are read: longer than a message waits for its
consumer, and than clocks differ."""

_KNOWN = "select payment_id from ledger.payment where payment_id = any($1::uuid[])"
_RESTORED_TO = "select restored_to from public.cift_restored order by noted_at desc limit 1"
_REQUESTS = ("request_deposit", "request_withdrawal", "request_refund")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A payment that has a command in Kafka, but is not in the ledger."""

    request: PaymentRequest
    recorded: Recorded | None
    """None: the command carries no record, because an earlier release published it."""

    @property
    def operation(self) -> str:
        """deposit, withdrawal or refund."""
        return self.request.kind.removeprefix("request_")


async def restored_to(pool: "Pool[asyncpg.Record]") -> datetime | None:
    """The moment of the last restore that was noted; None: none was."""
    moment: datetime | None = await pool.fetchval(_RESTORED_TO)
    return moment


async def find_forgotten(
    pool: "Pool[asyncpg.Record]", brokers: Brokers, vault: Vault, since: datetime
) -> list[Forgotten]:
    """The payments that the database has forgotten, in the order of their acceptance.

    Raises:
        SettingsInvalid: the keys are not those of the payments.
    """
    found: dict[UUID, Forgotten] = {}
    async for batch in records_since(brokers, _command_topics(), since):
        asked = {one.payment_id: (one, past) for past in batch if (one := _request(past))}
        rows = await pool.fetch(_KNOWN, list(asked))
        for payment_id in asked.keys() - {row["payment_id"] for row in rows}:
            request, past = asked[payment_id]
            found[payment_id] = Forgotten(request, read_record(past.message, vault))
    return sorted(found.values(), key=lambda one: one.request.accepted_at)


async def accept_again(pool: "Pool[asyncpg.Record]", one: Forgotten, *, now: datetime) -> str:
    """Accept a forgotten payment again: `accepted`, or the code of the reason why not.

    Nothing is stored when the ledger refuses: what the customer owned may be among the payments
    that are not settled again yet.
    """
    if one.recorded is None:
        return "no_record"
    try:
        outcome = await accept_once(pool, one.recorded.key, one.recorded.acceptance, now=now)
    except KeyInFlight:
        return "key_in_flight"
    if outcome is None:
        return "key_in_use"
    return str(outcome.reply.get("code", "refused")) if outcome.refused else "accepted"


async def replay(brokers: Brokers, since: datetime, until: datetime) -> int:
    """Publish again what consumers may have handled in the lost time; returns how many records.

    That are the messages from before the restored moment, whose handling is not in the tables, and
    every notice of a provider, because providers do not send them again. Messages of the services
    from after that moment are left out: they describe rows that do not exist.
    """
    producer, count = Producer(brokers, name="recover"), 0
    notices = {name for name in _live_topics() if name.startswith(topics.webhooks(""))}
    try:
        async for batch in records_since(brokers, _live_topics(), since):
            chosen = [
                past.message for past in batch if past.at < until or past.message.topic in notices
            ]
            await publish_again(producer, chosen)
            count += len(chosen)
    finally:
        await producer.close()
    return count


def _command_topics() -> Sequence[str]:
    return [topics.commands(name) for name in rails()]


def _live_topics() -> Sequence[str]:
    by_rail = [name for rail in rails().values() for name in topics.topics_of(rail)]
    return list(dict.fromkeys([*by_rail, topics.RESULTS, topics.METHOD_RESULTS]))


def _request(past: Past) -> PaymentRequest | None:
    """The request of a payment in a record; None: another command, or none that can be read."""
    try:
        command: Any = COMMANDS.validate_json(past.message.body)
    except ValidationError:
        return None
    return command if command.kind in _REQUESTS else None
