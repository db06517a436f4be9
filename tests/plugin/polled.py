"""Use DemoPoll, the second rail of DemoPay's worker, while its provider does not answer."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from cift_local.customer import Merchant
from cift_local.stack import Stack
from cift_shared.messaging.topics import all_topics
from cift_shared.rails.local import Step, local_rails
from demopay_method.local import PAYS
from demopay_method.polled import HANGS, PAYS_ALL_THE_SAME, WAITS, order

CUSTOMER = "c_polled"
STUCK = 12
"""More payments than the worker works on at a time."""


async def seen_of_polled(stack: Stack, merchant: Merchant) -> tuple[list[Step], dict[str, Any]]:
    """The steps with money that moved, and what was seen."""
    steps = [step async for step in local_rails()["demopoll"].play(merchant, CUSTOMER)]
    beside, stuck = await paid_beside_a_stuck_rail(stack, merchant)
    late, canceled = await canceled_after_submit(merchant)
    paid, floats = await refused_while_the_float_is_low(stack, merchant)
    priced, network = await priced_with_the_network_fee(stack, merchant)
    return [*steps, *beside, late, paid, *priced], {
        "network": network,
        "float": floats,
        "canceled": canceled,
        "played": {step.name: (step.status, step.expected) for step in steps},
        "shown": [(step.payment["method"], step.payment["rail"]) for step in steps],
        "stuck": stuck,
        "topics": sorted(topic.name for topic in all_topics() if "demopoll" in topic.name),
    }


async def paid_beside_a_stuck_rail(
    stack: Stack, merchant: Merchant
) -> tuple[list[Step], dict[str, Any]]:
    """Pay by DemoPay while every call to DemoPoll hangs; at the end they all are answered."""
    wishes = [order("deposit", "1.00", HANGS, CUSTOMER) for _ in range(STUCK)]
    stuck = [(await merchant.pay(wish)).json()["id"] for wish in wishes]
    other = {**order("deposit", "30.00", PAYS, CUSTOMER), "currency": "ZAR"}
    paid = await merchant.paid(other)
    meanwhile = {(await merchant.get(f"/payments/{one}"))["status"] for one in stuck}
    async with httpx.AsyncClient() as http:
        await http.post(f"{stack.url('demopay-twin')}/control/release")
    after = [await merchant.final(one) for one in stuck]
    moved = [
        step("beside", paid, "in 3000 ZAR"),
        *(step("stuck", one, "in 100 GHS") for one in after),
    ]
    return moved, {
        "beside": paid["status"],
        "meanwhile": sorted(meanwhile),
        "after": sorted({one["status"] for one in after}),
    }


async def refused_while_the_float_is_low(
    stack: Stack, merchant: Merchant
) -> tuple[Step, dict[str, Any]]:
    """Ask for a withdrawal while DemoPoll has too little, and once more when it has enough."""
    wish = order("withdrawal", "12.00", PAYS, CUSTOMER)
    await set_float(stack, 49_99)
    low = await offered(merchant, available=False)
    refused = await merchant.pay(wish, key="once")
    deposits = await merchant.get("/payment-options")
    await set_float(stack, 50_00)
    again = await offered(merchant, available=True)
    paid = await merchant.final((await merchant.pay(wish, key="once")).json()["id"])
    return step("float", paid, "out 1200 GHS"), {
        "reasons": {name: option["unavailable_reason"] for name, option in low.items()},
        "deposits": [
            option["available"] for option in deposits["data"] if "demop" in option["rail"]
        ],
        "refused": (refused.status_code, refused.json()["code"], refused.headers["retry-after"]),
        "again": {name: option["available"] for name, option in again.items()},
    }


async def priced_with_the_network_fee(
    stack: Stack, merchant: Merchant
) -> tuple[list[Step], dict[str, Any]]:
    """Pay by a quote, and without one, after the network's fee has risen."""
    asked = {"type": "deposit", "method": "demopay", "amount": "10.00", "currency": "GHS"}
    quoted = await merchant.quote(asked)
    async with httpx.AsyncClient() as http:
        await http.post(f"{stack.url('demopay-twin')}/control/network-fee", json={"minor": 5})
    option = await option_with_another_fee(merchant, quoted["network_fee"])
    wish = order("deposit", "10.00", PAYS, CUSTOMER)
    kept = await merchant.paid({**wish, "quote_id": quoted["id"]})
    new = await merchant.paid(wish)
    moved = [step("quoted", kept, "in 1000 GHS"), step("risen", new, "in 1000 GHS")]
    terms = ("fee", "network_fee")
    timeline = await merchant.get(f"/payments/{new['id']}/timeline")
    (pricing,) = [item["detail"] for item in timeline["items"] if item["kind"] == "pricing"]
    return moved, {
        "quoted": [quoted[name] for name in terms],
        "option": [option[name] for name in terms],
        "fees": [kept["fee"], new["fee"]],
        "estimate": pricing["network_estimate"]["fee"],
    }


async def option_with_another_fee(merchant: Merchant, before: str) -> dict[str, Any]:
    """DemoPoll's option for a deposit, once a new estimate has reached the gateway."""
    path = "/payment-options?amount=10.00&currency=GHS"
    async with asyncio.timeout(60):
        while True:
            found = {one["rail"]: one for one in (await merchant.get(path))["data"]}
            if found["demopoll"]["network_fee"] not in (None, before):
                return dict(found["demopoll"])
            await asyncio.sleep(0.2)


async def set_float(stack: Stack, minor: int) -> None:
    """Change what DemoPoll says that we can pay out."""
    async with httpx.AsyncClient() as http:
        await http.post(f"{stack.url('demopay-twin')}/control/float", json={"GHS": minor})


async def offered(merchant: Merchant, *, available: bool) -> dict[str, Any]:
    """The options for withdrawals, once DemoPoll is available or not."""
    path = "/payment-options?type=withdrawal"
    async with asyncio.timeout(60):
        while True:
            found = (await merchant.get(path))["data"]
            options = {one["rail"]: one for one in found if "demop" in one["rail"]}
            if options["demopoll"]["available"] is available:
                return options
            await asyncio.sleep(0.2)


async def canceled_after_submit(merchant: Merchant) -> tuple[Step, dict[str, Any]]:
    """Cancel two payments that the provider has; one of them is paid all the same."""
    before = (await merchant.get(f"/customers/{CUSTOMER}/balances"))["balances"]
    canceled, payment = await cancel(merchant, order("withdrawal", "10.00", WAITS, CUSTOMER))
    after = (await merchant.get(f"/customers/{CUSTOMER}/balances"))["balances"]
    timeline = await merchant.get(f"/payments/{payment['id']}/timeline")
    too_late, paid = await cancel(merchant, order("deposit", "7.00", PAYS_ALL_THE_SAME, CUSTOMER))
    again = await merchant.cancel(paid["id"])
    return step("too_late", paid, "in 700 GHS"), {
        "answers": [canceled, too_late, again.status_code],
        "statuses": [payment["status"], paid["status"]],
        "money_is_back": before == after,
        "timeline": [item["name"] for item in timeline["items"]],
    }


async def cancel(merchant: Merchant, wish: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
    """Cancel a payment that the provider has; the answer, and the payment once it is over."""
    asked = (await merchant.pay(wish)).json()
    await merchant.reach(asked["id"], {"processing"})
    reply = await merchant.cancel(asked["id"])
    return reply.status_code, await merchant.final(asked["id"])


def step(name: str, payment: dict[str, Any], *moved: str) -> Step:
    """A payment that should complete."""
    return Step(name, "", "", payment["status"], "completed", payment, moved)
