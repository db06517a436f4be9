"""The result with which a worker reports a charge that belongs to no payment. Pure, no I/O.

A worker stores the result's message in its outbox in the transaction that notes it as reported. It
may report the same charge any number of times: the ledger posts it once.
"""

from datetime import datetime

from cift_shared.messaging.charged import ProviderCharge, charged_id
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from cift_shared.rails.rail import Rail


def charged_result(
    rail: Rail,
    provider_reference: str,
    fee: Money,
    charge: ProviderCharge,
    *,
    occurred_at: datetime,
) -> PaymentResult:
    """The result for one charge; ids follow from rail and reference.

    Args:
        rail: the worker's rail.
        provider_reference: the provider's name of what it charged for, and of nothing else.
        fee: what was charged; more than zero.
        charge: its cause and mode.
        occurred_at: when the worker learned of it.
    """
    identity = charged_id(rail.name, provider_reference)
    return PaymentResult(
        kind="charged",
        result_id=f"{identity}.1",
        attempt_id=identity,
        seq=1,
        payment_id=identity,
        method=rail.method,
        rail=rail.name,
        occurred_at=occurred_at,
        provider_fee=fee,
        provider_reference=provider_reference,
        charged=charge,
    )
