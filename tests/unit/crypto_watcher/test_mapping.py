"""Amounts of nodes are exact, and what is shown to payers."""

from decimal import Decimal

import pytest

from bitcoin_watcher.mapping import deposit_fee, rate_of
from bitcoin_watcher.next_action import uri_of
from chain_watch.next_action import pay_to_address, qr_of
from cift_shared.money.amount import Money
from tests.support.bitcoin import FIRST
from tests.support.commands import CLOCK

LIMITS = {"lowest": 1, "highest": 500, "instead": 20}


@pytest.mark.parametrize(
    ("feerate", "expected"),
    [
        (None, "20"),
        (Decimal("0.00010000"), "10"),
        (Decimal("0.00000100"), "1"),
        (Decimal(5), "500"),
        (Decimal(0), "20"),
        (Decimal(-1), "20"),
        (Decimal("NaN"), "20"),
    ],
)
def test_rates_stay_between_their_limits(feerate: Decimal | None, expected: str) -> None:
    assert rate_of(feerate, **LIMITS) == Decimal(expected)


def test_the_fee_of_a_deposit_is_one_input_rounded_up() -> None:
    assert deposit_fee(Decimal(10)) == Money(680, "BTC")
    assert deposit_fee(Decimal("1.001")) == Money(69, "BTC")


def test_the_address_for_wallets_has_the_exact_amount() -> None:
    assert uri_of(FIRST, Money(1, "BTC")) == f"bitcoin:{FIRST}?amount=0.00000001"
    assert uri_of(FIRST, Money(123_456_789, "BTC")).endswith("?amount=1.23456789")


def test_the_qr_code_is_an_image_without_a_script() -> None:
    image = qr_of(uri_of(FIRST, Money(1, "BTC")))
    assert image.startswith("<svg")
    assert "<script" not in image
    assert len(image) < 8_000


def test_the_next_action_says_everything_a_payer_needs() -> None:
    action = pay_to_address(
        FIRST,
        Money(150_000, "BTC"),
        uri=uri_of(FIRST, Money(150_000, "BTC")),
        network="bitcoin:regtest",
        expires_at=CLOCK.now(),
        progress={
            "received": "0.00050000", "confirmations": "1", "confirmations_required": "3",
        },
    )  # fmt: skip
    assert action["type"] == "pay_to_address"
    assert action["amount"] == "0.00150000"
    assert action["received"] == "0.00050000"
    assert (action["confirmations"], action["confirmations_required"]) == ("1", "3")
    assert action["network"] == "bitcoin:regtest"
    assert action["expires_at"] == CLOCK.now().isoformat()
