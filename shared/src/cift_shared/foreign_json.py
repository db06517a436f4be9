"""JSON as strangers write it, read so that all of it can be kept.

Python's reader takes UTF-16, NaN and half characters, and PostgreSQL takes no NUL, even in JSON: a
text with one in it would be accepted here and refuse to be stored later, for ever.
"""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F]"
_UNKEEPABLE = re.compile(rf"\\u0000|{_HIGH}(?!{_LOW})|(?<!\\u[dD][89abAB]..){_LOW}")


def read_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in the bytes, its numbers as int and Decimal; None when they hold none.

    None as well when it is not UTF-8, too deep, has a number that is none, or text that can't be
    kept.
    """
    try:
        text = raw.decode("utf-8-sig")
        if _UNKEEPABLE.search(text):
            return None
        document = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
