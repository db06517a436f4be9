"""Take the money of an order: after its approval, or at once from a saved payment token.

Source: developer.paypal.com/docs/api/orders/v2#orders_capture, and "vault_id" of orders_create.
"""

from typing import Any

from provider_sandbox.paypal import captures, orders, payers
from provider_sandbox.paypal.errors import Link, PayPalError, refused
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.orders import Answer
from provider_sandbox.paypal.request_context import Call, RequestContext

_MOST_TRIES = 10


def create(context: RequestContext, call: Call) -> Answer:
    """Create an order; one with a saved payment token is paid at once. HTTP 201.

    Raises:
        PayPalError: HTTP 400 or 422; then there is no order.
    """
    order = orders.make(context, call)
    saved = call.body.get("payment_source", {}).get("paypal", {}).get("vault_id")
    if saved is not None:
        token = context.objects.get("token", saved)
        if token is None:
            raise refused(call.operation, "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED")
        orders.set_payer(context, order, token.hidden["email"])
        _take(context, call, order)
    return 201, orders.view(context, order, whole=call.wants_all)


def capture(context: RequestContext, call: Call) -> Answer:
    """Take the money of an approved order; HTTP 201.

    Raises:
        PayPalError: HTTP 422 with the issue; a declined payment needs another approval.
    """
    order = context.find("order", call.path[0], call.operation)
    _check_open(context, order)
    _take(context, call, order)
    call.about = order.id
    return 201, orders.view(context, order, whole=call.wants_all)


def _take(context: RequestContext, call: Call, order: Record) -> None:
    units: list[dict[str, Any]] = order.body["purchase_units"]
    amount = units[0]["amount"]["value"]
    payer = payers.payer(context.twin.store, context.twin.settings, order.hidden["email"], amount)
    order.hidden["tries"] += 1
    if payer.issue is not None and not (payer.once and order.hidden["tries"] > 1):
        if call.operation == "orders.create":
            raise _at_once(payer.issue)
        raise _refusal(context, order, payer.issue)
    if context.twin.settings.paypal_unique_invoices:
        captures.check_invoices(context, call.operation, units)
    order.status = "COMPLETED"
    orders.stop_time(context, order)
    order.body["update_time"] = context.time()
    context.objects.save(order)
    for unit in units:
        captures.make(context, order, unit, payer)


def _check_open(context: RequestContext, order: Record) -> None:
    operation = "orders.capture"
    if order.status == "COMPLETED":
        raise refused(operation, "ORDER_ALREADY_CAPTURED")
    if order.status == "VOIDED":
        raise refused(operation, "ORDER_EXPIRED")
    if order.status != "APPROVED":
        link = context.link("payer-action", orders.approval_path(order))
        raise refused(operation, "ORDER_NOT_APPROVED", links=[link])


def _refusal(context: RequestContext, order: Record, issue: str) -> PayPalError:
    """The error of a payer that does not pay; the tries are remembered."""
    links: list[Link] = []
    if order.hidden["tries"] >= _MOST_TRIES:
        issue = "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"
    elif issue in ("INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED"):
        order.status = "PAYER_ACTION_REQUIRED"
        path = orders.approval_path(order)
        links = [context.link("redirect", path), context.link("payer-action", path)]
    context.objects.save(order)
    return refused("orders.capture", issue, links=links, keeps=True)


def _at_once(issue: str) -> PayPalError:
    """The error of a saved token; no payer is there who could act."""
    return refused(
        "orders.create", "PAYER_CANNOT_PAY" if issue == "PAYER_ACTION_REQUIRED" else issue
    )
