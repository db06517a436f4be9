"""Reading JSON from strangers: strictly, bounded in depth, and without card numbers.

Python's reader would take NaN, repeated keys, lone surrogates and any depth; none of them may
reach the database or the hash that tells two requests apart.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from cift_shared.log import looks_like_card
from gateway.problems import Problem, body_problem, pointer_to

DEPTH_MAX = 20

# Ids and digests in hexadecimal may hold digits enough by chance.
_HEX_ID = re.compile(
    r"(?<!\w)(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{32,})(?!\w)"
)
_DIGIT_GROUPS = re.compile(r"\d{3,}(?:[ -]\d{3,})*")
_CARD_DIGITS_MIN, _CARD_DIGITS_MAX = 13, 19
# Phones have a check of their own, which refuses everything that is long enough for a card.
_CHECKED_ELSEWHERE = {("payment_method", "phone"), ("phone",)}
_Path = tuple[object, ...]


def read_json(body: bytes) -> Any:
    """The document in a body.

    Raises:
        Problem: not JSON, a repeated key, a number that is none, too deep, text that can't be
            stored, or a card number.
    """
    if not body:
        raise Problem("json_malformed", "The body is empty.")
    try:
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=_object_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Problem("json_malformed") from error
    for path, text in _texts(document):
        _check_text(path, text)
    return document


def _object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Problem("json_refused", "A key appears twice in one object.")
    return members


def _no_constant(_: str) -> Any:
    raise Problem("json_refused", "NaN and Infinity are not JSON.")


def _texts(document: Any) -> Iterator[tuple[_Path, str]]:
    """Every string of the document, keys included, with its place."""
    waiting: list[tuple[_Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEPTH_MAX:
            raise Problem("json_refused", f"More than {DEPTH_MAX} levels.")
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for key, item in value.items():
                yield path, key
                waiting.append(((*path, key), item))
        elif isinstance(value, list):
            waiting.extend(((*path, place), item) for place, item in enumerate(value))
        elif isinstance(value, int | float):
            yield path, str(value)


def _check_text(path: _Path, text: str) -> None:
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise body_problem("text_refused", "NUL or half a character.", _safe_pointer(path))
    if path not in _CHECKED_ELSEWHERE and holds_card_number(text):
        raise body_problem(
            "card_number_refused",
            "This looks like a card number; it was not stored.",
            _safe_pointer(path),
        )


def _safe_pointer(path: _Path) -> str:
    """The place of a bad text; a bad key on the way would put it into our answer."""
    pointer = pointer_to(path)
    clean = pointer.isprintable() and not holds_card_number(pointer.replace("/", " "))
    return pointer if clean else ""


def holds_card_number(text: str) -> bool:
    """True for text with 13 to 19 digits in a row that pass the Luhn check.

    A space or dash between groups of digits doesn't hide it, nor do digits of other scripts; ids
    in hexadecimal are passed over.
    """
    if len(text) < _CARD_DIGITS_MIN:
        return False
    plain = unicodedata.normalize("NFKC", _HEX_ID.sub(" ", text))
    return any(
        looks_like_card(digits)
        for match in _DIGIT_GROUPS.finditer(plain)
        for digits in _neighbours(re.split("[ -]", match.group()))
    )


def _neighbours(groups: list[str]) -> Iterator[str]:
    """Groups of digits that stand together, joined, as long as a card number is."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > _CARD_DIGITS_MAX:
                break
            if len(digits) >= _CARD_DIGITS_MIN:
                yield digits
