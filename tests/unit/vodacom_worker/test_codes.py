"""The table of codes: complete, and the same in the document."""

import re
from pathlib import Path

import pytest

from vodacom_worker import codes
from vodacom_worker.codes import Meaning

DOCUMENT = Path(__file__).parents[3] / "docs" / "mpesa-tanzania.md"
DOCUMENTED = [
    *(f"INS-{n}" for n in (0, 1, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 26, 28)),
    *(f"INS-{n}" for n in (30, 31, 35, *range(989, 1000), 2001, 2002, 2006, 2051)),
]


def test_every_documented_code_is_listed() -> None:
    assert sorted(codes.MEANINGS) == sorted(DOCUMENTED)


def test_the_document_lists_the_same() -> None:
    rows = re.findall(r"^\| `(INS-\d+)` \| (\w+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert dict(rows) == {code: meaning.value for code, meaning in codes.MEANINGS.items()}


def test_every_refusal_has_a_text_for_the_customer() -> None:
    refusals = {
        code
        for code, meaning in codes.MEANINGS.items()
        if meaning in (Meaning.REFUSED, Meaning.DECLINED)
    }
    assert refusals == set(codes.FAILURES)


@pytest.mark.parametrize("code", ["INS-1", "INS-9", "INS-10", "INS-23"])
def test_what_says_nothing_about_the_money_is_no_refusal(code: str) -> None:
    assert codes.MEANINGS[code] in (Meaning.UNKNOWN, Meaning.DUPLICATE)
