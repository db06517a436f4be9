"""Card numbers in strangers' text: found however they are dressed, and nothing else taken for one.

A card number has 13 to 19 digits, a check digit (ISO/IEC 7812-1 annex B), and begins with digits of
the scheme that issued it, in a length that this scheme uses. Spaces, dashes and dots between the
digits don't hide it, nor do digits of other scripts. All three must fit, because one number in ten
passes the check digit alone. What is plainly something else is passed over: UUIDs and digests in
hexadecimal, dates, decimal numbers, phones with the zero or the country they are called by.
"""

import re
import unicodedata
from collections.abc import Mapping
from itertools import accumulate
from urllib.parse import unquote

DIGITS_MIN = 13

# Source of both tables: "Payment card number" (Wikipedia), which collects those of the schemes.
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

# What may stand between the digits of one number; the invisible ones too.
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
# An amount: one point, and no more digits before it than any of our amounts has.
_DECIMAL = r"(?<![\w.,-])-?[0-9]{1,12}\.[0-9]{1,18}(?![\w-]|\.[0-9])"
# A phone as people write it, or several; no longer than numbers with a country code can be.
_LOCAL_PHONE = r"(?:(?:00)?254[ .-]?|0)[17][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}"
_PHONES = rf"(?<![0-9])(?<![0-9][ .-]){_LOCAL_PHONE}(?:{_GAP}{_LOCAL_PHONE})*(?![ .-]?[0-9])"
_WORLD_PHONE = rf"\+(?:[0-9](?:{_GAP})?){{7,13}}(?!(?:{_GAP})?[0-9])"
_SOMETHING_ELSE = re.compile(f"{_HEX_ID}|{_DATE}|{_DECIMAL}|{_PHONES}|{_WORLD_PHONE}")

_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def holds_card_number(text: str) -> bool:
    """True for text with a number that one of the big schemes could have issued."""
    if len(text) < DIGITS_MIN:
        return False
    plain = unicodedata.normalize("NFKC", _western(unquote(text)))
    if len(_NO_DIGITS.sub("", plain)) < DIGITS_MIN:
        return False
    numbers = _SOMETHING_ELSE.sub("|", plain)
    return any(_run_holds_card(run.group()) for run in _RUN.finditer(numbers))


def _western(text: str) -> str:
    """Digits of any script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(sign)) if sign.isdecimal() else sign for sign in text)


def _run_holds_card(run: str) -> bool:
    """Look at every stretch of whole groups that is as long as a card number."""
    groups = _GROUP.findall(run)
    digits, edges = "".join(groups), [0, *accumulate(map(len, groups))]
    ends = set(edges)
    return any(
        start + length in ends and _check_digit_fits(digits[start : start + length])
        for start in edges
        for length in _lengths_at(digits, start)
    )


def _lengths_at(digits: str, start: int) -> frozenset[int]:
    """How long a card number may be that begins here; none when no scheme begins so."""
    scheme = _SCHEME.match(digits, start)
    return _LENGTHS[scheme.lastgroup] if scheme and scheme.lastgroup else frozenset()


def _check_digit_fits(digits: str) -> bool:
    raw = digits.encode()
    every_second = raw[-2::-2].translate(_DOUBLED)
    return (sum(raw[-1::-2]) + sum(every_second) - len(raw) * ord("0")) % 10 == 0
