"""A batch is its results one by one, in order: no matter where it is cut and what repeats."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from tests.integration.ledger.books import Books, Paid
from tests.integration.ledger.tables import whole_tables
from tests.support.reused_database import EMPTY

pytestmark = pytest.mark.integration

NAMES = UUID("018f0000-0000-7000-8000-000000000000")
KINDS = (
    "submitted", "action_required", "settled", "settled", "settled", "declined", "expired",
    "canceled", "unknown", "noted", "conflicting", "reversed", "disputed",
)  # fmt: skip

told = st.fixed_dictionaries(
    {
        "payment": st.integers(0, 6),
        "kind": st.sampled_from(KINDS),
        "seq": st.integers(2, 9),
        "amount": st.sampled_from([None, None, None, 99]),
        "reference": st.sampled_from([None, "own", "own", "shared"]),
        "provider_fee": st.sampled_from([None, None, "KES", "USD"]),
    }
)
tellings = st.lists(told, min_size=4, max_size=24)


async def begin(books: Books) -> list[Paid]:
    """The same payments each time: settled and open deposits, a withdrawal, two refunds."""
    await books.admin.execute(EMPTY)

    def named(name: str) -> dict[str, str]:
        return {"payment_id": str(uuid5(NAMES, name))}

    settled = [
        await books.deposit(250, 3, customer_id=customer, **named(f"settled {customer}"))
        for customer in ("c1", "c2")
    ]
    await books.apply(*(paid.result("settled", seq=1) for paid in settled))
    opened = [
        await books.deposit(101, 3, customer_id=customer, **named(f"open {customer}"))
        for customer in ("c1", "c2")
    ]
    withdrawal = await books.withdrawal(60, 2, **named("withdrawal"))
    refunds = [(await books.refund(settled[0], 40, **named(f"refund {n}")))[0] for n in (1, 2)]
    return [*settled, *opened, withdrawal, *refunds]


def result_of(paid: Paid, telling: dict[str, Any]) -> PaymentResult:
    """What the telling says of this payment."""
    fields: dict[str, Any] = {}
    own = f"R{paid.payment_id.hex}.{telling['kind']}"
    if telling["kind"] in ("settled", "reversed"):
        fields["amount"] = Money(telling["amount"] or paid.minor, "KES")
        fields["provider_reference"] = (
            own if telling["reference"] == "own" else telling["reference"]
        )
    if telling["kind"] == "settled" and telling["provider_fee"]:
        fields["provider_fee"] = Money(7, telling["provider_fee"])
    if telling["kind"] == "disputed":
        fields["dispute"] = {
            "reference": own,
            "status": "needs_response",
            "reason": "fraudulent",
            "amount": {"minor": str(paid.minor), "currency": "KES"},
            "withdrawn": {"minor": str(telling["amount"] or paid.minor), "currency": "KES"},
            "closed": "lost" if telling["seq"] > 6 else None,
        }
    return paid.result(telling["kind"], seq=telling["seq"], **fields)


def unique(results: Sequence[PaymentResult]) -> list[PaymentResult]:
    """Each result once: a second one of the same id would be another text under an old name."""
    return list({result.result_id: result for result in reversed(results)}.values())[::-1]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tellings=tellings, data=st.data())
async def test_any_batches_are_the_same_as_one_by_one(
    books: Books, tellings: list[dict[str, Any]], data: st.DataObject
) -> None:
    payments = await begin(books)
    results = unique([result_of(payments[told["payment"]], told) for told in tellings])
    for result in results:
        await books.apply(result)
    one_by_one = await whole_tables(books.admin)

    stream = list(results)
    for again in data.draw(st.lists(st.integers(0, len(results) - 1), max_size=6)):
        place = stream.index(results[again])
        stream.insert(data.draw(st.integers(place + 1, len(stream))), results[again])
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=4)))
    await begin(books)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        await books.apply(*stream[start:end])
    batched = await whole_tables(books.admin)
    for table, rows in one_by_one.items():
        assert batched[table] == rows, table


async def test_one_receipt_on_two_payments_in_one_batch(books: Books) -> None:
    payments = (await begin(books))[2:4]
    shared = [paid.result("settled", provider_reference="R1") for paid in payments]
    assert await books.apply(*shared) == ["applied", "conflict"]


async def test_a_deposit_and_its_refund_in_one_batch(books: Books) -> None:
    parent, *_, refund, _ = await begin(books)
    early = parent.result("settled", seq=2, provider_fee=Money(1, "KES"))
    late = parent.result("settled", seq=3, provider_fee=Money(1, "KES"))
    assert await books.apply(early, refund.result("settled"), late) == [
        "applied", "applied", "duplicate",
    ]  # fmt: skip
    bodies = [row["body"] for row in (await books.outbox())[-2:]]
    assert [b'"refunded":"0.00"' in body for body in bodies] == [True, True]
