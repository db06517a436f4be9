"""`cift canary`: a payment of the smallest amount over the public HTTP API, and its refund."""

import asyncio
import time
from decimal import Decimal
from typing import Any

import click

from cift_shared.cli.api import KEY, Api, open_api
from cift_shared.cli.command import command
from cift_shared.cli.errors import Exit, WrongInput, environment
from cift_shared.cli.output import Output
from cift_shared.cli.payments import FINAL, payment_method_of, payment_method_options
from cift_shared.errors import ServerRefused
from cift_shared.ids import SystemIds

CUSTOMER = "canary"
_LIVE_KEY = "cift_live_"
_LOOK_S = 1.0
_LINE = 200


@command("canary")
@click.argument("method")
@click.option("--currency", required=True, help="ISO 4217, like KES.")
@payment_method_options
@click.option("--amount", help="Decimal text; default: the smallest that the method moves.")
@click.option("--timeout", type=click.IntRange(1, 86_400), default=300, show_default=True,
              help="Seconds to wait for each end.")  # fmt: skip
@click.option("--no-refund", is_flag=True, help="Leave the money where it is.")
@click.option("--yes", is_flag=True, help="Required with a live key: real money moves.")
async def canary(
    method: str,
    currency: str,
    amount: str | None,
    timeout: int,  # noqa: ASYNC109  the name of the option
    no_refund: bool,
    yes: bool,
    **source: Any,
) -> Output:
    """Make the smallest deposit by METHOD, wait for its end, and refund it.

    Somebody must confirm the deposit where its method asks for it (phone, page, address): what the
    payer needs is printed. Exits with 1 unless the deposit is completed and, where the method
    refunds, the refund too.
    """
    if environment(KEY).startswith(_LIVE_KEY) and not yes:
        raise WrongInput(f"{KEY} is a live key: with --yes, real money moves")
    async with open_api() as api:
        order = {
            "type": "deposit",
            "method": method,
            "currency": currency,
            "amount": amount or await _smallest(api, method, currency, source.get("country")),
            "customer_id": CUSTOMER,
            "payment_method": payment_method_of(source),
            "metadata": {"canary": "true"},
        }
        deposit = await _made(api, "/payments", order, timeout)
        refund = None
        if deposit["status"] == "completed" and not no_refund:
            refund = await _refunded(api, deposit, timeout)
    return _output(deposit, refund)


async def _smallest(api: Api, method: str, currency: str, country: str | None) -> str:
    """The smallest deposit of the method in a currency.

    Raises:
        WrongInput: the method does not move it, or moves it nowhere in that country.
    """
    wanted = {"type": "deposit", "currency": currency, **({"country": country} if country else {})}
    options = (await api.get("/payment-options", wanted))["data"]
    found = [one["limits"]["min"] for one in options if one["method"] == method]
    if not found:
        raise WrongInput(f"no deposit by {method} in {currency}; see GET /payment-options")
    return str(min(found, key=Decimal))


async def _made(api: Api, path: str, order: dict[str, Any], timeout_s: int) -> dict[str, Any]:
    """Make a payment and follow it to its end, or until the time is over.

    Returns:
        The payment as last seen, with `seconds` from the request on.
    """
    began = time.monotonic()
    key = f"canary-{SystemIds().new_id()}"
    click.echo(f"idempotency key: {key}", err=True)
    payment = await api.post(path, order, {"Idempotency-Key": key})
    needed = None
    while payment["status"] not in FINAL and time.monotonic() < began + timeout_s:
        if payment["next_action"] and needed is None:
            needed = payment["next_action"]
            click.echo(f"the payer needs: {_short(needed)}", err=True)
        await asyncio.sleep(_LOOK_S)
        payment = await api.get(f"/payments/{payment['id']}")
    return {**payment, "seconds": round(time.monotonic() - began, 1)}


def _short(action: dict[str, Any]) -> str:
    """The fields of a next action that fit on a line; a QR code does not."""
    texts = {name: str(value) for name, value in action.items() if value is not None}
    return ", ".join(f"{name} {text}" for name, text in texts.items() if len(text) <= _LINE)


async def _refunded(api: Api, deposit: dict[str, Any], timeout_s: int) -> dict[str, Any] | None:
    """The refund of a deposit; None where its method refunds nothing."""
    try:
        return await _made(api, f"/payments/{deposit['id']}/refunds", {}, timeout_s)
    except ServerRefused as error:
        if f"{deposit['method']}_refund_unsupported" not in str(error):
            raise
        click.echo(f"not refunded: {error}", err=True)
        return None


def _output(deposit: dict[str, Any], refund: dict[str, Any] | None) -> Output:
    made = {"deposit": deposit, **({"refund": refund} if refund else {})}
    lines = [
        f"{name} {one['id']}: {one['status']} after {one['seconds']} s, "
        f"{one['amount']} {one['currency']}{_reason(one)}"
        for name, one in made.items()
    ]
    good = all(one["status"] == "completed" for one in made.values())
    ids = [one["id"] for one in made.values()]
    return Output(made, lines, ids, Exit.OK if good else Exit.FINDING)


def _reason(payment: dict[str, Any]) -> str:
    failure = payment["failure"]
    return f": {failure['code']}, {failure['message']}" if failure else ""
