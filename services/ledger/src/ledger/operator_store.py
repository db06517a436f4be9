"""The operators' calls to PostgreSQL; the rules are in `migrations/0016_operator.sql`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.errors import CiftError
from cift_shared.money import Money

_REVIEW = """
select p.payment_id, p.type, p.method, p.merchant_id, p.livemode, p.customer_id, p.minor,
       p.currency, p.fee_minor, p.provider_reference, p.created_at,
       entered.occurred_at as since, entered.reason, entered.detail,
       suspended.amount as suspended_minor, suspended.currency as suspended_currency,
       hold.state as hold_state, hold.amount as hold_minor
from ledger.unfinished
join ledger.payment p using (payment_id)
cross join lateral (
    select e.occurred_at, e.reason, e.detail
    from ledger.payment_event e
    where e.payment_id = p.payment_id and e.to_status = 'in_review'
    order by e.event_seq desc limit 1
) entered
left join ledger.hold on hold.payment_id = p.payment_id
left join lateral ledger.suspense_of(p.payment_id) suspended on p.suspense_posted
where p.status = 'in_review' and ($1::uuid is null or p.payment_id = $1)
order by entered.occurred_at, p.payment_id
"""
_HOLDS = """
select substr(h.hold_key, 10) as key, a.tenant, a.code, a.currency, h.amount, h.captured, h.state,
       h.reason, h.created_at, h.expires_at, h.ended_at
from ledger.hold h
join ledger.account a using (account_id)
where h.hold_key like 'operator:%' and ($1 or h.state = 'held')
order by h.created_at, h.hold_key
"""
_STEPS_MAX = 8
_REFUSED = "CF020"


class Refused(CiftError):
    """The books refuse a decision; the message says why."""


@dataclass(frozen=True, slots=True)
class InReview:
    """A payment that waits for people."""

    payment_id: UUID
    type: str
    method: str
    merchant_id: str
    livemode: bool
    customer_id: str
    asked: Money
    fee: Money
    provider_reference: str | None
    created_at: datetime
    since: datetime
    why: str
    evidence: str
    suspended: Money | None
    """What stands in suspense for it: what arrived or left."""
    hold: str | None
    """The state of its hold; None for a deposit."""


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A hold that people placed."""

    key: str
    account: str
    amount: Money
    captured: Money | None
    state: str
    reason: str
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None


async def payments_in_review(connection: Any, payment_id: UUID | None = None) -> list[InReview]:
    """Payments that wait for people, the oldest first; or one of them."""
    return [_in_review(row) for row in await connection.fetch(_REVIEW, payment_id)]


async def placed_holds(connection: Any, *, ended: bool) -> list[PlacedHold]:
    """Holds that people placed and that are open; with `ended` all of them."""
    return [_placed(row) for row in await connection.fetch(_HOLDS, ended)]


async def decide(connection: Any, function: str, decision: dict[str, Any]) -> Any:
    """Carry out a decision by one of the ledger's functions; answers what that answers.

    Raises:
        Refused: the books do not allow it; nothing has changed.
    """
    try:
        return await connection.fetchval(f"select ledger.{function}($1)", decision)
    except asyncpg.PostgresError as error:
        if error.sqlstate != _REFUSED:
            raise
        raise Refused(str(error)) from error


async def resolve(connection: Any, decision: dict[str, Any]) -> dict[str, Any]:
    """Carry out a decision on a payment in review; raises as `ledger.resolve`."""
    answer: dict[str, Any] = await decide(connection, "resolve", decision)
    return answer


async def correct(connection: Any, decision: dict[str, Any]) -> int:
    """Undo a posting; answers the new transaction, raises as `ledger.correct`."""
    return int(await decide(connection, "correct", decision))


async def place_hold(connection: Any, decision: dict[str, Any]) -> str:
    """Hold money of a customer; answers the key, raises as `ledger.place_operator_hold`."""
    return str(await decide(connection, "place_operator_hold", decision))


async def capture_hold(connection: Any, decision: dict[str, Any]) -> int:
    """Take what a hold holds; answers the transaction, raises as `ledger.capture_hold`."""
    return int(await decide(connection, "capture_hold", decision))


async def release_hold(connection: Any, decision: dict[str, Any]) -> None:
    """Give a hold back; raises as `ledger.release_hold`."""
    await decide(connection, "release_hold", decision)


def _in_review(row: asyncpg.Record) -> InReview:
    detail = row["detail"]
    suspended = row["suspended_minor"]
    return InReview(
        row["payment_id"], row["type"], row["method"], row["merchant_id"], row["livemode"],
        row["customer_id"], Money(int(row["minor"]), row["currency"]),
        Money(int(row["fee_minor"]), row["currency"]), row["provider_reference"],
        row["created_at"], row["since"], row["reason"] or detail.get("reason") or "conflicting",
        _evidence(detail),
        None if suspended is None else Money(abs(int(suspended)), row["suspended_currency"]),
        row["hold_state"],
    )  # fmt: skip


def _evidence(detail: dict[str, Any]) -> str:
    """What the worker said, in one line: kind, amount, receipt, and the names of its steps."""
    amount = detail.get("amount")
    steps: Sequence[dict[str, Any]] = detail.get("evidence") or []
    words = [
        str(detail.get("kind", "")),
        Money(int(amount["minor"]), amount["currency"]).text if amount else "",
        amount["currency"] if amount else "",
        detail.get("provider_reference") or "",
    ]
    told = " ".join(word for word in words if word)
    names = ", ".join(str(step.get("name")) for step in steps[:_STEPS_MAX])
    return f"{told} ({names})" if names else told


def _placed(row: asyncpg.Record) -> PlacedHold:
    captured = row["captured"]
    return PlacedHold(
        row["key"], f"{row['tenant']} {row['code']}", Money(int(row["amount"]), row["currency"]),
        None if captured is None else Money(int(captured), row["currency"]), row["state"],
        row["reason"], row["created_at"], row["expires_at"], row["ended_at"],
    )  # fmt: skip
