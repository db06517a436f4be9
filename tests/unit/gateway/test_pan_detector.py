"""Every card number is found, whatever is written around it; no other number is taken for one."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.http.pan_detector import holds_card_number

CARD = "4242424242424242"

# The published test cards of every scheme that we know: none belongs to anybody.
TEST_CARDS = [
    "4242424242424242", "4000056655665556", "4222222222222", "5555555555554444",
    "2223003122003222", "5200828282828210", "5105105105105100", "378282246310005",
    "371449635398431", "6011111111111117", "6011000990139424", "6011981111111113",
    "3056930009020004", "36227206271667", "6555900000604105", "3566002020360505",
    "6200000000000005", "6200000000000047", "6205500000000000004", "2200000000000053",
    "5018000000000009", "5060990580000217499",
]  # fmt: skip

# Scheme: some beginnings, and the lengths that it uses.
SCHEMES = {
    "visa": (["4"], [13, 16, 19]),
    "mastercard": (["51", "55", "2221", "2300", "2699", "2720"], [16]),
    "amex": (["34", "37"], [15]),
    "diners": (["300", "305", "3095", "36", "38", "39"], [14, 16, 19]),
    "discover": (["6011", "644", "649", "65"], [16, 19]),
    "jcb": (["3528", "3589"], [16, 19]),
    "unionpay": (["62", "81"], [16, 17, 18, 19]),
    "maestro": (["5018", "6304", "6759"], [13, 16, 19]),
    "mir": (["2200", "2204"], [16, 19]),
    "rupay": (["60", "82", "508500"], [16]),
    "verve": (["506099", "507865"], [16, 18, 19]),
}


def luhn(digits: str) -> str:
    """The digits with the check digit that makes them valid."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    """A valid number of some scheme."""
    beginnings, lengths = draw(st.sampled_from(list(SCHEMES.values())))
    beginning, length = draw(st.sampled_from(beginnings)), draw(st.sampled_from(lengths))
    rest = length - len(beginning) - 1
    digits = draw(st.text("0123456789", min_size=rest, max_size=rest))
    return luhn(beginning + digits)


@st.composite
def dressed(draw: st.DrawFn) -> str:
    """A card number as somebody may write it."""
    number = draw(card_numbers())
    gap = draw(st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "\u2013", "\u200b"]))
    size = draw(st.integers(3, 6))
    groups = [number[start : start + size] for start in range(0, len(number), size)]
    before = draw(st.sampled_from(["", "card ", "x", "no.", "(", "https://shop.example/", "é"]))
    after = draw(st.sampled_from(["", " please", "y", ")", "?a=1", ", 12/27"]))
    return before + gap.join(groups) + after


@given(card_numbers())
def test_every_card_number_is_seen(number: str) -> None:
    assert holds_card_number(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not holds_card_number(wrong)


@given(dressed())
def test_a_card_number_with_any_separators_is_found(text: str) -> None:
    assert holds_card_number(text)


@given(card_numbers(), st.integers(1, 5))
def test_a_card_number_in_other_scripts_is_found(number: str, script: int) -> None:
    zero = [0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE][script - 1]
    assert holds_card_number("".join(chr(zero + int(digit)) for digit in number))


@pytest.mark.parametrize("number", TEST_CARDS)
def test_published_test_cards(number: str) -> None:
    assert holds_card_number(number)


@pytest.mark.parametrize(
    "text",
    ["4242 4242 4242 4242", "4242-4242-4242-4242", "4242.4242.4242.4242", "3782 822463 10005",
     f"pay{CARD}now", f"order 12 {CARD}", f"12-{CARD}", f"{CARD}, 7", f"+{CARD}",
     "+4242 4242 4242 4242", f"{CARD}.00", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
     "a=1&b=4242%204242%204242%204242", "4242\n4242\n4242\n4242"],
)  # fmt: skip
def test_a_card_number_among_other_characters_is_found(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    ["", "1234", "0" * 16, CARD + "12345", "2025-11-15 10:30:00", "30.01.2025 - 05.02.2025",
     "2025-11-15 2025-11-16", "1763200000000", "1763200000000000", "1763200000000000000",
     "019a5f6e-3c1d-7a2b-9c3d-424242424242", "deadbeef" + CARD + "deadbeef0",
     "order_019a5f6e-3c1d-7a2b-9c3d-424242424242", "507f1f77bcf86cd799439011", "pm_card_visa",
     "4242424242424241", "evt_1QaBcDeFgHiJkLmN", "NLJ7RT61SV"],
)  # fmt: skip
def test_other_numbers_are_not_taken_for_card_numbers(text: str) -> None:
    assert not holds_card_number(text)


@given(st.uuids(), st.sampled_from(["", "pm_", "payment ", "order-", "x"]))
def test_ids_are_no_cards(some_id: UUID, before: str) -> None:
    assert not holds_card_number(f"{before}{some_id}")
    assert not holds_card_number(f"{before}{some_id} of the day")


@given(st.integers(0, 10**12 - 1), st.integers(0, 18), st.integers(0, 10**18 - 1))
@example(4, 18, 242424242424242424)
@example(0, 16, 4242424242424242)
def test_amounts_are_no_cards(whole: int, places: int, fraction: int) -> None:
    text = f"{whole}.{fraction:018d}"[: len(str(whole)) + 1 + places] if places else str(whole)
    assert not holds_card_number(text.rstrip("."))
    assert not holds_card_number(f"pays {text} ETH")


KENYAN = st.builds(
    lambda lead, digits: f"{lead}{digits}",
    st.sampled_from(["0", "254", "+254", "00254", "+254 ", "254-"]),
    st.from_regex(r"[17][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}", fullmatch=True),
)


@given(st.lists(KENYAN, min_size=1, max_size=4), st.sampled_from([" ", ", ", " or ", "\n", " - "]))
@example(["0100000.000", "0100000-362", "254120000000"], " ")
def test_phones_are_no_cards(phones: list[str], between: str) -> None:
    assert not holds_card_number(between.join(phones))


@given(
    st.text("0123456789", min_size=6, max_size=12),
    st.integers(1, 9),
    st.sampled_from(["", " ", "-", "."]),
    st.integers(2, 4),
)
@example("222222222222", 4, "", 4)
def test_phones_of_the_world_are_no_cards(rest: str, first: int, gap: str, size: int) -> None:
    """Up to 13 digits after a plus: also Visa's old length, as German and Austrian phones have."""
    digits = f"{first}{rest}"
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    assert not holds_card_number(f"+{gap.join(groups)}")
    assert not holds_card_number(f"call +{gap.join(groups)}, please")


@given(st.integers(2001, 2099), st.integers(1, 12), st.integers(1, 28), st.integers(0, 86_399))
def test_times_are_no_cards(year: int, month: int, day: int, second: int) -> None:
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    assert not holds_card_number(f"{year}-{month:02}-{day:02} {clock}")
    assert not holds_card_number(f"{year}-{month:02}-{day:02}T{clock}.123456Z")
    assert not holds_card_number(f"{day:02}.{month:02}.{year} {day:02}.{month:02}.{year}")
    assert not holds_card_number(f"{year}{month:02}{day:02}{clock.replace(':', '')}")
