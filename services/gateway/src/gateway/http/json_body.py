"""Parse JSON from untrusted callers: strict, limited in depth, without card numbers.

Python's parser accepts NaN, repeated keys, lone surrogates and any depth; none of them may reach
the database or the digest that shows whether two requests are the same.
"""

import json
from collections.abc import Iterator
from typing import Any

from gateway.http.pan_detector import holds_card_number
from gateway.problems.problem import Problem, body_problem, pointer_to

DEPTH_MAX = 20
CARD_NUMBER_DETAIL = "This looks like a card number; it was not stored."
"""The detail of every `card_number_refused` problem."""
_Path = tuple[object, ...]


def read_json(body: bytes) -> Any:
    """The JSON document in a body.

    Raises:
        Problem: as `parse_json` and `check_texts`.
    """
    document = parse_json(body)
    check_texts(document)
    return document


def parse_json(body: bytes) -> Any:
    """The JSON document in a body; its texts are not checked.

    Raises:
        Problem: not JSON, a repeated key, NaN or Infinity.
    """
    if not body:
        raise Problem("json_malformed", "The body is empty.")
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_object_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Problem("json_malformed") from error


def check_texts(document: Any) -> None:
    """Refuse what must not be stored, in every string, key and number of a document.

    Raises:
        Problem: too deep, text that can't be stored, or a card number.
    """
    for path, text in _texts(document):
        _check_text(path, text)


def _object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Problem("json_refused", "A key appears twice in one object.")
    return members


def _no_constant(_: str) -> Any:
    raise Problem("json_refused", "NaN and Infinity are not JSON.")


def _texts(document: Any) -> Iterator[tuple[_Path, str]]:
    """Every string, key and number of the document as text, with its path."""
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
    if holds_card_number(text):
        raise body_problem(
            "card_number_refused",
            CARD_NUMBER_DETAIL,
            _safe_pointer(path),
        )


def _safe_pointer(path: _Path) -> str:
    """The JSON pointer to a refused text; empty when a key in it must not be repeated either."""
    pointer = pointer_to(path)
    clean = pointer.isprintable() and not holds_card_number(pointer.replace("/", " "))
    return pointer if clean else ""
