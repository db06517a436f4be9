"""Withdraw bitcoin as a customer.

`request CUSTOMER AMOUNT` prints the payment's id; `end ID` mines blocks until it is final, and
prints its status.
"""

import asyncio
import os
import sys

from bitcoin_method.demo import Payer
from cift_local.customer import Merchant
from cift_shared.rails.local import FINAL

GATEWAY = "http://127.0.0.1:8080"
NODE = "http://bitcoin-node.cift-stand-ins.svc:8332"
WITHIN_S, LOOK_EVERY_S = 180, 1.0


async def request(merchant: Merchant, customer: str, amount: str) -> str:
    """The id of a withdrawal to somebody's wallet."""
    order = {
        "type": "withdrawal",
        "method": "bitcoin",
        "amount": amount,
        "currency": "BTC",
        "customer_id": customer,
        "payment_method": {"bitcoin_address": await Payer(NODE).receive()},
    }
    reply = await merchant.pay(order)
    return str(reply.raise_for_status().json()["id"])


async def end(merchant: Merchant, payment: str) -> str:
    """The status of a payment at its end."""
    async with asyncio.timeout(WITHIN_S):
        while (found := await merchant.get(f"/payments/{payment}"))["status"] not in FINAL:
            await Payer(NODE).mine()
            await asyncio.sleep(LOOK_EVERY_S)
    return str(found["status"])


async def main(what: str, *arguments: str) -> None:
    """Do it and print what it answers."""
    async with Merchant(GATEWAY, os.environ["CIFT_API_KEY"]) as merchant:
        if what == "request":
            customer, amount = arguments
            print(await request(merchant, customer, amount))
        else:
            [payment] = arguments
            print(await end(merchant, payment))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
