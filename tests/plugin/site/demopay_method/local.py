"""DemoPay in the local stack: its worker, its twin, and the demo's payments."""

import secrets
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

from cift_shared.rails.local import LocalRail, Merchant, StackContext, Step, Twin, TwinBook

PAYS, DECLINES = "DP-1000-0001", "DP-1000-0402"


def environment(place: StackContext) -> Mapping[str, str]:
    """The variables of the worker, the gateway and the twin."""
    return {
        "DEMOPAY_API_BASE": place.twin,
        "DEMOPAY_WEBHOOK_URL": f"{place.gateway}/api/v1/webhooks/demopay",
    }


def _order(kind: str, amount: str, instrument: dict[str, str], customer: str) -> dict[str, Any]:
    return {"type": kind, "method": "demopay", "amount": amount, "currency": "ZAR",
            "customer_id": customer, "payment_method": instrument}  # fmt: skip


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """A deposit, a decline, a saved wallet, a withdrawal to it, a refund."""
    paid = await merchant.paid(_order("deposit", "100.00", {"account": PAYS}, customer))
    yield Step("demopay_deposit", "A deposit from a wallet", "DemoPay moves the money.",
               paid["status"], "completed", paid, ("in 10000 ZAR",))  # fmt: skip
    declined = await merchant.paid(_order("deposit", "50.00", {"account": DECLINES}, customer))
    yield Step("demopay_declined", "A wallet without money", "DemoPay declines.",
               declined["status"], "failed", declined)  # fmt: skip
    wish = {"method": "demopay", "customer_id": customer, "account": PAYS, "country": "ZA"}
    saved = await merchant.save_method(wish)
    yield Step("demopay_saved", "A wallet saved", "The gateway keeps it.",
               saved["status"], "active", saved)  # fmt: skip
    out = await merchant.paid(_order("withdrawal", "40.00", {"id": saved["id"]}, customer))
    yield Step("demopay_withdrawal", "A withdrawal to the saved wallet", "DemoPay pays out.",
               out["status"], "completed", out, ("out 4000 ZAR",))  # fmt: skip
    first = await merchant.paid(_order("deposit", "20.00", {"account": PAYS}, customer))
    asked = (await merchant.refund(first["id"], "5.00")).json()
    refunded = await merchant.final(asked["id"])
    yield Step("demopay_refund", "A part of a deposit refunded", "DemoPay gives it back.",
               refunded["status"], "completed", refunded,
               ("in 2000 ZAR", "out 500 ZAR"))  # fmt: skip


BOOK = TwinBook(
    "demopay",
    places=2,
    incoming=frozenset({"in", "reinstated"}),
    operations={"in": frozenset({"deposit"}), "out": frozenset({"withdrawal", "refund"})},
)

LOCAL = LocalRail(
    worker="demopay-worker",
    module="demopay_worker",
    port=8086,
    secrets={"DEMOPAY_WEBHOOK_SECRET": lambda: secrets.token_hex(24)},
    environment=environment,
    book=BOOK,
    twin=Twin("demopay-twin", "demopay_worker.twin", 8096),
    play=play,
    # 100 less 1, less 40 and 0.40, 20 less 0.20, less 5 with its share of the fee.
    final_balance={"ZAR": Decimal("73.45")},
)
"""The entry point `cift.local`."""
