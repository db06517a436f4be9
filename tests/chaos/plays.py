"""Payments that can be played in the world, each to its right end.

A play arms its stage when what has to come before is done, and comes back once the end is there;
it raises `WrongEnd` when that is not the end it must have.
"""

from typing import Any

from tests.chaos.shop import WrongEnd
from tests.chaos.stage import RICH, Play, Stage

PIN_S, SLOW_PIN_S = 17, 160
"""Seconds of the provider's until a payer has entered the PIN."""
ASKS, DECLINED = "pm_card_authenticationRequired", "pm_card_visa_chargeDeclined"
RETURN_URL = "https://shop.example/paid"


def deposit(method: str, **terms: Any) -> Play:
    """A deposit that is paid, whoever dies on its way."""

    async def play(stage: Stage) -> None:
        stage.arm()
        await stage.shop.ends(await stage.shop.pay(method, "deposit", **terms))

    return play


async def deposit_in_the_dark(stage: Stage) -> None:
    """A push nobody knows to be sent: never repeated, open, and asked about by a plan."""
    stage.arm()
    payment_id = await stage.shop.pay("mpesa", "deposit")
    await _ends_or_is_open_by_plan(stage, payment_id, ["completed", "expired"])


async def limbo(stage: Stage) -> None:
    """A push that is paid, and nothing of it is heard: the provider's records bring it."""
    for kind in ("drop_after_effect", "callback_lost"):
        await stage.control(
            "POST", "/control/faults", {"operation": "daraja.stk", "kind": kind, "times": 1}
        )
    payment_id = await stage.shop.pay("mpesa", "deposit")
    await _in_limbo(stage, payment_id)
    stage.arm()
    await stage.shop.ends(payment_id)


async def limbo_registered_anew(stage: Stage) -> None:
    """The same, while the registration for pulls has to be made again."""
    stage.arm()
    await stage.query("update mpesa.pull set registered_at = null, due_at = now()")
    await stage.until(stage.has_fired, "the registration")
    await stage.shop.ends(await stage.shop.pay("mpesa", "deposit"))


async def _in_limbo(stage: Stage, payment_id: str) -> None:
    sql = "select state in ('unknown', 'done') from mpesa.attempt where payment_id = $1"

    async def is_unknown() -> Any:
        return await stage.query(sql, payment_id)

    await stage.until(is_unknown, "the loss of the answer")


async def _ends_or_is_open_by_plan(stage: Stage, payment_id: str, ends: list[str]) -> None:
    await stage.shop.ends(payment_id, [*ends, "processing"])
    timeline = await stage.shop.show(f"/payments/{payment_id}/timeline")
    if timeline["status"] == "processing" and timeline["next_check_at"] is None:
        raise WrongEnd(f"payment {payment_id}: open, and nobody will look at it")


async def declined_card(stage: Stage) -> None:
    """The bank says no."""
    stage.arm()
    declined = await stage.shop.pay("card", "deposit", payment_method={"token": DECLINED})
    await stage.shop.ends(declined, ["failed"])


async def withdrawal(stage: Stage) -> None:
    """A payout."""
    stage.arm()
    await _pay_out(stage)


async def withdrawal_with_a_new_token(stage: Stage) -> None:
    """A payout for which Daraja wants a fresh access token."""
    await stage.control("POST", "/control/daraja/tokens/expire")
    stage.arm()
    await _pay_out(stage)


async def _pay_out(stage: Stage) -> None:
    terms = {"amount": "20.00", "customer_id": RICH}
    await stage.shop.ends(await stage.shop.pay("mpesa", "withdrawal", **terms))


async def refused_payout(stage: Stage) -> None:
    """A payout of a customer without money: the ledger refuses it."""
    wish = {
        "type": "withdrawal", "method": "mpesa", "amount": "20.00", "currency": "KES",
        "customer_id": stage.shop.customer(), "payment_method": {"phone": stage.shop.phone()},
    }  # fmt: skip
    stage.arm()
    await _refused(stage, "/payments", wish, "insufficient_funds")


async def refused_refund(stage: Stage) -> None:
    """A refund of a payment that has failed: the gateway refuses it by itself."""
    failed = await stage.shop.pay("card", "deposit", payment_method={"token": DECLINED})
    await stage.shop.ends(failed, ["failed"])
    stage.arm()
    await _refused(stage, f"/payments/{failed}/refunds", {}, "not_refundable")


async def _refused(stage: Stage, path: str, body: dict[str, Any], code: str) -> None:
    answer = await stage.shop.ask("POST", path, body, keyed=True)
    if answer.json().get("code") != code:
        raise WrongEnd(f"POST {path}: {answer.status_code} instead of {code}")


def refund(method: str, amount: str | None = None) -> Play:
    """A deposit given back, whole or in part."""

    async def play(stage: Stage) -> None:
        paid = await _paid(stage, method)
        stage.arm()
        await stage.shop.ends(await stage.shop.refund(paid, amount))

    return play


async def _paid(stage: Stage, method: str) -> str:
    """A deposit that has arrived, with its receipt: only then can it be reversed."""
    payment_id = await stage.shop.pay(method, "deposit")
    await stage.shop.ends(payment_id)
    await _reference(stage, payment_id)
    return payment_id


async def _reference(stage: Stage, payment_id: str) -> str:
    """The provider's name for a payment, once it is known."""

    async def name() -> Any:
        return (await stage.shop.show(f"/payments/{payment_id}"))["provider_reference"]

    return str(await stage.until(name, "the provider's reference of a payment"))


async def late_callback(stage: Stage) -> None:
    """A push that is paid a while later."""
    payment_id = await _prompted(stage)
    stage.arm()
    await stage.shop.ends(payment_id)


async def _prompted(stage: Stage) -> str:
    """A push whose payer takes a while to enter the PIN."""
    await stage.control("PATCH", "/control/settings", {"success_s": SLOW_PIN_S})
    payment_id = await stage.shop.pay("mpesa", "deposit")
    await stage.shop.reach(f"/payments/{payment_id}", ["requires_action"])
    await stage.control("PATCH", "/control/settings", {"success_s": PIN_S})
    return payment_id


async def three_d_secure(stage: Stage) -> None:
    """A card whose holder is asked for, and says yes."""
    payment_id = await _asked(stage)
    stage.arm()
    await _approve(stage, payment_id)
    await stage.shop.ends(payment_id)


async def _asked(stage: Stage) -> str:
    terms = {"payment_method": {"token": ASKS}, "return_url": RETURN_URL}
    payment_id = await stage.shop.pay("card", "deposit", **terms)
    await stage.shop.reach(f"/payments/{payment_id}", ["requires_action"])
    return payment_id


async def _approve(stage: Stage, payment_id: str) -> None:
    sql = "select memory->>'intent' from card.attempt where payment_id = $1"
    intent = await stage.query(sql, payment_id)
    await stage.control("POST", f"/control/stripe/challenges/{intent}", {"outcome": "approve"})


def cancellation(method: str, operation: str, kind: str) -> Play:
    """A deposit that is to be stopped while the provider takes nothing.

    A wish that meets a call on its way comes too late: then the deposit is paid in the end, or is
    in the dark where the call was a push and its caller died.
    """

    async def play(stage: Stage) -> None:
        async with stage.fault(operation, kind):
            payment_id = await stage.shop.pay(method, "deposit")
            stage.arm()
            await stage.shop.ask("POST", f"/payments/{payment_id}/cancel")
            await stage.until(stage.has_fired, "the death")
        if method == "mpesa":
            await _ends_or_is_open_by_plan(stage, payment_id, ["canceled", "completed"])
        else:
            await stage.shop.ends(payment_id, ["canceled", "completed"])

    return play


async def dispute(stage: Stage) -> None:
    """A payer objects to a deposit."""
    paid = await _paid(stage, "card")
    stage.arm()
    intent = await _reference(stage, paid)
    await stage.control("POST", f"/control/stripe/charges/{intent}/disputes", {})

    async def known() -> Any:
        disputes = (await stage.shop.show(f"/disputes?payment_id={paid}")).get("data", [])
        return any(found["withdrawn"] != "0.00" for found in disputes)

    await stage.until(known, "the dispute")


async def refund_that_fails_later(stage: Stage) -> None:
    """A refund that succeeded comes back."""
    refunded = await stage.shop.refund(await _paid(stage, "card"))
    await stage.shop.ends(refunded)
    stage.arm()
    made = await _reference(stage, refunded)
    await stage.control("POST", f"/control/stripe/refunds/{made}", {"status": "failed"})

    async def back() -> bool:
        return bool((await stage.shop.show(f"/payments/{refunded}"))["reversed"] != "0.00")

    await stage.until(back, "the failure of the refund")


def after_a_kill(method: str) -> Play:
    """A worker dies anyhow, and again while it takes up what it had left."""

    async def play(stage: Stage) -> None:
        stage.arm()
        stage.world.kill(stage.service)
        await stage.shop.ends(await stage.shop.pay(method, "deposit"))

    return play


def silence(method: str) -> Play:
    """A payment its worker does not speak of: its command goes out again."""

    async def play(stage: Stage) -> None:
        payment_id = await (_asked(stage) if method == "card" else _prompted(stage))
        stage.arm()
        sql = """update ledger.payment set next_check_at = now() - interval '1 hour'
                 where payment_id = $1"""

        async def swept() -> bool:
            # the worker has just named the time of its next question: that time is long over
            await stage.query(sql, payment_id)
            return await stage.has_fired()

        await stage.until(swept, "the sweep")
        if method == "card":
            await _approve(stage, payment_id)
        await stage.shop.ends(payment_id)

    return play
