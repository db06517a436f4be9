"""MTN MoMo in the demo: in each country a deposit, a refusal, a withdrawal, a refund of a part."""

from collections.abc import AsyncIterator
from typing import Any

from cift_shared.rails.local import Merchant, Step
from momo_method.countries import SHOWN, UGANDA, Country

_NUMBERS = {"UG": "256772000", "RW": "250788000"}
PAYS, REJECTS, NO_WALLET = "777", "451", "457"
"""Endings of the twin's phones, which choose what the phone does."""


def phone(country: Country, ending: str) -> str:
    """A phone of the twin."""
    return _NUMBERS[country.code] + ending


def amounts(country: Country) -> tuple[int, int, int]:
    """What the demo pays in, pays out and gives back, in whole units."""
    return (40_000, 10_000, 4_000) if country is UGANDA else (20_000, 5_000, 2_000)


def remains(country: Country) -> int:
    """The customer's balance after the demo, in whole units.

    A deposit less 2.5 %, a payout with its 2.5 %, a refund with its share of the deposit's fee.
    """
    paid_in, paid_out, given_back = amounts(country)
    return (paid_in - given_back) * 975 // 1000 - paid_out * 1025 // 1000


def play_in(country: Country) -> Any:
    """What makes the demo's payments in a country."""

    async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
        """Make every payment in turn."""
        paid_in, paid_out, given_back = amounts(country)
        place, name = country.code.lower(), country.name
        paid = await merchant.paid(_order(country, "deposit", paid_in, PAYS, customer))
        yield Step(
            f"momo_{place}_deposit", f"A deposit by {SHOWN} in {name}",
            "The customer asks for mpesa with a phone of this country; MTN carries it. The payer "
            "approves on the phone, and the status decides.",
            paid["status"], "completed", paid,
            (f"collection {paid_in} {country.currency}",),
        )  # fmt: skip
        refused = await merchant.paid(_order(country, "deposit", paid_in, REJECTS, customer))
        yield Step(
            f"momo_{place}_rejected", f"A deposit in {name} that the payer rejects",
            "Status FAILED with APPROVAL_REJECTED: a decline is an answer, not an error.",
            refused["status"], "failed", refused,
        )  # fmt: skip
        sent = await merchant.paid(_order(country, "withdrawal", paid_out, PAYS, customer))
        yield Step(
            f"momo_{place}_withdrawal", f"A withdrawal to a wallet in {name}",
            "MTN is asked first whether the number has a wallet; then the transfer goes out.",
            sent["status"], "completed", sent,
            (f"transfer {paid_out} {country.currency}",),
        )  # fmt: skip
        nobody = await merchant.paid(_order(country, "withdrawal", paid_out, NO_WALLET, customer))
        yield Step(
            f"momo_{place}_no_wallet", f"A withdrawal in {name} to a number without a wallet",
            "Nothing is sent, and the held amount and fee are free again.",
            nobody["status"], "failed", nobody,
        )  # fmt: skip
        asked = (await merchant.refund(paid["id"], str(given_back))).json()
        refund = await merchant.final(asked["id"])
        yield Step(
            f"momo_{place}_refund", f"The deposit in {name} refunded in part",
            "MTN refunds the collection by the id under which it was sent.",
            refund["status"], "completed", refund,
            (f"refund {given_back} {country.currency}",),
        )  # fmt: skip

    return play


def _order(country: Country, kind: str, units: int, ending: str, customer: str) -> dict[str, Any]:
    return {
        "type": kind,
        "method": "mpesa",
        "amount": str(units),
        "currency": country.currency,
        "customer_id": customer,
        "payment_method": {"phone": phone(country, ending), "country": country.code},
    }
