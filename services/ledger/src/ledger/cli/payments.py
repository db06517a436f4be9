"""`cift stuck` and `cift check`: show payments as stored in the database of DATABASE_URL."""

from typing import Any
from uuid import UUID

import click

from cift_shared.cli import Cell, Exit, Output, Table, command, environment
from cift_shared.clock import SystemClock
from cift_shared.money.amount import Money
from ledger.cli.session import age, open_ledger
from ledger.operator.payment_state import PaymentState, payment_state
from ledger.operator.payment_state import stuck as stuck_payments
from ledger.operator.payment_story import findings, story


@command("stuck")
async def stuck() -> Output:
    """List payments that are overdue or wait for an operator; exits with 1 when there are any."""
    now = SystemClock().now()
    async with open_ledger(environment("DATABASE_URL")) as connection:
        found = await stuck_payments(connection, now=now)
    facts = [_stuck_facts(row) for row in found]
    rows: list[list[str | Cell]] = [
        [one["payment_id"], Cell(one["why"], "yellow"), age(row["since"], now), one["type"],
         one["method"], one["status"], one["amount"], one["currency"], one["mode"],
         one["merchant_id"]]
        for one, row in zip(facts, found, strict=True)
    ]  # fmt: skip
    headings = ["payment", "why", "for", "type", "method", "status", "amount", "currency", "mode",
                "merchant"]  # fmt: skip
    return Output(
        facts,
        [Table(headings, rows, numbers=(6,)), f"{len(facts)} stuck"],
        [one["payment_id"] for one in facts],
        Exit.FINDING if facts else Exit.OK,
    )


@command("check")
@click.argument("payment_id", type=click.UUID)
async def check(payment_id: UUID) -> Output:
    """Describe the state of a payment and what happens next; exits with 1 on a finding."""
    now = SystemClock().now()
    async with open_ledger(environment("DATABASE_URL")) as connection:
        state = await payment_state(connection, payment_id, now=now)
    wrong, sentences = findings(state, now=now), story(state, now=now)
    return Output(
        _facts(state) | {"findings": wrong, "story": sentences},
        [*sentences, *(f"FINDING: {one}." for one in wrong)],
        [str(payment_id)],
        Exit.FINDING if wrong else Exit.OK,
    )


def _stuck_facts(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "payment_id": str(row["payment_id"]),
        "why": row["why"],
        "since": row["since"].isoformat(),
        "type": row["type"],
        "method": row["method"],
        "status": row["status"],
        "amount": Money(int(row["minor"]), row["currency"]).text,
        "currency": row["currency"],
        "mode": "live" if row["livemode"] else "test",
        "merchant_id": row["merchant_id"],
        "customer_id": row["customer_id"],
        "next_check_at": _moment(row["next_check_at"]),
        "times_published_again": row["sweep_count"],
    }


def _facts(state: PaymentState) -> dict[str, Any]:
    payment = state.payment
    return {
        "payment_id": str(payment["payment_id"]),
        "status": payment["status"],
        "type": payment["type"],
        "method": payment["method"],
        "mode": "live" if payment["livemode"] else "test",
        "amount": Money(int(payment["minor"]), payment["currency"]).text,
        "currency": payment["currency"],
        "next_check_at": _moment(payment["next_check_at"]),
        "overdue_since": _moment(payment["overdue_since"]),
        "attempts": [
            {
                "schema": attempt.schema,
                "number": attempt.number,
                "state": attempt.state,
                "submits": attempt.submits,
                "checks": attempt.checks,
                "maybe_sent": attempt.maybe_sent,
                "next_check_at": _moment(attempt.next_check_at),
            }
            for attempt in state.attempts
        ],
        "holds": [
            {"state": held, "amount": amount.text, "currency": amount.currency}
            for held, amount in state.holds
        ],
        "postings": [
            {
                "currency": posted.currency,
                "transactions": posted.transactions,
                "sum_minor": str(posted.total_minor),
            }
            for posted in state.posted
        ],
        "outbox": [
            {"schema": row.schema, "topic": row.topic, "since": _moment(row.since)}
            for row in state.outbox
        ],
        "notices_waiting": state.notices,
        "not_readable": list(state.unreadable),
    }


def _moment(at: Any) -> str | None:
    return at.isoformat() if at else None
