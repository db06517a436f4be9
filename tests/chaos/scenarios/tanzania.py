"""M-Pesa Tanzania: deposits, a payout, a refund in part, an answer that is lost, a new session."""

from typing import Any

from tests.chaos.scenarios.context import ScenarioContext

PAYS, SLOW = "255754123456", "255754123303"
"""Phones of the twin: the second one's notice comes late."""
_CONTROL = "/control/vodacom"


async def deposit(context: ScenarioContext) -> None:
    """A deposit that is paid, whoever dies on its way."""
    context.arm()
    await _pay_in(context)


async def late_notice(context: ScenarioContext) -> None:
    """A deposit whose notice comes long after its query has settled it."""
    context.arm()
    await _pay_in(context, SLOW)


async def answer_lost(context: ScenarioContext) -> None:
    """Vodacom takes a request, and its answer is lost: the key finds it."""
    async with context.fault("vodacom.c2b", "drop_after_effect"):
        context.arm()
        await _pay_in(context)


async def withdrawal(context: ScenarioContext) -> None:
    """A payout."""
    customer = context.merchant.customer()
    await _pay_in(context, customer=customer)
    context.arm()
    payment_id = await _order(context, "withdrawal", "5000.00", PAYS, customer)
    await context.merchant.ends(payment_id)


async def refund_in_part(context: ScenarioContext) -> None:
    """A part of a deposit is reversed, once its receipt is known."""
    paid = await _pay_in(context)

    async def receipt() -> Any:
        return (await context.merchant.show(f"/payments/{paid}"))["provider_reference"]

    await context.until(receipt, "the receipt of a deposit")
    context.arm()
    await context.merchant.ends(await context.merchant.refund(paid, "3000.00"))


async def new_session(context: ScenarioContext) -> None:
    """A deposit for which another session is needed."""
    await context.query("delete from mpesa_tz.session returning true")
    await context.control("POST", f"{_CONTROL}/sessions/expire")
    context.arm()
    context.cluster.kill(context.service)
    await _pay_in(context)


async def _pay_in(
    context: ScenarioContext, phone: str = PAYS, *, customer: str | None = None
) -> str:
    customer = customer or context.merchant.customer()
    payment_id = await _order(context, "deposit", "20000.00", phone, customer)
    await context.merchant.ends(payment_id)
    return payment_id


async def _order(
    context: ScenarioContext, kind: str, amount: str, phone: str, customer: str
) -> str:
    order = {
        "type": kind, "method": "mpesa", "amount": amount, "currency": "TZS",
        "customer_id": customer, "payment_method": {"phone": phone, "country": "TZ"},
    }  # fmt: skip
    return str((await context.merchant.make("/payments", order))["id"])
