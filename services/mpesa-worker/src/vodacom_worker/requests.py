"""The request of each operation: deposits by C2B, payouts by B2C, refunds by reversal or B2C."""

from typing import Literal

from cift_shared.attempts.processor import Attempt
from cift_shared.messaging.messages import RequestRefund
from vodacom_worker import domain, wire
from vodacom_worker.context import Context

Kind = Literal["c2b", "b2c", "reversal"]


def kind_of(attempt: Attempt) -> Kind:
    """How an attempt is sent: a refund by reversing its deposit's receipt, if there is one.

    A reversal may be partial. Source: M-Pesa OpenAPI documentation, "Reversal".
    """
    if attempt.operation == "deposit":
        return "c2b"
    return "reversal" if _receipt(attempt) else "b2c"


def pays_out(attempt: Attempt) -> bool:
    """True when the money comes from our balance."""
    return attempt.operation != "deposit"


def request_of(context: Context, attempt: Attempt) -> wire.Request:
    """The request of the attempt's current round, always the same.

    Raises:
        ProviderRejectedRequest: the phone number can't be decrypted; nothing was sent.
    """
    kind, amount = kind_of(attempt), domain.whole_shillings(attempt.request.amount)
    code, key = context.config.service_provider_code, context.key(attempt)
    if kind == "reversal":
        receipt = _receipt(attempt) or ""
        return wire.Reversal(receipt=receipt, amount=amount, provider_code=code, key=key)
    return wire.Payment(
        incoming=kind == "c2b",
        amount=amount,
        phone=context.phone(attempt),
        provider_code=code,
        reference=domain.transaction_reference(context.vault, attempt.attempt_id),
        key=key,
        description=attempt.operation.capitalize(),
    )


def _receipt(attempt: Attempt) -> str | None:
    """The receipt of the deposit that a refund is of."""
    request = attempt.request
    if not isinstance(request, RequestRefund):
        return None
    return domain.receipt_in(request.original.provider_reference)
