"""The result with which a worker reports money that arrived without a command. Pure, no I/O.

A worker stores the result's message in its outbox in the transaction that stores what it read at
the provider. It may report the same money any number of times, and from several replicas.
"""

from collections.abc import Sequence
from datetime import datetime

from cift_shared.messaging.messages import PaymentResult, Step
from cift_shared.messaging.received import ReceivedMoney, received_id
from cift_shared.money.amount import Money
from cift_shared.rails.rail import Rail


def received_result(
    rail: Rail,
    provider_reference: str,
    amount: Money,
    money: ReceivedMoney,
    *,
    occurred_at: datetime,
    evidence: Sequence[Step],
) -> PaymentResult:
    """The result for one receipt of the provider; ids follow from rail and reference.

    Args:
        rail: the worker's rail.
        provider_reference: the provider's receipt of this money and of nothing else.
        amount: the amount that arrived.
        money: the owner, as far as the worker knows.
        occurred_at: when the worker learned of it.
        evidence: steps for the timeline.
    """
    payment_id = received_id(rail.name, provider_reference)
    return PaymentResult(
        kind="received",
        result_id=f"{payment_id}.1",
        attempt_id=payment_id,
        seq=1,
        payment_id=payment_id,
        method=rail.method,
        rail=rail.name,
        occurred_at=occurred_at,
        amount=amount,
        provider_reference=provider_reference,
        received=money,
        evidence=list(evidence),
    )
