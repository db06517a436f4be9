"""Search: Stripe's query language for charges, customers and PaymentIntents.

Sources: docs.stripe.com/search (syntax, field types, freshness) and its tables of query fields.
Text is compared without regard to case. Results come in pages, newest object first.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from provider_sandbox.stripe.errors import StripeError, invalid
from provider_sandbox.stripe.lists import page_size
from provider_sandbox.stripe.request_context import RequestContext

Kind = Literal["token", "string", "numeric"]
"""The type of a field: ``string`` allows ``~`` as well as ``:``; ``numeric`` allows comparisons."""
Test = Callable[[dict[str, Any]], bool]

_CARD = "payment_method_details.card"
_FIELDS: dict[str, dict[str, Kind]] = {
    "charge": {
        "amount": "numeric",
        "billing_details.address.postal_code": "token",
        "created": "numeric",
        "currency": "token",
        "customer": "token",
        "disputed": "token",
        **{f"{_CARD}.{name}": "token" for name in ("brand", "fingerprint", "last4")},
        **{f"{_CARD}.{name}": "token" for name in ("exp_month", "exp_year")},
        "refunded": "token",
        "status": "token",
    },
    "customer": {"created": "numeric", "email": "string", "name": "string", "phone": "string"},
    "payment_intent": {
        "amount": "numeric",
        "created": "numeric",
        "currency": "token",
        "customer": "token",
        "status": "token",
    },
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_CLAUSES_MAX = 10
_SUBSTRING_MIN = 3

_CLAUSE = re.compile(
    r"""(?P<minus>-?)"""
    r"""(?:metadata\[(?:"(?P<key>[^"]+)"|'(?P<key_too>[^']+)')\]|(?P<field>[a-z0-9_.]+))"""
    r"""\s*(?P<sign>[:~=]|[<>]=?)\s*"""
    r"""(?:"(?P<value>(?:[^"\\]|\\.)*)"|'(?P<value_too>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<number>-?\d{1,18})|(?P<null>null))"""
)
_JOINT = re.compile(r"\s+(?:(?P<word>AND|OR)\s+)?", re.IGNORECASE)


def search(context: RequestContext, kind: str, params: dict[str, Any], url: str) -> dict[str, Any]:
    """``GET /v1/…/search``; it does not find objects created in the last ``stripe_search_s``.

    Args:
        context: shared parts.
        kind: the kind of the objects: ``charge``, ``customer`` or ``payment_intent``.
        params: ``query``, ``limit``, ``page``.
        url: the URL of the search.

    Raises:
        StripeError: the query is invalid, or the limit or page is.
    """
    matches = parse(kind, params["query"])
    limit, first = page_size(params), _first(params.get("page"))
    newest = context.twin.clock.now() - context.twin.clock.span(
        context.twin.settings.stripe_search_s
    )
    found = (
        record.body
        for record in context.objects.all(kind)
        if not record.body.get("deleted")
        and record.body["created"] <= newest
        and matches(record.body)
    )
    rows = list(islice(found, first, first + limit + 1))
    more = len(rows) > limit
    return {
        "object": "search_result",
        "data": rows[:limit],
        "has_more": more,
        "next_page": f"page_{first + limit}" if more else None,
        "url": url,
    }


def _first(page: str | None) -> int:
    """The position of a page's first object; the token of a page comes from ``next_page``."""
    if page is None:
        return 0
    place = page.removeprefix("page_")
    if not (page.startswith("page_") and place.isascii() and place.isdigit() and len(place) < 10):
        raise invalid("Invalid pagination token.", param="page")
    return int(place)


def parse(kind: str, query: str) -> Test:
    """Parse a query to a test for objects of a kind.

    Raises:
        StripeError: HTTP 400, the query can't be parsed.
    """
    tests, words, at = [], set(), 0
    text = query.strip()
    while True:
        match = _CLAUSE.match(text, at)
        if match is None:
            raise _unreadable()
        tests.append(_test(kind, _clause(match)))
        if match.end() == len(text):
            break
        joint = _JOINT.match(text, match.end())
        if joint is None:
            raise _unreadable()
        words.add((joint["word"] or "and").lower())
        at = joint.end()
    if len(words) > 1:
        raise invalid("You cannot combine AND and OR in one search query.", param="query")
    if len(tests) > _CLAUSES_MAX:
        raise invalid(f"A search query has at most {_CLAUSES_MAX} clauses.", param="query")
    join = any if words == {"or"} else all
    return lambda body: join(test(body) for test in tests)


@dataclass(frozen=True, slots=True)
class _Clause:
    field: str | None
    key: str | None
    """The metadata key, where ``field`` is None."""
    sign: str
    value: str | None
    """None: ``null``, which matches objects without this field."""
    negated: bool


def _clause(match: re.Match[str]) -> _Clause:
    quoted = match["value"] if match["value"] is not None else match["value_too"]
    value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["number"]
    key = match["key"] or match["key_too"]
    return _Clause(match["field"], key, match["sign"], value, bool(match["minus"]))


def _test(kind: str, clause: _Clause) -> Test:
    positive = _positive(kind, clause)
    return (lambda body: not positive(body)) if clause.negated else positive


def _positive(kind: str, clause: _Clause) -> Test:
    if clause.field is None:
        of: Kind = "token"
    else:
        found = _FIELDS[kind].get(clause.field)
        if found is None:
            raise invalid(f"Field `{clause.field[:40]}` is an unsupported search field.",
                          param="query")  # fmt: skip
        of = found
    if clause.value is None:
        if clause.sign != ":":
            raise _unreadable()
        return lambda body: _value(body, clause) is None
    return _numeric(clause) if of == "numeric" else _textual(clause, of)


def _numeric(clause: _Clause) -> Test:
    compare, wanted = _COMPARISONS.get(clause.sign), clause.value or ""
    if compare is None or not re.fullmatch(r"-?\d{1,18}", wanted):
        raise _unreadable()
    return lambda body: compare(_value(body, clause), int(wanted))


def _textual(clause: _Clause, of: Kind) -> Test:
    wanted = (clause.value or "").casefold()
    if clause.sign == ":":
        return lambda body: _text(_value(body, clause)) == wanted
    if clause.sign == "~" and of == "string" and len(wanted) >= _SUBSTRING_MIN:
        return lambda body: wanted in (_text(_value(body, clause)) or "")
    raise _unreadable()


def _value(body: dict[str, Any], clause: _Clause) -> Any:
    """The value of the clause's field in an object; None when there is none."""
    if clause.field is None:
        return body["metadata"].get(clause.key)
    value: Any = body
    for step in clause.field.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    """The value as lower-case text for comparison; None stays None."""
    return None if value is None else str(value).casefold()


def _unreadable() -> StripeError:
    return invalid("We were unable to parse your search query.", param="query")
