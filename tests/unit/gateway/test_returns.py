"""Where a returning payer goes on to: the merchant's address, unchanged but for two parameters."""

from uuid import UUID

import pytest

from cift_shared.ids import PaymentId
from cift_shared.security.return_token import PayerReturn
from gateway.returns.service import redirect_url

PAYMENT = PaymentId(UUID(int=7))
ADDED = f"payment_id={PAYMENT}&payer=returned"


@pytest.mark.parametrize(
    ("return_url", "address"),
    [
        ("https://shop.example/paid", f"https://shop.example/paid?{ADDED}"),
        ("https://shop.example", f"https://shop.example?{ADDED}"),
        ("https://shop.example/?a=1&a=%20x&b", f"https://shop.example/?a=1&a=%20x&b&{ADDED}"),
        ("https://shop.example/#/cart", f"https://shop.example/?{ADDED}#/cart"),
        ("http://localhost:3000/x?y=", f"http://localhost:3000/x?y=&{ADDED}"),
    ],
)
def test_the_address_is_kept(return_url: str, address: str) -> None:
    assert redirect_url(return_url, PayerReturn(PAYMENT, canceled=False)) == address


def test_it_says_that_the_payer_canceled() -> None:
    address = redirect_url("https://shop.example/paid", PayerReturn(PAYMENT, canceled=True))
    assert address.endswith("payer=canceled")
