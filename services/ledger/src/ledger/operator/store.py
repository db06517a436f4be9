"""The operators' calls to PostgreSQL; SQL functions in `functions/operator` contain the rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.errors import CiftError
from cift_shared.money.amount import Money

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
    """The ledger refuses a decision; the message has the reason."""


@dataclass(frozen=True, slots=True)
class InReview:
    """A payment that waits for an operator's decision."""

    payment_id: UUID
    type: str
    method: str
    merchant_id: str
    livemode: bool
    customer_id: str
    requested: Money
    fee: Money
    provider_reference: str | None
    created_at: datetime
    since: datetime
    why: str
    evidence: str
    suspended: Money | None
    """The amount in suspense for it: what arrived at the provider, or left."""
    hold: str | None
    """The state of its hold; None for a deposit."""


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A hold that an operator placed."""

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
    """Payments that wait for an operator, the oldest first; only one with `payment_id`."""
    return [_in_review(row) for row in await connection.fetch(_REVIEW, payment_id)]


async def placed_holds(connection: Any, *, ended: bool) -> list[PlacedHold]:
    """Open holds that operators placed; with `ended` also those that have ended."""
    return [_placed(row) for row in await connection.fetch(_HOLDS, ended)]


async def decide(connection: Any, function: str, decision: dict[str, Any]) -> Any:
    """Carry out a decision through one of the ledger's functions; returns the function's result.

    Raises:
        Refused: the ledger does not allow it; nothing has changed.
    """
    try:
        return await connection.fetchval(f"select ledger.{function}($1)", decision)
    except asyncpg.PostgresError as error:
        if error.sqlstate != _REFUSED:
            raise
        raise Refused(str(error)) from error


async def resolve(connection: Any, decision: dict[str, Any]) -> dict[str, Any]:
    """Carry out a decision on a payment in review; returns the result of `ledger.resolve`.

    Raises:
        Refused: the ledger does not allow it.
    """
    answer: dict[str, Any] = await decide(connection, "resolve", decision)
    return answer


async def assign(connection: Any, decision: dict[str, Any]) -> int:
    """Name the owner of unclaimed money; returns the decision's position in the log.

    Raises:
        Refused: the ledger does not allow it.
    """
    return int(await decide(connection, "assign_received", decision))


async def correct(connection: Any, decision: dict[str, Any]) -> int:
    """Undo a posting; returns the id of the new transaction.

    Raises:
        Refused: the ledger does not allow it.
    """
    return int(await decide(connection, "correct", decision))


async def place_hold(connection: Any, decision: dict[str, Any]) -> str:
    """Hold money of a customer; returns the hold's key.

    Raises:
        Refused: the ledger does not allow it.
    """
    return str(await decide(connection, "place_operator_hold", decision))


async def capture_hold(connection: Any, decision: dict[str, Any]) -> int:
    """Take the money of a hold; returns the transaction's id.

    Raises:
        Refused: the ledger does not allow it.
    """
    return int(await decide(connection, "capture_hold", decision))


async def release_hold(connection: Any, decision: dict[str, Any]) -> None:
    """Release a hold: the customer can spend the money again.

    Raises:
        Refused: the ledger does not allow it.
    """
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
    """The worker's result in one line: kind, amount, receipt, and the names of its steps."""
    amount = detail.get("amount")
    steps: Sequence[dict[str, Any]] = detail.get("evidence") or []
    words = [
        str(detail.get("kind", "")),
        Money(int(amount["minor"]), amount["currency"]).text if amount else "",
        amount["currency"] if amount else "",
        detail.get("provider_reference") or "",
    ]
    summary = " ".join(word for word in words if word)
    names = ", ".join(str(step.get("name")) for step in steps[:_STEPS_MAX])
    return f"{summary} ({names})" if names else summary


def _placed(row: asyncpg.Record) -> PlacedHold:
    captured = row["captured"]
    return PlacedHold(
        row["key"], f"{row['tenant']} {row['code']}", Money(int(row["amount"]), row["currency"]),
        None if captured is None else Money(int(captured), row["currency"]), row["state"],
        row["reason"], row["created_at"], row["expires_at"], row["ended_at"],
    )  # fmt: skip
