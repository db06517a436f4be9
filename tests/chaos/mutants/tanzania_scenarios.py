"""Scenarios of M-Pesa Tanzania that end well in sound services."""

from tests.chaos.mutants.context import ScenarioContext

PAYS, FORGED = "255754123456", "255754123306"
"""Phones of the twin: for the second one, a forged success comes before the payer cancels."""


async def _pay(
    context: ScenarioContext, kind: str, amount: str, phone: str, customer: str | None = None
) -> str:
    order = {
        "type": kind,
        "method": "mpesa",
        "amount": amount,
        "currency": "TZS",
        "customer_id": customer or context.merchant.customer(),
        "payment_method": {"phone": phone, "country": "TZ"},
    }
    return str((await context.merchant.make("/payments", order))["id"])


async def tanzania_duplicate_key(context: ScenarioContext) -> None:
    """Vodacom takes a deposit, its answer is lost, and the first query tells nothing."""
    await context.fault("vodacom.c2b", "drop_after_effect")
    await context.fault("vodacom.query", "internal_error")
    payment = await _pay(context, "deposit", "20000.00", PAYS)
    await context.merchant.ends(payment, ["completed", "failed"])


async def tanzania_forged_notice(context: ScenarioContext) -> None:
    """A forged notice reports success, and the payer cancels."""
    payment = await _pay(context, "deposit", "20000.00", FORGED)
    await context.merchant.ends(payment, ["failed", "completed"])


async def tanzania_payout_answer_lost(context: ScenarioContext) -> None:
    """Vodacom takes a payout, and its answer is lost."""
    customer = context.merchant.customer()
    await context.merchant.ends(await _pay(context, "deposit", "20000.00", PAYS, customer))
    await context.fault("vodacom.b2c", "drop_after_effect")
    payment = await _pay(context, "withdrawal", "5000.00", PAYS, customer)
    await context.merchant.ends(payment)


ALL = (tanzania_duplicate_key, tanzania_forged_notice, tanzania_payout_answer_lost)
"""In the order in which they are played."""
