"""The amount policy of a rail is stored with each of its deposits; payments out are exact."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from cift_shared.ids import PaymentId
from cift_shared.messaging.instruments import Instrument
from cift_shared.money.fees import load_schedule
from cift_shared.rails.rail import AmountPolicy
from cift_shared.rails.registry import rails
from gateway.auth.authenticator import Caller
from gateway.payments.commands import Origin, payment_acceptance
from gateway.payments.requests import PaymentIn
from gateway.quotes.pricing import PriceRequest, quote

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PHONE = Instrument(kind="phone", display="2547****149", sealed="", country="KE")


@pytest.mark.parametrize(
    ("kind", "policy", "stored"),
    [
        ("deposit", "exact", "exact"),
        ("deposit", "as_received", "as_received"),
        ("withdrawal", "as_received", "exact"),
    ],
)
def test_it_is_stored_at_acceptance(kind: str, policy: AmountPolicy, stored: str) -> None:
    rail = replace(rails()["mpesa"], amount_policy=policy)
    order = PaymentIn.model_validate(
        {"type": kind, "method": "mpesa", "amount": "100", "currency": "KES", "customer_id": "c"}
    )
    price = quote(PriceRequest(order.type, rail, "100", "KES"), load_schedule(), at=NOW)
    origin = Origin(PaymentId(UUID(int=1)), Caller("k", "m", False, frozenset()), NOW)
    acceptance = payment_acceptance(order, rail, price, PHONE, origin)
    assert acceptance.row["amount_policy"] == stored
    assert acceptance.reply["requested_amount"] is None


def test_rails_are_exact_unless_they_say_otherwise() -> None:
    assert {rails()[name].amount_policy for name in ("mpesa", "card")} == {"exact"}
