"""However a Kenyan writes a mobile number, it becomes the one form that the provider takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand
from mpesa_method.phones import KENYA

CANONICAL = "254712345678"


@pytest.mark.parametrize(
    "written",
    ["0712345678", "712345678", "254712345678", "+254712345678", "00254712345678",
     "0712 345 678", "0712-345-678", "(0712) 345.678", "+254 712 345 678", "254-712345678"],
)  # fmt: skip
def test_a_kenyan_number_is_read_in_each_spelling(written: str) -> None:
    assert KENYA.normalised(written, "KE") == CANONICAL


def test_numbers_that_begin_with_01_are_mobile_numbers() -> None:
    assert KENYA.normalised("0112345678", "KE") == "254112345678"


@pytest.mark.parametrize(
    "written",
    ["", "0812345678", "0900123456", "07123456789", "071234567", "+255712345678", "2540712345678",
     "+0712345678", "٠٧١٢٣٤٥٦٧٨", "0712345678\n", "0712345678;ext=1",
     "tel:0712345678", "0x712345678"],
)  # fmt: skip
def test_not_a_kenyan_mobile(written: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        KENYA.normalised(written, "KE", "/payment_method")
    assert (refused.value.code, refused.value.pointer) == ("phone_invalid", "/payment_method/phone")


@pytest.mark.parametrize("country", ["TZ", "ke", "", "XX"])
def test_another_country_is_refused(country: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        KENYA.normalised("0712345678", country)
    assert (refused.value.code, refused.value.pointer) == ("country_unsupported", "/country")


@given(st.text(max_size=32))
def test_anything_else_is_refused_or_canonical(text: str) -> None:
    try:
        number = KENYA.normalised(text, "KE")
    except InvalidCommand:
        return
    assert len(number) == 12
    assert number.isascii()
    assert number.startswith(("2547", "2541"))
