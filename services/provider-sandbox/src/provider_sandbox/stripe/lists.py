"""Lists in pages, newest first.

Source: docs.stripe.com/api/pagination.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from provider_sandbox.stripe.errors import invalid, missing
from provider_sandbox.stripe.objects import Record

_MOST = 100


def page(
    records: Iterable[Record], params: dict[str, Any], url: str, *, kind: str
) -> dict[str, Any]:
    """One page of a list.

    Args:
        records: all records, newest first; they are read only as far as the page needs.
        params: ``limit``, ``starting_after``, ``ending_before``, ``created``.
        url: the URL of the list.
        kind: the kind of the objects, for the error of an unknown cursor.

    Raises:
        StripeError: the limit is out of range, or the cursor is unknown.
    """
    limit = page_size(params)
    matching = (record for record in records if _is_in_period(record, params.get("created")))
    if "starting_after" in params:
        _up_to(matching, params["starting_after"], "starting_after", kind)
    if "ending_before" in params:
        before = _up_to(matching, params["ending_before"], "ending_before", kind)
        shown, more = before[-limit:], len(before) > limit
    else:
        shown = list(islice(matching, limit))
        more = next(matching, None) is not None
    return {
        "object": "list",
        "data": [record.body for record in shown],
        "has_more": more,
        "url": url,
    }


def page_size(params: dict[str, Any]) -> int:
    """``limit``, or its default of 10.

    Raises:
        StripeError: HTTP 400, it is out of range.
    """
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= _MOST:
        raise invalid(
            f"This value must be between 1 and {_MOST}.",
            param="limit",
            code="parameter_invalid_integer",
        )
    return limit


def _is_in_period(record: Record, wanted: Any) -> bool:
    created = record.body["created"]
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return bool(created == wanted)
    rules: dict[str, Callable[[int], bool]] = {
        "gt": created.__gt__,
        "gte": created.__ge__,
        "lt": created.__lt__,
        "lte": created.__le__,
    }
    return all(rules[name](value) for name, value in wanted.items())


def _up_to(records: Iterator[Record], name: str, param: str, kind: str) -> list[Record]:
    """The records before a cursor; afterwards the iterator continues behind it."""
    passed: list[Record] = []
    for record in records:
        if record.id == name:
            return passed
        passed.append(record)
    raise missing(kind, name, param=param)
