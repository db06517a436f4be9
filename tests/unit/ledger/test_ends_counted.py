"""Payments that ended are counted once, with the time since they were accepted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from cift_shared.ids import made_at_ms, uuid7
from cift_shared.messaging.messages import PaymentResult, ResultKind
from cift_shared.money.amount import Money
from ledger.posting.consumer import _count
from ledger.posting.domain import Outcome

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
METHOD = "counted"


def result(kind: ResultKind, payment_id: UUID, after_s: float) -> PaymentResult:
    return PaymentResult(
        kind=kind, result_id="r.1", attempt_id=uuid4(), seq=1, payment_id=payment_id,
        method=METHOD, occurred_at=NOON + timedelta(seconds=after_s),
        amount=Money(1_234, "KES") if kind == "settled" else None,
    )  # fmt: skip


def seen(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"method": METHOD, **labels}) or 0.0


@pytest.mark.parametrize(
    ("kind", "outcome", "ended"),
    [
        ("settled", Outcome.APPLIED, 1),
        ("settled", Outcome.DUPLICATE, 0),
        ("declined", Outcome.APPLIED, 1),
        ("submitted", Outcome.APPLIED, 0),
    ],
)
def test_only_what_ends_a_payment_counts(kind: ResultKind, outcome: Outcome, ended: int) -> None:
    accepted = uuid7(int(NOON.timestamp() * 1_000), 0)
    before = [
        seen("cift_payment_seconds_count", kind=kind),
        seen("cift_payment_seconds_sum", kind=kind),
    ]
    settled = seen("cift_settled_minor_units_total", currency="KES")
    _count(result(kind, accepted, 42), outcome)
    assert seen("cift_payment_seconds_count", kind=kind) - before[0] == ended
    assert seen("cift_payment_seconds_sum", kind=kind) - before[1] == 42 * ended
    grown = 1_234 if ended and kind == "settled" else 0
    assert seen("cift_settled_minor_units_total", currency="KES") - settled == grown


def test_an_id_tells_when_it_was_made_if_it_knows() -> None:
    assert made_at_ms(uuid7(1_772_539_200_000, 5)) == 1_772_539_200_000
    assert made_at_ms(uuid4()) is None
