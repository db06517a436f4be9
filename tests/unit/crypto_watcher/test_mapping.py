"""Amounts of nodes are exact, and what is shown to payers."""

from decimal import Decimal

import pytest

from bitcoin_watcher.mapping import deposit_fee, rate_of, withdrawal_fee
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
        (Decimal("0.00000999"), "1"),  # less than the lowest
        (Decimal("0.00001001"), "1.001"),
        (Decimal("0.00500001"), "500"),
        (Decimal("0.00499999"), "499.999"),
        (Decimal(5), "500"),
        (Decimal(0), "20"),
        (Decimal(-1), "20"),
        (Decimal("NaN"), "20"),
        (Decimal("Infinity"), "20"),
        (1, "500"),
    ],
)
def test_rates_stay_between_their_limits(feerate: Decimal | None, expected: str) -> None:
    assert rate_of(feerate, **LIMITS) == Decimal(expected)


def test_the_fee_of_a_deposit_is_one_input_rounded_up() -> None:
    assert deposit_fee(Decimal(10)) == Money(680, "BTC")
    assert deposit_fee(Decimal("1.001")) == Money(69, "BTC")


def test_the_fee_of_a_withdrawal_is_its_usual_size_rounded_up() -> None:
    assert withdrawal_fee(Decimal(10)) == Money(2_090, "BTC")
    assert withdrawal_fee(Decimal("1.001")) == Money(210, "BTC")


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
    wanted = {
        "type": "pay_to_address",
        "address": FIRST,
        "amount": "0.00150000",
        "currency": "BTC",
        "network": "bitcoin:regtest",
        "uri": f"bitcoin:{FIRST}?amount=0.00150000",
        "qr_svg": qr_of(f"bitcoin:{FIRST}?amount=0.00150000"),
        "expires_at": CLOCK.now().isoformat(),
        "received": "0.00050000",
        "confirmations": "1",
        "confirmations_required": "3",
    }
    assert wanted.items() <= action.items()


@pytest.mark.parametrize(("length", "modules"), [(1, 21), (14, 21), (15, 25)])
def test_a_qr_code_is_a_full_one_that_survives_15_percent_of_damage(
    length: int, modules: int
) -> None:
    """Of level M, 14 bytes fit into the smallest code (ISO/IEC 18004, table 7)."""
    side = 4 * (modules + 2 * 4)  # four pixels a module, a margin of four modules
    assert f'width="{side}" height="{side}"' in qr_of("a" * length)
