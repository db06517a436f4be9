"""Everything the gateway reads and writes: named statements in `sql/`, one round trip each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, cast
from uuid import UUID

import asyncpg

from cift_shared.database import Pool
from cift_shared.envelope import OutgoingMessage
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from cift_shared.messages import ProviderNotice
from cift_shared.money import EXPONENTS
from cift_shared.service import ready
from gateway.accept import KEY_LIFETIME, Acceptance
from gateway.auth import Caller
from gateway.cursors import TimeCursor

Row = Mapping[str, Any]

_SQL = {
    entry.name.removesuffix(".sql"): entry.read_text("utf-8")
    for entry in (files("gateway") / "sql").iterdir()
    if entry.name.endswith(".sql")
}
_ACCEPT = {
    "deposit": _SQL["accept"].replace("{accept}", "ledger.accept_payment"),
    "withdrawal": _SQL["accept"].replace("{accept}", "ledger.accept_payment"),
    "refund": _SQL["accept"].replace("{accept}", "ledger.accept_refund"),
}


class KeyInFlight(Exception):
    """Another request with the same idempotency key is being accepted right now."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key in its scope."""

    caller: Caller
    route: str
    key_digest: str
    """Keyed hash of the key: callers may put anything into it."""
    request_digest: str


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What an accepted request was answered with."""

    request_digest: str
    status: int
    location: str
    reply: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SavedPhone:
    """A phone to be kept for a customer."""

    method_id: UUID
    customer_id: str
    method: str
    display: str
    sealed: str
    country: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's notice, where it came from, and its message for the worker."""

    content: ProviderNotice
    source: str
    quarantined: bool
    message: OutgoingMessage


class Store:
    """The gateway's view of the database; every read is bound to the caller's merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def accept(
        self, key: RequestKey, acceptance: Acceptance, *, now: datetime
    ) -> dict[str, Any] | None:
        """Accept a payment with its command in one statement.

        Answers its first reply, None when the key was used before.

        Raises:
            KeyInFlight: the same key is being accepted by another request.
            asyncpg.PostgresError: with the ledger's own SQLSTATE (CF...) for what it refuses.
        """
        failpoint("gateway.before_commit")
        message = acceptance.message
        try:
            row = await self._pool.fetchrow(
                _ACCEPT[acceptance.row["type"]],
                key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
                key.request_digest, acceptance.row, acceptance.payment_id, acceptance.location,
                acceptance.reply, now, now + KEY_LIFETIME,
                message.topic, message.key, dict(message.headers), message.body,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "idempotency_key_pkey":
                raise
            return None
        failpoint("gateway.after_commit")
        if row is None or not row["held"]:
            raise KeyInFlight
        reply: dict[str, Any] | None = row["reply"]
        return reply

    async def stored_reply(self, key: RequestKey) -> StoredReply | None:
        """What the key's first request was answered with."""
        row = await self._pool.fetchrow(
            _SQL["stored_reply"],
            key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
        )  # fmt: skip
        if row is None:
            return None
        return StoredReply(row["request_digest"], row["status"], row["location"], row["reply"])

    async def cancel(
        self, caller: Caller, payment_id: UUID, message: OutgoingMessage, *, now: datetime
    ) -> None:
        """Note the wish to cancel and send it on.

        Raises:
            asyncpg.PostgresError: CF004 or CF005 when it can't be canceled or isn't there.
        """
        await self._pool.execute(
            _SQL["cancel"], payment_id, caller.merchant_id, caller.livemode,
            message.topic, message.key, dict(message.headers), message.body, now,
        )  # fmt: skip

    async def payment(self, caller: Caller, payment_id: UUID) -> Row | None:
        """One payment."""
        return await self._row("payment", payment_id, caller.merchant_id, caller.livemode)

    async def payments(
        self, caller: Caller, filters: Row, cursor: TimeCursor | None, *, rows_max: int
    ) -> Sequence[Row]:
        """Payments from the newest to the oldest."""
        return await self._rows(
            "payments_page", caller.merchant_id, caller.livemode,
            filters["customer_id"], filters["status"], filters["method"], filters["type"],
            filters["created_after"], filters["created_before"],
            cursor.created_at if cursor else None, cursor.row_id if cursor else None, rows_max,
        )  # fmt: skip

    async def state_changes(self, payment_id: UUID, *, after: int) -> Sequence[Row]:
        """Changes of a payment's status with a number above `after`, oldest first."""
        return await self._rows("state_changes", payment_id, after)

    async def timeline_events(self, payment_id: UUID) -> Sequence[Row]:
        """Everything that was noted about a payment."""
        return await self._rows("timeline_events", payment_id)

    async def payment_entries(self, payment_id: UUID) -> Sequence[Row]:
        """The ledger entries of a payment."""
        return await self._rows("payment_entries", payment_id)

    async def payment_hold(self, payment_id: UUID) -> Row | None:
        """The hold of a payment."""
        return await self._row("payment_hold", payment_id)

    async def balances(self, caller: Caller, customer_id: str) -> Sequence[Row]:
        """The customer's accounts with their balances; none when we never saw the customer."""
        return await self._rows("balances", _tenant(caller), _account_codes(customer_id, EXPONENTS))

    async def statement(
        self,
        caller: Caller,
        codes: Sequence[str],
        *,
        as_of: datetime,
        before: int | None,
        rows_max: int,
    ) -> Sequence[Row]:
        """Entries of these accounts from the newest to the oldest."""
        return await self._rows("statement", _tenant(caller), list(codes), as_of, before, rows_max)

    async def save_method(self, caller: Caller, phone: SavedPhone, *, now: datetime) -> Row:
        """Keep a phone for a customer; `fresh` is False when it was kept already."""
        row = await self._row(
            "save_method", phone.method_id, caller.merchant_id, caller.livemode,
            phone.customer_id, phone.method, phone.display, phone.sealed, phone.country,
            phone.fingerprint, now,
        )  # fmt: skip
        if row is None:
            raise InvariantViolated("an upsert answered nothing")
        return row

    async def saved_method(self, caller: Caller, method_id: UUID) -> Row | None:
        """One saved method."""
        return await self._row("saved_method", method_id, caller.merchant_id, caller.livemode)

    async def saved_methods(
        self, caller: Caller, customer_id: str | None, cursor: TimeCursor | None, *, rows_max: int
    ) -> Sequence[Row]:
        """Saved methods from the newest to the oldest."""
        return await self._rows(
            "saved_methods_page", caller.merchant_id, caller.livemode, customer_id,
            cursor.created_at if cursor else None, cursor.row_id if cursor else None, rows_max,
        )  # fmt: skip

    async def delete_method(self, caller: Caller, method_id: UUID) -> bool:
        """Forget a saved method; False when there is none."""
        args = (method_id, caller.merchant_id, caller.livemode)
        return await self._row("delete_method", *args) is not None

    async def verify_method(self, caller: Caller, method_id: UUID) -> Row | None:
        """Look whether a completed deposit has proved the method."""
        return await self._row("verify_method", method_id, caller.merchant_id, caller.livemode)

    async def take_notice(self, notice: Notice) -> bool:
        """Keep a notice and pass it on; False when it was here before."""
        content, message = notice.content, notice.message
        new = await self._pool.fetchval(
            _SQL["take_notice"],
            content.notice_id, content.provider, content.attempt_id,
            None if content.purpose is None else int(content.purpose),
            "quarantined" if notice.quarantined else "published",
            notice.source, content.source_listed, content.sealed_body, content.received_at,
            message.topic, message.key, dict(message.headers), message.body,
        )  # fmt: skip
        return bool(new)

    async def api_key(self, key_id: str) -> Row | None:
        """One API key."""
        return await self._row("api_key", key_id)

    async def answers(self) -> bool:
        """True when the database answers."""
        return await ready(self._pool)

    async def forget(self, *, keys_before: datetime, notices_before: datetime) -> None:
        """Delete idempotency keys and published notices that have had their time."""
        await self._pool.execute(_SQL["forget_keys"], keys_before)
        await self._pool.execute(_SQL["forget_notices"], notices_before)

    async def _row(self, name: str, *args: Any) -> Row | None:
        row = await self._pool.fetchrow(_SQL[name], *args)
        return cast("Row | None", row)

    async def _rows(self, name: str, *args: Any) -> Sequence[Row]:
        return cast("Sequence[Row]", await self._pool.fetch(_SQL[name], *args))


def _tenant(caller: Caller) -> str:
    return f"{caller.merchant_id}:{'live' if caller.livemode else 'test'}"


def _account_codes(customer_id: str, currencies: Mapping[str, int]) -> list[str]:
    return [account_code(customer_id, currency) for currency in currencies]


def account_code(customer_id: str, currency: str) -> str:
    """The code of a customer's account."""
    return f"customer:{customer_id}:{currency}"
