"""Balance transactions: the effect of each movement on our balance at Stripe, with its fees.

Sources: docs.stripe.com/api/balance_transactions/object,
docs.stripe.com/disputes/how-disputes-work.
"""

from collections import Counter
from typing import Any

from provider_sandbox.stripe.money import converted, share
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext

_SETTLES_AFTER_S = 2 * 86_400
"""Time until the money of a charge is available; test accounts commonly have two days."""


def charge_fee(context: RequestContext, amount: int, currency: str) -> tuple[int, str]:
    """Stripe's fee for a charge, and its currency (the settlement currency)."""
    settings = context.twin.settings
    settled, settled_in, _ = _settled(context, amount, currency)
    return share(settled, settings.stripe_fee_percent) + settings.stripe_fee_minor, settled_in


def add_charge(context: RequestContext, charge: Record, *, at_once: bool) -> Record:
    """Add the transaction of a captured charge."""
    body = charge.body
    fee, currency = charge_fee(context, body["amount_captured"], body["currency"])
    wait_s = 0 if at_once else _SETTLES_AFTER_S
    details = [_fee(fee, currency, "Stripe processing fees", "stripe_fee")]
    return _add(
        context,
        charge,
        amount=body["amount_captured"],
        kind="charge",
        fees=details,
        available_in_s=wait_s,
    )


def add_refund(context: RequestContext, refund: Record) -> Record:
    """Add the transaction of a refund; Stripe does not return the fees of the charge."""
    return _add(context, refund, amount=-refund.body["amount"], kind="refund")


def add_refund_failure(context: RequestContext, refund: Record) -> Record:
    """Add the transaction of a failed refund, which returns the money to our balance."""
    return _add(context, refund, amount=refund.body["amount"], kind="refund_failure")


def add_withdrawal(context: RequestContext, dispute: Record) -> Record:
    """Add the transaction that withdraws a dispute's amount and fee."""
    amount, currency = dispute.body["amount"], dispute.body["currency"]
    _, settled_in, _ = _settled(context, amount, currency)
    fee = _fee(
        context.twin.settings.stripe_dispute_fee_minor, settled_in, "Dispute fee", "stripe_fee"
    )
    description = f"Chargeback withdrawal for {dispute.body['charge']}"
    return _add(
        context, dispute, amount=-amount, kind="adjustment", fees=[fee], description=description
    )


def add_reinstatement(context: RequestContext, dispute: Record, *, fee_returned: bool) -> Record:
    """Add the transaction that reinstates the amount of a won dispute."""
    amount, currency = dispute.body["amount"], dispute.body["currency"]
    _, settled_in, _ = _settled(context, amount, currency)
    minus = -context.twin.settings.stripe_dispute_fee_minor
    fees = [_fee(minus, settled_in, "Dispute fee returned", "stripe_fee")] if fee_returned else []
    description = f"Chargeback reversal for {dispute.body['charge']}"
    return _add(
        context, dispute, amount=amount, kind="adjustment", fees=fees, description=description
    )


def shown(context: RequestContext, transaction: dict[str, Any]) -> dict[str, Any]:
    """A transaction with its current status: pending money becomes available with time."""
    ready = transaction["available_on"] <= context.now()
    return transaction | {"status": "available" if ready else "pending"}


def total(context: RequestContext) -> dict[str, Any]:
    """``GET /v1/balance``."""
    sums: dict[str, Counter[str]] = {"available": Counter(), "pending": Counter()}
    for record in context.objects.all("balance_transaction"):
        row = shown(context, record.body)
        sums[row["status"]][row["currency"]] += row["net"]
        other = "pending" if row["status"] == "available" else "available"
        sums[other][row["currency"]] += 0
    parts = {
        name: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in sorted(sums[name].items())
        ]
        for name in sums
    }
    return {"object": "balance", "livemode": False, **parts}


_CATEGORY = {"adjustment": "dispute"}


def _add(
    context: RequestContext,
    source: Record,
    *,
    amount: int,
    kind: str,
    fees: list[dict[str, Any]] | None = None,
    **more: Any,
) -> Record:
    settled, currency, rate = _settled(context, amount, source.body["currency"])
    fee = sum(row["amount"] for row in fees or [])
    body = {
        "id": context.ids.make("txn"),
        "object": "balance_transaction",
        "amount": settled,
        "available_on": context.now() + more.get("available_in_s", 0),
        "balance_type": "payments",
        "created": context.now(),
        "currency": currency,
        "description": more.get("description"),
        "exchange_rate": None if rate is None else float(rate),
        "fee": fee,
        "fee_details": fees or [],
        "net": settled - fee,
        "reporting_category": _CATEGORY.get(kind, kind),
        "source": source.id,
        "status": "pending",
        "type": kind,
    }
    return context.objects.add(Record(body))


def _settled(context: RequestContext, amount: int, currency: str) -> tuple[int, str, str | None]:
    """The amount in the settlement currency, that currency, and the exchange rate, if any."""
    rate = context.twin.settings.stripe_settlement.get(currency)
    if rate is None or currency == "usd":
        return amount, currency, None
    return converted(amount, currency, rate), "usd", rate


def _fee(amount: int, currency: str, description: str, kind: str) -> dict[str, Any]:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": description,
        "type": kind,
    }
