"""The Idempotency-Key header and what makes two requests the same.

Source: draft-ietf-httpapi-idempotency-key-header: a structured-field string ("quoted"); the bare
form that most clients send is taken as well.
"""

import hashlib
import json
import re
from typing import Any

from gateway.problems import Problem, parameter_problem

HEADER = "Idempotency-Key"
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(values: list[str]) -> str:
    """The key of a request, 1 to 255 visible ASCII characters.

    Args:
        values: every Idempotency-Key header of the request.

    Raises:
        Problem: no header, more than one, or not a key.
    """
    if not values:
        raise Problem(
            "idempotency_key_missing",
            "Send an Idempotency-Key that is new for each payment and the same for each retry.",
            errors=[{"in": "header", "parameter": HEADER, "code": "idempotency_key_missing"}],
        )
    if len(values) > 1:
        raise _malformed()
    quoted = _QUOTED.fullmatch(values[0])
    key = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else values[0]
    if not _VISIBLE.fullmatch(key) or (quoted is None and key.startswith('"')):
        raise _malformed()
    return key


def request_digest(path: str, document: Any) -> str:
    """Equal for requests that ask for the same: path and body, however the body was laid out."""
    canonical = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(f"{path}\n{canonical}".encode()).hexdigest()


def _malformed() -> Problem:
    return parameter_problem(
        "idempotency_key_malformed",
        "One header of 1 to 255 visible ASCII characters, bare or in double quotes.",
        place="header",
        name=HEADER,
    )
