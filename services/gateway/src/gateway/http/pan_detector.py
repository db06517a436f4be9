"""Detect card numbers (PANs) in input; ignore UUIDs, digests, dates, decimal numbers and phones.

A card number has a check digit (ISO/IEC 7812-1 annex B), the prefix of a card scheme, and a length
that this scheme uses, from 13 to 19 digits. All three must match, because one number in ten has a
correct check digit by chance. A number is also detected with spaces, dashes and dots between the
digits, and in digits of other scripts. Text that is clearly something else is skipped: UUIDs and
digests in hexadecimal, dates, decimal numbers, phone numbers with their leading zero or country
code.
"""

import re
import unicodedata
from collections.abc import Mapping
from itertools import accumulate
from urllib.parse import unquote

DIGITS_MIN = 13

# Source of both tables: "Payment card number" (Wikipedia), which lists the schemes' own values.
_LENGTHS: Mapping[str, frozenset[int]] = {
    "visa": frozenset({13, 16, 19}),
    "mastercard": frozenset({16}),
    "amex": frozenset({15}),
    "diners": frozenset(range(14, 20)),
    "discover": frozenset(range(16, 20)),
    "jcb": frozenset(range(16, 20)),
    "unionpay": frozenset(range(16, 20)),
    "maestro": frozenset(range(13, 20)),
    "mir": frozenset(range(16, 20)),
    "rupay": frozenset({16}),
    "verve": frozenset({16, 18, 19}),
}
_PREFIXES: Mapping[str, str] = {
    "visa": r"4",
    "mastercard": r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720",
    "amex": r"3[47]",
    "diners": r"30[0-5]|3095|3[689]",
    "discover": r"6011|64[4-9]|65",
    "jcb": r"352[89]|35[3-8]",
    "unionpay": r"62|81",
    "maestro": r"50(?:18|20|38)|5893|6304|6759|676[1-3]",
    "mir": r"220[0-4]",
    "rupay": r"60|82|508[5-9]",
    "verve": r"5060|5061|507[89]",
}
_SCHEME = re.compile("|".join(f"(?P<{name}>{prefix})" for name, prefix in _PREFIXES.items()))

# Characters that may separate the digits of one number, invisible ones included.
_GAP = "[\\s.\\-\u2010-\u2015\u2212\u00b7\u2022\u200b-\u200d\u2060\ufeff]{1,3}"
_RUN = re.compile(rf"[0-9]+(?:{_GAP}[0-9]+)*")
_GROUP = re.compile("[0-9]+")
_NO_DIGITS = re.compile("[^0-9]+")

_HEX_ID = (
    r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=[0-9]*[a-fA-F])(?:[0-9a-fA-F]{24}|[0-9a-fA-F]{32,}))(?![0-9a-fA-F])"
)
_DATE = (
    r"(?<![0-9.-])(?:(?:19|20)\d\d[-.](?:0?[1-9]|1[0-2])[-.](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-.](?:0?[1-9]|[12]\d|3[01])[-.](?:19|20)\d\d)"
    r"(?![0-9]|[.-][0-9])"
)
# An amount: one decimal point, and at most as many digits before it as our amounts have.
_DECIMAL = r"(?<![\w.,-])-?[0-9]{1,12}\.[0-9]{1,18}(?![\w-]|\.[0-9])"
# One or several phone numbers with usual separators; not longer than with a country code.
_LOCAL_PHONE = r"(?:(?:00)?254[ .-]?|0)[17][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}"
_PHONES = rf"(?<![0-9])(?<![0-9][ .-]){_LOCAL_PHONE}(?:{_GAP}{_LOCAL_PHONE})*(?![ .-]?[0-9])"
_WORLD_PHONE = rf"\+(?:[0-9](?:{_GAP})?){{7,13}}(?!(?:{_GAP})?[0-9])"
# Phones before decimals: `0100000.000 0100000-362` is two phones, not an amount and half a phone.
_SOMETHING_ELSE = re.compile(f"{_HEX_ID}|{_DATE}|{_PHONES}|{_DECIMAL}|{_WORLD_PHONE}")

_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def holds_card_number(text: str) -> bool:
    """True for text with a number that one of the big card schemes could have issued."""
    if len(text) < DIGITS_MIN:
        return False
    plain = unicodedata.normalize("NFKC", _western(unquote(text)))
    if len(_NO_DIGITS.sub("", plain)) < DIGITS_MIN:
        return False
    numbers = _SOMETHING_ELSE.sub("|", plain)
    return any(_run_holds_card(run.group()) for run in _RUN.finditer(numbers))


def _western(text: str) -> str:
    """The text with digits of any script replaced by 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in text)


def _run_holds_card(run: str) -> bool:
    """Check every sequence of whole digit groups that is as long as a card number."""
    groups = _GROUP.findall(run)
    digits, edges = "".join(groups), [0, *accumulate(map(len, groups))]
    ends = set(edges)
    return any(
        start + length in ends and _check_digit_fits(digits[start : start + length])
        for start in edges
        for length in _lengths_at(digits, start)
    )


def _lengths_at(digits: str, start: int) -> frozenset[int]:
    """The possible lengths of a card number that begins here; empty without a scheme's prefix."""
    scheme = _SCHEME.match(digits, start)
    return _LENGTHS[scheme.lastgroup] if scheme and scheme.lastgroup else frozenset()


def _check_digit_fits(digits: str) -> bool:
    raw = digits.encode()
    every_second = raw[-2::-2].translate(_DOUBLED)
    return (sum(raw[-1::-2]) + sum(every_second) - len(raw) * ord("0")) % 10 == 0
