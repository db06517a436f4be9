"""Payments that run in the cluster, each to the result it must have.

A scenario arms its fail point when what has to come before is done, and returns once the result is
there; it raises `WrongEnd` when that is not the result it must have.
"""

from typing import Any

from tests.chaos.clients.merchant_client import WrongEnd
from tests.chaos.scenarios.context import RICH, Scenario, ScenarioContext

PIN_S, SLOW_PIN_S = 17, 160
"""Seconds of the provider's until a payer has entered the PIN."""
ASKS, DECLINED = "pm_card_authenticationRequired", "pm_card_visa_chargeDeclined"
RETURN_URL = "https://shop.example/paid"


def deposit(method: str, **terms: Any) -> Scenario:
    """A deposit that is paid, whoever dies on its way."""

    async def scenario(context: ScenarioContext) -> None:
        context.arm()
        await context.merchant.ends(await context.merchant.pay(method, "deposit", **terms))

    return scenario


async def deposit_with_unknown_outcome(context: ScenarioContext) -> None:
    """A push nobody knows to be sent: never repeated, open, and asked about by a plan."""
    context.arm()
    payment_id = await context.merchant.pay("mpesa", "deposit")
    await _ends_or_is_open_by_plan(context, payment_id, ["completed", "expired"])


async def lost_callback(context: ScenarioContext) -> None:
    """A push that is paid, and nothing of it is heard: the provider's records bring it."""
    for kind in ("drop_after_effect", "callback_lost"):
        await context.control(
            "POST", "/control/faults", {"operation": "daraja.stk", "kind": kind, "times": 1}
        )
    payment_id = await context.merchant.pay("mpesa", "deposit")
    await _is_unknown_outcome(context, payment_id)
    context.arm()
    await context.merchant.ends(payment_id)


async def lost_callback_new_registration(context: ScenarioContext) -> None:
    """The same, while the registration for pulls has to be made again."""
    context.arm()
    await context.query("update mpesa.pull set registered_at = null, due_at = now()")
    await context.until(context.has_fired, "the registration")
    await context.merchant.ends(await context.merchant.pay("mpesa", "deposit"))


async def _is_unknown_outcome(context: ScenarioContext, payment_id: str) -> None:
    sql = "select state in ('unknown', 'done') from mpesa.attempt where payment_id = $1"

    async def is_unknown() -> Any:
        return await context.query(sql, payment_id)

    await context.until(is_unknown, "the loss of the answer")


async def _ends_or_is_open_by_plan(
    context: ScenarioContext, payment_id: str, ends: list[str]
) -> None:
    await context.merchant.ends(payment_id, [*ends, "processing"])
    timeline = await context.merchant.show(f"/payments/{payment_id}/timeline")
    if timeline["status"] == "processing" and timeline["next_check_at"] is None:
        raise WrongEnd(f"payment {payment_id}: open, and nobody will look at it")


async def declined_card(context: ScenarioContext) -> None:
    """The bank says no."""
    context.arm()
    declined = await context.merchant.pay("card", "deposit", payment_method={"token": DECLINED})
    await context.merchant.ends(declined, ["failed"])


async def withdrawal(context: ScenarioContext) -> None:
    """A payout."""
    context.arm()
    await _pay_out(context)


async def withdrawal_with_a_new_token(context: ScenarioContext) -> None:
    """A payout for which Daraja wants a fresh access token."""
    await context.control("POST", "/control/daraja/tokens/expire")
    context.arm()
    await _pay_out(context)


async def _pay_out(context: ScenarioContext) -> None:
    terms = {"amount": "20.00", "customer_id": RICH}
    await context.merchant.ends(await context.merchant.pay("mpesa", "withdrawal", **terms))


async def refused_payout(context: ScenarioContext) -> None:
    """A payout of a customer without money: the ledger refuses it."""
    wish = {
        "type": "withdrawal", "method": "mpesa", "amount": "20.00", "currency": "KES",
        "customer_id": context.merchant.customer(),
        "payment_method": {"phone": context.merchant.phone()},
    }  # fmt: skip
    context.arm()
    await _refused(context, "/payments", wish, "insufficient_funds")


async def refused_refund(context: ScenarioContext) -> None:
    """A refund of a payment that has failed: the gateway refuses it by itself."""
    failed = await context.merchant.pay("card", "deposit", payment_method={"token": DECLINED})
    await context.merchant.ends(failed, ["failed"])
    context.arm()
    await _refused(context, f"/payments/{failed}/refunds", {}, "not_refundable")


async def _refused(context: ScenarioContext, path: str, body: dict[str, Any], code: str) -> None:
    answer = await context.merchant.ask("POST", path, body, keyed=True)
    if answer.json().get("code") != code:
        raise WrongEnd(f"POST {path}: {answer.status_code} instead of {code}")


def refund(method: str, amount: str | None = None) -> Scenario:
    """A deposit given back, whole or in part."""

    async def scenario(context: ScenarioContext) -> None:
        paid = await _paid(context, method)
        context.arm()
        await context.merchant.ends(await context.merchant.refund(paid, amount))

    return scenario


async def _paid(context: ScenarioContext, method: str) -> str:
    """A deposit that has arrived, with its receipt: only then can it be reversed."""
    payment_id = await context.merchant.pay(method, "deposit")
    await context.merchant.ends(payment_id)
    await _reference(context, payment_id)
    return payment_id


async def _reference(context: ScenarioContext, payment_id: str) -> str:
    """The provider's name for a payment, once it is known."""

    async def name() -> Any:
        return (await context.merchant.show(f"/payments/{payment_id}"))["provider_reference"]

    return str(await context.until(name, "the provider's reference of a payment"))


async def late_callback(context: ScenarioContext) -> None:
    """A push that is paid a while later."""
    payment_id = await _prompted(context)
    context.arm()
    await context.merchant.ends(payment_id)


async def _prompted(context: ScenarioContext) -> str:
    """A push whose payer takes a while to enter the PIN."""
    await context.control("PATCH", "/control/settings", {"success_s": SLOW_PIN_S})
    payment_id = await context.merchant.pay("mpesa", "deposit")
    await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    await context.control("PATCH", "/control/settings", {"success_s": PIN_S})
    return payment_id


def verification(method: str) -> Scenario:
    """A customer asks to have the provider queried now; then the payer pays."""

    async def scenario(context: ScenarioContext) -> None:
        payment_id = await (_asked(context) if method == "card" else _prompted(context))
        reference = {"provider_reference": await _foreign_reference(context)}
        context.arm()
        path = f"/payments/{payment_id}/verify"
        answer = await context.merchant.ask("POST", path, reference)
        if answer.status_code not in (200, 202):
            raise WrongEnd(f"POST {path}: {answer.status_code}")
        await context.until(context.has_fired, "the death")
        if method == "card":
            await _approve(context, payment_id)
        await context.merchant.ends(payment_id)

    return scenario


async def _foreign_reference(context: ScenarioContext) -> str:
    """The provider's reference of another payment, which proves nothing of this one."""
    return await _reference(context, await _paid(context, "mpesa"))


async def three_d_secure(context: ScenarioContext) -> None:
    """A card whose holder is asked for, and says yes."""
    payment_id = await _asked(context)
    context.arm()
    await _approve(context, payment_id)
    await context.merchant.ends(payment_id)


async def _asked(context: ScenarioContext) -> str:
    terms = {"payment_method": {"token": ASKS}, "return_url": RETURN_URL}
    payment_id = await context.merchant.pay("card", "deposit", **terms)
    await context.merchant.reach(f"/payments/{payment_id}", ["requires_action"])
    return payment_id


async def _approve(context: ScenarioContext, payment_id: str) -> None:
    sql = "select memory->>'intent' from card.attempt where payment_id = $1"
    intent = await context.query(sql, payment_id)
    await context.control("POST", f"/control/stripe/challenges/{intent}", {"outcome": "approve"})


def cancellation(method: str, operation: str, kind: str) -> Scenario:
    """A deposit that is to be stopped while the provider takes nothing.

    A wish that meets a call on its way comes too late: then the deposit is paid in the end, or
    has an unknown outcome where the call was a push and its caller died.
    """

    async def scenario(context: ScenarioContext) -> None:
        async with context.fault(operation, kind):
            payment_id = await context.merchant.pay(method, "deposit")
            context.arm()
            await context.merchant.ask("POST", f"/payments/{payment_id}/cancel")
            await context.until(context.has_fired, "the death")
        if method == "mpesa":
            await _ends_or_is_open_by_plan(context, payment_id, ["canceled", "completed"])
        else:
            await context.merchant.ends(payment_id, ["canceled", "completed"])

    return scenario


async def dispute(context: ScenarioContext) -> None:
    """A payer objects to a deposit."""
    paid = await _paid(context, "card")
    context.arm()
    intent = await _reference(context, paid)
    await context.control("POST", f"/control/stripe/charges/{intent}/disputes", {})

    async def known() -> Any:
        disputes = (await context.merchant.show(f"/disputes?payment_id={paid}")).get("data", [])
        return any(found["withdrawn"] != "0.00" for found in disputes)

    await context.until(known, "the dispute")


async def refund_that_fails_later(context: ScenarioContext) -> None:
    """A refund that succeeded comes back."""
    refunded = await context.merchant.refund(await _paid(context, "card"))
    await context.merchant.ends(refunded)
    context.arm()
    made = await _reference(context, refunded)
    await context.control("POST", f"/control/stripe/refunds/{made}", {"status": "failed"})

    async def back() -> bool:
        return bool((await context.merchant.show(f"/payments/{refunded}"))["reversed"] != "0.00")

    await context.until(back, "the failure of the refund")


def after_a_kill(method: str) -> Scenario:
    """A worker dies anyhow, and again while it takes up what it had left."""

    async def scenario(context: ScenarioContext) -> None:
        context.arm()
        context.cluster.kill(context.service)
        await context.merchant.ends(await context.merchant.pay(method, "deposit"))

    return scenario


def no_result(method: str) -> Scenario:
    """A payment its worker does not speak of: its command goes out again."""

    async def scenario(context: ScenarioContext) -> None:
        payment_id = await (_asked(context) if method == "card" else _prompted(context))
        context.arm()
        sql = """update ledger.payment set next_check_at = now() - interval '1 hour'
                 where payment_id = $1"""

        async def swept() -> bool:
            # the worker has just named the time of its next question: that time is long over
            await context.query(sql, payment_id)
            return await context.has_fired()

        await context.until(swept, "the sweep")
        if method == "card":
            await _approve(context, payment_id)
        await context.merchant.ends(payment_id)

    return scenario
