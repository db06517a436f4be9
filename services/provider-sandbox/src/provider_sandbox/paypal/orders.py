"""Orders v2: create, show, approve.

Source: developer.paypal.com/docs/api/orders/v2. An order that names PayPal as its payment source
begins as PAYER_ACTION_REQUIRED with the link ``payer-action``; another one as CREATED with
``approve``. Both links lead to the same page.
"""

from decimal import Decimal
from typing import Any

from provider_sandbox.paypal import captures, events, ids, money
from provider_sandbox.paypal.errors import Link, refused
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext

PAYER_DECIDES, TIME_IS_UP = "paypal.payer_decides", "paypal.order_ends"
DEFAULT_PAYER = "pays@example.com"
OPEN = frozenset({"CREATED", "PAYER_ACTION_REQUIRED"})

Answer = tuple[int, Any]
"""HTTP status and body."""


def make(context: RequestContext, call: Call) -> Record:
    """Create an order, which waits for its payer.

    Raises:
        PayPalError: HTTP 400 or 422, PayPal would not create it.
    """
    body = call.body
    _check(call, body)
    source = body.get("payment_source", {}).get("paypal")
    order = Record(
        context.ids.make("order"),
        "order",
        {
            "intent": "CAPTURE",
            "purchase_units": [_unit(unit) for unit in body["purchase_units"]],
            "create_time": context.time(),
            "update_time": context.time(),
        },
        _context(body),
        status="CREATED" if source is None else "PAYER_ACTION_REQUIRED",
    )
    if source is not None:
        order.body["payment_source"] = {"paypal": {}}
    context.objects.add(order)
    call.about = order.id
    settings = context.twin.settings
    context.later(TIME_IS_UP, order, after_s=settings.paypal_order_s, approval=0)
    if settings.paypal_payer != "waits":
        after_s = settings.paypal_payer_s
        context.later(PAYER_DECIDES, order, after_s=after_s, outcome=settings.paypal_payer)
    return order


def repeat(context: RequestContext, call: Call, name: str) -> Answer:
    """The answer to a repeated creation or capture: the order as it is now."""
    return 200, view(context, context.find("order", name, call.operation), whole=call.wants_all)


def show(context: RequestContext, call: Call) -> Answer:
    """The whole order."""
    return 200, view(context, context.find("order", call.path[0], call.operation), whole=True)


def approve(context: RequestContext, order: Record, email: str) -> None:
    """The payer approves; the order is open, and its time begins anew."""
    set_payer(context, order, email)
    stop_time(context, order)
    after_s = context.twin.settings.paypal_order_s
    context.later(TIME_IS_UP, order, after_s=after_s, approval=order.hidden["approvals"])
    events.emit(
        context,
        "CHECKOUT.ORDER.APPROVED",
        "checkout-order",
        view(context, order, whole=True),
        "An order has been approved by buyer",
    )


def set_payer(context: RequestContext, order: Record, email: str) -> None:
    """Note the payer of an approved order."""
    payer = _payer(email)
    order.status = "APPROVED"
    order.hidden["email"] = email
    order.hidden["approvals"] += 1
    order.body["update_time"] = context.time()
    order.body["payer"] = payer
    order.body["payment_source"] = {
        "paypal": {
            "email_address": email,
            "account_id": payer["payer_id"],
            "name": payer["name"],
            "address": payer["address"],
        }
    }
    context.objects.save(order)


def payer_decides(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the payer approves by itself; cancelling leaves the order as it is."""
    order = context.objects.get("order", payload["id"])
    if order is not None and order.status in OPEN and payload["outcome"] == "approve":
        approve(context, order, order.hidden["email"])


def end_time(context: RequestContext, payload: dict[str, Any]) -> None:
    """Scheduled event: the order, or its latest approval, is too old."""
    order = context.objects.get("order", payload["id"])
    if order is None or order.hidden["approvals"] != payload["approval"]:
        return
    if order.status in OPEN | {"APPROVED"}:
        expire(context, order)


def stop_time(context: RequestContext, order: Record) -> None:
    """Remove what was scheduled for the end of the order's time, and for its payer."""
    context.no_longer(TIME_IS_UP, order)
    context.no_longer(PAYER_DECIDES, order)


def expire(context: RequestContext, order: Record) -> None:
    """Void the order; PayPal reports it only if the payer had approved."""
    was_approved = order.status == "APPROVED"
    order.status = "VOIDED"
    stop_time(context, order)
    order.body["update_time"] = context.time()
    context.objects.save(order)
    if was_approved:
        events.emit(
            context,
            "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
            "checkout-order",
            {**view(context, order, whole=True), "order_id": order.id},
            "A payment has been reversed after approval.",
        )


def view(context: RequestContext, order: Record, *, whole: bool) -> dict[str, Any]:
    """The order as PayPal shows it: in full, or the short form of a POST."""
    units = [_shown_unit(context, order, unit) for unit in order.body["purchase_units"]]
    made = {"id": order.id, "status": order.status, **order.body, "purchase_units": units}
    if not whole:
        names: tuple[str, ...] = ("id", "status", "payment_source")
        short: dict[str, Any] = {name: made[name] for name in names if name in made}
        if order.status == "COMPLETED":
            names = ("reference_id", "payments")
            short["purchase_units"] = [{name: unit[name] for name in names} for unit in units]
            short["payer"] = made["payer"]
        made = short
    return {**made, "links": _links(context, order)}


def approval_path(order: Record) -> str:
    """The path of the page on which the payer approves."""
    return f"/checkoutnow?token={order.id}"


def _shown_unit(context: RequestContext, order: Record, unit: dict[str, Any]) -> dict[str, Any]:
    made = captures.of_unit(context, order, unit)
    return {**unit, "payments": made} if made else unit


def _links(context: RequestContext, order: Record) -> list[Link]:
    path = f"/v2/checkout/orders/{order.id}"
    links = [context.link("self", path)]
    if order.status in OPEN:
        rel = "payer-action" if order.status == "PAYER_ACTION_REQUIRED" else "approve"
        links.append(context.link(rel, approval_path(order)))
    if order.status in ("CREATED", "APPROVED"):
        links.append(context.link("update", path, "PATCH"))
        links.append(context.link("capture", f"{path}/capture", "POST"))
    return links


def _check(call: Call, body: dict[str, Any]) -> None:
    operation = call.operation
    if "payment_source" in body and call.request_id is None:
        raise refused(operation, "PAYPAL_REQUEST_ID_REQUIRED")
    if "attributes" in body.get("payment_source", {}).get("paypal", {}):
        raise refused(operation, "NOT_SUPPORTED", field="/payment_source/paypal/attributes")
    if body["intent"] != "CAPTURE":
        raise refused(operation, "UNSUPPORTED_INTENT", field="/intent", value=body["intent"])
    units = body["purchase_units"]
    names = [unit.get("reference_id") for unit in units]
    if len(units) > 1 and None in names:
        raise refused(operation, "REFERENCE_ID_REQUIRED", field="/purchase_units")
    if len(set(names)) < len(names):
        raise refused(operation, "DUPLICATE_REFERENCE_ID", field="/purchase_units")
    if len({unit["amount"]["currency_code"] for unit in units}) > 1:
        raise refused(operation, "MULTI_CURRENCY_ORDER", field="/purchase_units")
    for index, unit in enumerate(units):
        check_amount(operation, unit["amount"], f"/purchase_units/{index}/amount")


def check_amount(operation: str, amount: dict[str, Any], at: str) -> Decimal:
    """The amount of a request; it equals the sum of its breakdown.

    Raises:
        PayPalError: HTTP 422.
    """
    try:
        value = money.read(amount["value"], amount["currency_code"])
    except money.NotAnAmount as fault:
        issue = fault.issue
        if issue == "DECIMALS_NOT_SUPPORTED" and operation == "orders.create":
            issue = "DECIMAL_PRECISION"
        name = "currency_code" if issue == "INVALID_CURRENCY_CODE" else "value"
        raise refused(operation, issue, field=f"{at}/{name}", value=amount[name]) from fault
    parts = amount.get("breakdown")
    if parts and value != sum(_signed(name, part) for name, part in parts.items()):
        raise refused(operation, "AMOUNT_MISMATCH", field=f"{at}/value", value=amount["value"])
    return value


def _signed(name: str, part: dict[str, str]) -> Decimal:
    sign = -1 if name in ("discount", "shipping_discount") else 1
    return sign * Decimal(part["value"])


def _unit(unit: dict[str, Any]) -> dict[str, Any]:
    amount = unit["amount"]
    value = money.of(Decimal(amount["value"]), amount["currency_code"])
    payee = {
        "email_address": "seller@example.com",
        "merchant_id": ids.account("seller@example.com"),
    }
    made = {"reference_id": "default", **unit, "amount": {**amount, **value}}
    return {**made, "payee": payee}


def _context(body: dict[str, Any]) -> dict[str, Any]:
    source = body.get("payment_source", {}).get("paypal") or {}
    told = source.get("experience_context") or body.get("application_context") or {}
    payer = source.get("email_address") or body.get("payer", {}).get("email_address")
    return {
        "email": payer or DEFAULT_PAYER,
        "return_url": told.get("return_url", ""),
        "cancel_url": told.get("cancel_url", ""),
        "approvals": 0,
        "tries": 0,
    }


def _payer(email: str) -> dict[str, Any]:
    return {
        "email_address": email,
        "payer_id": ids.account(email),
        "name": {"given_name": "Test", "surname": "Payer"},
        "address": {"country_code": "US"},
    }
