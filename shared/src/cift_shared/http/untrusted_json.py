"""Parse untrusted JSON, and reject what can't be stored.

Python's parser accepts UTF-16, NaN and unpaired surrogates, and PostgreSQL accepts no NUL, not even
in JSON: a text with one of these would be accepted here, and every try to store it would fail.
"""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F]"
_UNSTORABLE = re.compile(rf"\\u0000|{_HIGH}(?!{_LOW})|(?<!\\u[dD][89abAB]..){_LOW}")


def read_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in the bytes, its numbers as int and Decimal; None when there is none.

    Also None when the text is not UTF-8, is nested too deeply, has NaN or an infinite number, or
    can't be stored.
    """
    try:
        text = raw.decode("utf-8-sig")
        if _UNSTORABLE.search(text):
            return None
        document = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
