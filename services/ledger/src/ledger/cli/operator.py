"""`cift ledger review | assign | resolve | correct | hold`: operators' recorded decisions."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from cift_shared.cli import Lazy, LazyGroup, Output, Refused, Table, WrongInput, command
from cift_shared.clock import SystemClock
from cift_shared.errors import CiftError, InvalidCommand
from cift_shared.ids import SystemIds
from cift_shared.money.amount import EXPONENTS, Money, parse_money
from cift_shared.money.fees import Direction, load_schedule
from ledger.cli.session import age, run, signed
from ledger.operator import store
from ledger.operator.store import InReview, PlacedHold

_MODES = click.Choice(["test", "live"])


@command("review")
async def review() -> Output:
    """List the payments that wait for an operator, the oldest first."""
    waiting = await run(store.payments_in_review)
    now = SystemClock().now()
    lines = [line for payment in waiting for line in _described(payment, now)]
    return Output(
        [_facts(payment, now) for payment in waiting],
        [*lines, f"{len(waiting)} in review"],
        [str(payment.payment_id) for payment in waiting],
    )


@command("resolve")
@click.argument("payment_id", type=click.UUID)
@click.option("--as", "outcome", type=click.Choice(["completed", "failed"]), required=True)
@click.option(
    "--amount", help="The amount that moved, like 90.00; default: the amount in suspense."
)
@click.option("--fee", help="Our fee; default: the agreed one, or the price list's for the amount.")
@click.option("--provider-reference", help="The provider's receipt, if it is not known.")
@click.option("--yes", is_flag=True, help="Don't ask again.")
@signed
async def resolve(payment_id: UUID, outcome: str, yes: bool, **given: str | None) -> Output:
    """End a payment in review: completed with the amount that moved, or failed."""
    decision = {
        "payment_id": str(payment_id),
        "as": outcome,
        "operator": given["operator"],
        "reason": given["reason"],
        "provider_reference": given["provider_reference"],
    }
    payment = await run(lambda connection: _payment(connection, payment_id))
    if outcome == "completed":
        decision |= _amounts(payment, given["amount"], given["fee"])
    elif given["amount"] or given["fee"]:
        raise click.UsageError("a failed payment has no amount and no fee")
    click.echo("\n".join(_described(payment, SystemClock().now())), err=True)
    click.echo(_consequence(payment, decision), err=True)
    if not yes:
        click.confirm("do it?", abort=True, err=True)
    decision["at"] = _now()
    done = await run(lambda connection: store.resolve(connection, decision))
    posted = f", transaction {done['tx_id']}" if done["tx_id"] else ", nothing posted"
    return Output(
        {
            "payment_id": str(payment_id),
            "status": done["status"],
            "decision": done["position"],
            "transaction_id": done["tx_id"],
        },
        [f"{payment_id} is {done['status']}, decision {done['position']}{posted}"],
        [str(payment_id)],
    )


@command("assign")
@click.argument("payment_id", type=click.UUID)
@click.option("--merchant", required=True)
@click.option("--customer", required=True)
@signed
async def assign(
    payment_id: UUID, merchant: str, customer: str, operator: str, reason: str
) -> Output:
    """Name the owner of money that no command asked for; then resolve its payment."""
    decision = {
        "payment_id": str(payment_id),
        "merchant_id": merchant,
        "customer_id": customer,
        "operator": operator,
        "reason": reason,
        "at": _now(),
    }
    position = await run(lambda connection: store.assign(connection, decision))
    return Output(
        {"payment_id": str(payment_id), "decision": position},
        [f"{payment_id} belongs to {customer} of {merchant}, decision {position}"],
        [str(payment_id)],
    )


@command("correct")
@click.option("--transaction", "tx_id", type=click.IntRange(min=1), required=True)
@signed
async def correct(tx_id: int, operator: str, reason: str) -> Output:
    """Undo a posting that belongs to no payment, by its exact negation."""
    decision = {"tx_id": str(tx_id), "operator": operator, "reason": reason, "at": _now()}
    corrected = await run(lambda connection: store.correct(connection, decision))
    return Output(
        {"transaction_id": corrected, "undoes": tx_id},
        [f"transaction {corrected} undoes transaction {tx_id}"],
        [str(corrected)],
    )


_HOLD = (
    Lazy("capture", "ledger.cli.operator:capture", "Capture a hold."),
    Lazy("list", "ledger.cli.operator:list_holds", "List operators' holds."),
    Lazy("place", "ledger.cli.operator:place", "Hold an amount of a customer."),
    Lazy("release", "ledger.cli.operator:release", "Release a hold."),
)


@click.group("hold", cls=LazyGroup, index=lambda: _HOLD)
def hold() -> None:
    """Hold money of a customer; capture or release it."""


@command("place")
@click.option("--merchant", required=True)
@click.option("--mode", type=_MODES, required=True)
@click.option("--customer", required=True)
@click.option("--amount", required=True, help="Like 90.00.")
@click.option("--currency", required=True)
@click.option("--until", type=click.DateTime(), help="UTC; default: until an operator ends it.")
@click.option("--key", help="Key of the hold; a repeat with the same key changes nothing.")
@signed
async def place(until: datetime | None, **given: str) -> Output:
    """Hold an amount that the customer has available."""
    amount = _money(given["amount"], given["currency"])
    decision = {
        "key": given["key"] or SystemIds().new_id().hex,
        "merchant_id": given["merchant"],
        "livemode": given["mode"] == "live",
        "customer_id": given["customer"],
        "currency": amount.currency,
        "amount": str(amount.minor),
        "until": until.replace(tzinfo=UTC).isoformat() if until else None,
        "operator": given["operator"],
        "reason": given["reason"],
        "at": _now(),
    }
    key = await run(lambda connection: store.place_hold(connection, decision))
    return Output(
        {"key": key, "amount": amount.text, "currency": amount.currency},
        [f"hold {key}: {amount.text} {amount.currency}"],
        [str(key)],
    )


@command("capture")
@click.argument("key")
@click.option("--amount", help="A part of the hold; the rest is released. Default: all.")
@click.option("--to", "to", type=click.Choice(["adjustments"]), default="adjustments")
@signed
async def capture(key: str, amount: str | None, to: str, operator: str, reason: str) -> Output:
    """Post the amount of a hold to an account of ours."""
    decision: dict[str, Any] = {"key": key, "operator": operator, "reason": reason, "at": _now()}
    currency = await _currency_of(key)
    decision["amount"] = str(_money(amount, currency).minor) if amount else None
    tx_id = await run(lambda connection: store.capture_hold(connection, decision))
    return Output(
        {"key": key, "account": f"{to}:{currency}", "transaction_id": tx_id},
        [f"hold {key} is captured into {to}:{currency}, transaction {tx_id}"],
        [key],
    )


@command("release")
@click.argument("key")
@signed
async def release(key: str, operator: str, reason: str) -> Output:
    """Release a hold."""
    decision = {"key": key, "operator": operator, "reason": reason, "at": _now()}
    await run(lambda connection: store.release_hold(connection, decision))
    return Output({"key": key, "state": "released"}, [f"hold {key} is released"], [key])


@command("list")
@click.option("--ended", is_flag=True, help="Include holds that have ended.")
async def list_holds(ended: bool) -> Output:
    """List operators' holds."""
    placed = await run(lambda connection: store.placed_holds(connection, ended=ended))
    facts = [_hold_facts(hold) for hold in placed]
    headings = ["key", "state", "took", "amount", "currency", "account", "until", "reason"]
    rows = [
        [one["key"], one["state"], one["captured"] or "", one["amount"], one["currency"],
         one["account"], one["until"] or "-", one["reason"]]
        for one in facts
    ]  # fmt: skip
    return Output(facts, [Table(headings, rows, numbers=(2, 3))], [one["key"] for one in facts])


def _hold_facts(placed: PlacedHold) -> dict[str, Any]:
    return {
        "key": placed.key,
        "state": placed.state,
        "captured": placed.captured.text if placed.captured else None,
        "amount": placed.amount.text,
        "currency": placed.amount.currency,
        "account": placed.account,
        "until": placed.expires_at.isoformat() if placed.expires_at else None,
        "reason": placed.reason,
    }


async def _payment(connection: Any, payment_id: UUID) -> InReview:
    found = await store.payments_in_review(connection, payment_id)
    if not found:
        raise CiftError("no payment with this id is in review: `cift ledger review` lists them")
    return found[0]


def _amounts(payment: InReview, amount: str | None, fee: str | None) -> dict[str, str | None]:
    """The moved amount and our fee for it, minor units as text; None: as the ledger has it."""
    requested = payment.requested
    moved = _money(amount, requested.currency) if amount else payment.suspended
    decided = str(moved.minor) if moved and amount else None
    if fee is not None:
        return {"amount": decided, "fee": str(_fee(fee, requested.currency))}
    if (
        moved in (None, requested)
        or payment.type == "refund"
        or moved.currency != requested.currency
    ):
        return {"amount": decided, "fee": None}
    return {"amount": decided, "fee": str(_price(payment, moved).minor)}


def _price(payment: InReview, moved: Money) -> Money:
    """Our fee for the moved amount, by the prices in force when the payment was accepted."""
    schedule = load_schedule(os.environ.get("CIFT_FEE_SCHEDULE"), os.environ.get("CIFT_RATES"))
    direction: Direction = "deposit" if payment.type == "deposit" else "withdrawal"
    try:
        fee = schedule.fee(moved, method=payment.method, direction=direction, at=payment.created_at)
    except InvalidCommand as error:
        raise WrongInput(f"no price for {moved.text}: say --fee ({error})") from error
    return min(fee, moved, key=lambda money: money.minor) if direction == "deposit" else fee


def _consequence(payment: InReview, decision: dict[str, Any]) -> str:
    if decision["as"] == "failed":
        left = payment.suspended
        rests = f"; {left.text} {left.currency} stay in suspense as a discrepancy" if left else ""
        return f"  will be   failed{rests}"
    currency = payment.requested.currency
    minor = decision["amount"]
    moved = Money(int(minor), currency) if minor else payment.suspended
    fee = Money(int(decision["fee"]), currency) if decision["fee"] else payment.fee
    terms = f"{moved.text} {moved.currency}" if moved else "the amount is needed"
    share = "" if payment.type == "refund" else f", fee {fee.text}"
    return f"  will be   completed: {terms}{share}"


def _facts(payment: InReview, now: datetime) -> dict[str, Any]:
    suspended = payment.suspended
    return {
        "payment_id": str(payment.payment_id),
        "type": payment.type,
        "method": payment.method,
        "merchant_id": payment.merchant_id,
        "livemode": payment.livemode,
        "customer_id": payment.customer_id,
        "asked": payment.requested.text,
        "currency": payment.requested.currency,
        "since": payment.since.isoformat(),
        "age": age(payment.since, now),
        "why": payment.why,
        "evidence": payment.evidence,
        "provider_reference": payment.provider_reference,
        "suspense": f"{suspended.text} {suspended.currency}" if suspended else None,
        "hold": payment.hold,
    }


def _described(payment: InReview, now: datetime) -> Iterator[str]:
    facts = _facts(payment, now)
    mode = "live" if payment.livemode else "test"
    yield (
        f"{payment.payment_id}  {payment.type}  {payment.method}  {payment.merchant_id} ({mode})  "
        f"{payment.customer_id}  asked {payment.requested.text} {payment.requested.currency}"
    )
    yield f"  since     {facts['since']} ({facts['age']})"
    yield f"  why       {payment.why}"
    yield f"  evidence  {payment.evidence}"
    yield f"  suspense  {facts['suspense'] or '-'}"
    yield f"  hold      {payment.hold or '-'}"


async def _currency_of(key: str) -> str:
    for placed in await run(lambda connection: store.placed_holds(connection, ended=True)):
        if placed.key == key:
            return placed.amount.currency
    raise Refused(f"no operator has placed a hold with the key {key}")


def _money(text: str, currency: str) -> Money:
    try:
        return parse_money(text, currency)
    except InvalidCommand as error:
        raise WrongInput(f"{text} {currency}: {error}") from error


def _fee(text: str, currency: str) -> int:
    """A fee in minor units; unlike an amount it may be zero."""
    zero = not text.strip("0.") and text.count(".") <= 1 and len(text) <= EXPONENTS[currency] + 2
    return 0 if zero and text else _money(text, currency).minor


def _now() -> str:
    return SystemClock().now().isoformat()
