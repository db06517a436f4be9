"""Scenarios of MTN MoMo that end well in sound services."""

from collections.abc import Collection
from typing import Any

from tests.chaos.mutants.context import ScenarioContext

FORGED_THEN_REJECTS, HIDDEN = "306", "502"
"""Phones of the twin, by their endings."""


async def _pay(context: ScenarioContext, kind: str, amount: str, **terms: Any) -> str:
    ending = terms.pop("ending", "777")
    customer = terms.pop("customer_id", None) or context.merchant.customer()
    order = {
        "type": kind,
        "method": "mpesa",
        "amount": amount,
        "currency": "UGX",
        "customer_id": customer,
        "payment_method": {"phone": f"256772{int(customer[4:]) % 1000:03d}{ending}"},
        **terms,
    }
    return str((await context.merchant.make("/payments", order))["id"])


async def _ends(
    context: ScenarioContext, payment: str, ends: Collection[str] = ("completed", "failed")
) -> None:
    await context.merchant.reach(f"/payments/{payment}", {*ends, "in_review"})


async def momo_answer_lost(context: ScenarioContext) -> None:
    """MTN takes a payout; its answer is lost, and its callback too."""
    customer = context.merchant.customer()
    paid = await _pay(context, "deposit", "40000", customer_id=customer)
    await context.merchant.ends(paid)
    await context.fault("momo.transfer", "callback_lost")
    await context.fault("momo.transfer", "drop_after_effect")
    await _ends(context, await _pay(context, "withdrawal", "10000", customer_id=customer))


async def momo_forged_callback(context: ScenarioContext) -> None:
    """A forged success comes before the payer rejects."""
    await _ends(context, await _pay(context, "deposit", "40000", ending=FORGED_THEN_REJECTS))


async def momo_not_visible(context: ScenarioContext) -> None:
    """MTN does not show a request to pay for a while, which is then approved."""
    await _ends(context, await _pay(context, "deposit", "40000", ending=HIDDEN))


ALL = (momo_answer_lost, momo_forged_callback, momo_not_visible)
