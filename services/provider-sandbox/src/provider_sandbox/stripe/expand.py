"""``expand[]``: replace ids by their objects, up to four levels deep.

Source: docs.stripe.com/expand.
"""

from typing import Any

from provider_sandbox.stripe import balance
from provider_sandbox.stripe.errors import StripeError, invalid
from provider_sandbox.stripe.request_context import RequestContext

_DEEPEST = 4
_EXPANDABLE = {
    "payment_intent": {"customer", "latest_charge", "payment_method"},
    "setup_intent": {"customer", "latest_attempt", "payment_method"},
    "setup_attempt": {"customer", "payment_method", "setup_intent"},
    "charge": {"balance_transaction", "customer", "payment_intent", "refunds"},
    "refund": {
        "balance_transaction",
        "charge",
        "customer",
        "failure_balance_transaction",
        "payment_intent",
        "payment_method",
    },
    "dispute": {"charge", "payment_intent"},
    "payment_method": {"customer"},
    "balance_transaction": {"source"},
}


def apply(context: RequestContext, body: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """The body with the requested objects in place of their ids.

    Raises:
        StripeError: HTTP 400 for a field that cannot be expanded.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST + 1:
            raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property")
        _expand(context, body, steps, path)
    return body


def _expand(context: RequestContext, body: dict[str, Any], steps: list[str], path: str) -> None:
    first, *rest = steps
    if body["object"] in ("list", "search_result") and first == "data":
        for row in body["data"]:
            _expand(context, row, rest, path)
        return
    if first not in _EXPANDABLE.get(body["object"], ()):
        raise _refused(path)
    value = _value(context, body, first)
    body[first] = value
    if rest and isinstance(value, dict):
        _expand(context, value, rest, path)


def _value(context: RequestContext, body: dict[str, Any], name: str) -> Any:
    if name == "refunds":
        url = f"/v1/charges/{body['id']}/refunds"
        rows = [row.body for row in context.objects.all("refund", {"charge": body["id"]})]
        return {"object": "list", "data": rows, "has_more": False, "url": url}
    value = body.get(name)
    record = context.objects.get(value) if isinstance(value, str) else None
    if record is None:
        return value
    is_money = record.body["object"] == "balance_transaction"
    return balance.shown(context, record.body) if is_money else record.body


def _refused(path: str) -> StripeError:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")
