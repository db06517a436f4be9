"""A price is fee and net together, and never eats the whole amount."""

from datetime import UTC, datetime

import pytest

from cift_shared.errors import InvalidCommand
from cift_shared.fees import FeeRule, FeeSchedule, load_schedule
from gateway.pricing import Ask, quote

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "amount", "fee", "net"),
    [
        ("deposit", "100", 250, 97_50),
        ("withdrawal", "100.00", 250, 102_50),
        ("deposit", "1", 3, 97),
    ],
)
def test_quote(kind: str, amount: str, fee: int, net: int) -> None:
    price = quote(Ask(kind, "mpesa", amount, "KES"), load_schedule(), at=NOW)
    assert (price.fee.minor, price.net.minor) == (fee, net)
    assert price.estimated_arrival > NOW


@pytest.mark.parametrize(
    ("ask", "code", "pointer"),
    [
        (Ask("deposit", "cash", "1", "KES"), "method_unavailable", "/method"),
        (Ask("deposit", "mpesa", "1", "UGX"), "currency_unsupported", "/currency"),
        (Ask("deposit", "mpesa", "1", "XXX"), "currency_unknown", "/currency"),
        (Ask("deposit", "mpesa", "1.50", "KES"), "amount_not_whole", "/amount"),
        (Ask("deposit", "mpesa", "250001", "KES"), "amount_out_of_limits", "/amount"),
    ],
)
def test_refused(ask: Ask, code: str, pointer: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        quote(ask, load_schedule(), at=NOW)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_fee_that_eats_the_deposit() -> None:
    rule = FeeRule.model_validate(
        {"method": "mpesa", "direction": "deposit", "percent": "0",
         "fixed": {"amount": "5.00", "currency": "KES"}, "valid_from": NOW}
    )  # fmt: skip
    with pytest.raises(InvalidCommand) as refused:
        quote(Ask("deposit", "mpesa", "5", "KES"), FeeSchedule((rule,)), at=NOW)
    assert refused.value.code == "amount_out_of_limits"
