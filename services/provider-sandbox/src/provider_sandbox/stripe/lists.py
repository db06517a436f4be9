"""Lists in pages, the newest first, and the search.

Sources: docs.stripe.com/api/pagination, docs.stripe.com/search.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from provider_sandbox.stripe.desk import Desk
from provider_sandbox.stripe.errors import invalid, missing
from provider_sandbox.stripe.objects import Record

_MOST = 100


def page(
    records: Iterable[Record], params: dict[str, Any], url: str, *, kind: str
) -> dict[str, Any]:
    """One page of a list.

    Args:
        records: all of them, the newest first; read no further than the page goes.
        params: ``limit``, ``starting_after``, ``ending_before``, ``created``.
        url: of the list.
        kind: of the objects, for the error of an unknown cursor.

    Raises:
        StripeError: a bad limit or an unknown cursor.
    """
    limit = params.get("limit", 10)
    if not 1 <= limit <= _MOST:
        raise invalid(
            f"This value must be between 1 and {_MOST}.",
            param="limit",
            code="parameter_invalid_integer",
        )
    kept = (record for record in records if _was_made(record, params.get("created")))
    if "starting_after" in params:
        _up_to(kept, params["starting_after"], "starting_after", kind)
    if "ending_before" in params:
        before = _up_to(kept, params["ending_before"], "ending_before", kind)
        shown, more = before[-limit:], len(before) > limit
    else:
        shown = list(islice(kept, limit))
        more = next(kept, None) is not None
    return {
        "object": "list",
        "data": [record.body for record in shown],
        "has_more": more,
        "url": url,
    }


def _was_made(record: Record, wanted: Any) -> bool:
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
    """What stands before a cursor; the records go on behind it."""
    passed: list[Record] = []
    for record in records:
        if record.id == name:
            return passed
        passed.append(record)
    raise missing(kind, name, param=param)


_CLAUSE = re.compile(
    r"""\s*(?:(?P<field>status|currency|customer)|metadata\[["'](?P<key>[^"']+)["']\])"""
    r"""\s*:\s*["'](?P<value>[^"']*)["']\s*"""
)


def search(desk: Desk, params: dict[str, Any]) -> dict[str, Any]:
    """``GET /v1/payment_intents/search``: clauses joined by AND; new objects come late.

    Raises:
        StripeError: a query that the twin does not understand.
    """
    tests = [_test(clause) for clause in re.split(r"\s+AND\s+", params["query"])]
    newest = desk.twin.clock.now() - desk.twin.clock.span(desk.twin.settings.stripe_search_s)
    found = (
        record
        for record in desk.objects.all("payment_intent")
        if record.body["created"] <= newest and all(test(record.body) for test in tests)
    )
    listed = page(found, {"limit": params.get("limit", 10)}, "", kind="payment_intent")
    return {
        "object": "search_result",
        "data": listed["data"],
        "has_more": listed["has_more"],
        "next_page": None,
        "url": "/v1/payment_intents/search",
    }


def _test(clause: str) -> Callable[[dict[str, Any]], bool]:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise invalid("We were unable to parse your search query.", param="query")
    name, key, value = match["field"], match["key"], match["value"]
    if key is not None:
        return lambda body: body["metadata"].get(key) == value
    return lambda body: body[name] == value
