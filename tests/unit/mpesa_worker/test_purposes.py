"""The numbers of calls in callback paths."""

import pytest

from mpesa_method.purposes import Purpose, purpose_name


def test_purposes_keep_their_numbers() -> None:
    """They are in tokens, in notices and in tables; a time-out taken for a verdict moves money."""
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "STK_PUSH": 1, "PAYOUT": 2, "PAYOUT_TIMEOUT": 3, "STATUS": 4, "STATUS_TIMEOUT": 5,
        "REVERSAL": 6, "REVERSAL_TIMEOUT": 7, "RECORD": 8, "CONFIRMATION": 9,
    }  # fmt: skip
    assert len(set(Purpose.__members__.values())) == len(Purpose.__members__)


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "general"), (Purpose.PAYOUT, "payout"), (3, "payout_timeout"), (0, "0"), (10, "10")],
)
def test_a_number_is_shown_by_its_name(number: int | None, text: str) -> None:
    assert purpose_name(number) == text
