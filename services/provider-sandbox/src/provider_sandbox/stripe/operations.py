"""Every operation: its route, its name for faults, and its handler.

Handlers get validated parameters and return the body; ``expand`` is applied afterwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from provider_sandbox.stripe import (
    auth,
    balance,
    confirmation,
    customers,
    disputes,
    intents,
    lists,
    payment_intents,
    payment_methods,
    refunds,
    search,
    setup_intents,
)
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import Call, RequestContext

Handler = Callable[[RequestContext, Call], dict[str, Any]]
"""Executes one operation inside a transaction and returns the body of the answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation."""

    method: str
    path: str
    """The path with braces, as in Stripe's API description."""
    name: str
    """The name that faults use, such as ``stripe.refunds.create``."""
    run: Handler
    moves_money: bool = False

    @property
    def key(self) -> str:
        """Its key in the table of parameters."""
        return f"{self.method.lower()} {self.path}"


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The operation of a path and the ids in the path; None when there is none."""
    parts = path.strip("/").split("/")
    for route in _BY_SHAPE.get((method, len(parts)), ()):
        ids = _match(route.path.strip("/").split("/"), parts)
        if ids is not None:
            return route, ids
    return None


def _match(pattern: list[str], parts: list[str]) -> tuple[str, ...] | None:
    ids = []
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{") and part:
            ids.append(part)
        elif wanted != part:
            return None
    return tuple(ids)


def _retrieve(kind: str, param: str) -> Handler:
    def run(context: RequestContext, call: Call) -> dict[str, Any]:
        return context.find(kind, call.path[0], param=param).body

    return run


def _list(kind: str, url: str) -> Handler:
    def run(context: RequestContext, call: Call) -> dict[str, Any]:
        names = ("customer", "payment_intent", "charge")
        records = context.objects.all(kind, {name: call.params.get(name) for name in names})
        return lists.page(records, call.params, url, kind=kind)

    return run


def _create(make: Callable[[RequestContext, dict[str, Any]], Record]) -> Handler:
    def run(context: RequestContext, call: Call) -> dict[str, Any]:
        return make(context, call.params).body

    return run


def _change(
    kind: str, param: str, change: Callable[[RequestContext, Record, dict[str, Any]], Record]
) -> Handler:
    def run(context: RequestContext, call: Call) -> dict[str, Any]:
        return change(context, context.find(kind, call.path[0], param=param), call.params).body

    return run


def _intent(
    kind: str, change: Callable[[RequestContext, Record, dict[str, Any]], Record] | None
) -> Handler:
    """Handler of an operation that a paying client may also call, with the intent's secret."""

    def run(context: RequestContext, call: Call) -> dict[str, Any]:
        intent = context.find(kind, call.path[0], param="intent")
        if not call.publishable:
            return (intent if change is None else change(context, intent, call.params)).body
        auth.check_client_secret(intent.body, call.params)
        done = intent if change is None else change(context, intent, call.params)
        return intents.client_view(done.body)

    return run


def _method(context: RequestContext, call: Call) -> dict[str, Any]:
    return payment_methods.resolve(context, call.path[-1]).body


def _attach(context: RequestContext, call: Call) -> dict[str, Any]:
    method = payment_methods.resolve(context, call.path[0])
    return payment_methods.attach(context, method, call.params["customer"]).body


def _detach(context: RequestContext, call: Call) -> dict[str, Any]:
    return payment_methods.detach(context, payment_methods.resolve(context, call.path[0])).body


def _change_method(context: RequestContext, call: Call) -> dict[str, Any]:
    method = payment_methods.resolve(context, call.path[0])
    method.body["metadata"] = payment_intents.merged(method.body["metadata"], call.params)
    return context.objects.save(method).body


def _methods(context: RequestContext, call: Call) -> dict[str, Any]:
    owner = call.path[0] if call.path else call.params.get("customer")
    if owner is not None:
        customers.find(context, owner)
    records = context.objects.all("payment_method", {"customer": owner})
    url = f"/v1/customers/{owner}/payment_methods" if call.path else "/v1/payment_methods"
    owned = (record for record in records if record.body["customer"])
    return lists.page(owned, call.params, url, kind="payment_method")


def _change_charge(context: RequestContext, call: Call) -> dict[str, Any]:
    charge = context.find("charge", call.path[0], param="charge")
    charge.body["metadata"] = payment_intents.merged(charge.body["metadata"], call.params)
    return context.objects.save(charge).body


def _delete_customer(context: RequestContext, call: Call) -> dict[str, Any]:
    return customers.delete(context, customers.find(context, call.path[0])).body


def _customers(context: RequestContext, call: Call) -> dict[str, Any]:
    email = call.params.get("email")
    records = (
        record
        for record in context.objects.all("customer")
        if not record.body.get("deleted") and email in (None, record.body["email"])
    )
    return lists.page(records, call.params, "/v1/customers", kind="customer")


def _events(context: RequestContext, call: Call) -> dict[str, Any]:
    types = call.params.get("types") or [call.params.get("type", "*")]
    wanted = call.params.get("delivery_success")
    records = (
        record
        for record in context.objects.all("event")
        if any(_is_type(record.body["type"], kind) for kind in types)
        and wanted in (None, record.hidden["delivered"])
    )
    return lists.page(records, call.params, "/v1/events", kind="event")


def _is_type(kind: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return kind.startswith(pattern[:-1])
    return kind == pattern


def _transactions(context: RequestContext, call: Call) -> dict[str, Any]:
    wanted = {name: call.params[name] for name in ("currency", "source", "type") if
              name in call.params}  # fmt: skip
    records = (
        record
        for record in context.objects.all("balance_transaction")
        if all(record.body[name] == value for name, value in wanted.items())
    )
    listed = lists.page(
        records, call.params, "/v1/balance_transactions", kind="balance_transaction"
    )
    listed["data"] = [balance.shown(context, row) for row in listed["data"]]
    return listed


def _transaction(context: RequestContext, call: Call) -> dict[str, Any]:
    found = context.find("balance_transaction", call.path[0], param="id")
    return balance.shown(context, found.body)


def _balance(context: RequestContext, _: Call) -> dict[str, Any]:
    return balance.total(context)


def _search(kind: str, url: str) -> Handler:
    def run(context: RequestContext, call: Call) -> dict[str, Any]:
        return search.search(context, kind, call.params, url)

    return run


_PI, _SI = "payment_intent", "setup_intent"
_moving = partial(Route, moves_money=True)

ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/customers", "stripe.customers.create", _create(customers.create)),
    Route("GET", "/v1/customers", "stripe.customers.list", _customers),
    Route("GET", "/v1/customers/search", "stripe.customers.search",
          _search("customer", "/v1/customers/search")),
    Route("GET", "/v1/customers/{customer}", "stripe.customers.retrieve",
          _retrieve("customer", "customer")),
    Route("POST", "/v1/customers/{customer}", "stripe.customers.update",
          _change("customer", "customer", customers.update)),
    Route("DELETE", "/v1/customers/{customer}", "stripe.customers.delete", _delete_customer),
    Route("GET", "/v1/customers/{customer}/payment_methods", "stripe.payment_methods.list",
          _methods),
    Route("GET", "/v1/customers/{customer}/payment_methods/{payment_method}",
          "stripe.payment_methods.retrieve", _method),
    Route("POST", "/v1/payment_methods", "stripe.payment_methods.create",
          _create(payment_methods.create)),
    Route("GET", "/v1/payment_methods", "stripe.payment_methods.list", _methods),
    Route("GET", "/v1/payment_methods/{payment_method}", "stripe.payment_methods.retrieve",
          _method),
    Route("POST", "/v1/payment_methods/{payment_method}", "stripe.payment_methods.update",
          _change_method),
    Route("POST", "/v1/payment_methods/{payment_method}/attach", "stripe.payment_methods.attach",
          _attach),
    Route("POST", "/v1/payment_methods/{payment_method}/detach", "stripe.payment_methods.detach",
          _detach),
    _moving("POST", "/v1/payment_intents", "stripe.payment_intents.create",
            _create(payment_intents.create)),
    Route("GET", "/v1/payment_intents", "stripe.payment_intents.list",
          _list(_PI, "/v1/payment_intents")),
    Route("GET", "/v1/payment_intents/search", "stripe.payment_intents.search",
          _search(_PI, "/v1/payment_intents/search")),
    Route("GET", "/v1/payment_intents/{intent}", "stripe.payment_intents.retrieve",
          _intent(_PI, None)),
    Route("POST", "/v1/payment_intents/{intent}", "stripe.payment_intents.update",
          _change(_PI, "intent", payment_intents.update)),
    _moving("POST", "/v1/payment_intents/{intent}/confirm", "stripe.payment_intents.confirm",
            _intent(_PI, confirmation.confirm)),
    _moving("POST", "/v1/payment_intents/{intent}/capture", "stripe.payment_intents.capture",
            _change(_PI, "intent", payment_intents.capture)),
    _moving("POST", "/v1/payment_intents/{intent}/cancel", "stripe.payment_intents.cancel",
            _change(_PI, "intent", payment_intents.cancel)),
    Route("POST", "/v1/setup_intents", "stripe.setup_intents.create",
          _create(setup_intents.create)),
    Route("GET", "/v1/setup_intents", "stripe.setup_intents.list",
          _list(_SI, "/v1/setup_intents")),
    Route("GET", "/v1/setup_intents/{intent}", "stripe.setup_intents.retrieve",
          _intent(_SI, None)),
    Route("POST", "/v1/setup_intents/{intent}", "stripe.setup_intents.update",
          _change(_SI, "intent", setup_intents.update)),
    Route("POST", "/v1/setup_intents/{intent}/confirm", "stripe.setup_intents.confirm",
          _intent(_SI, setup_intents.confirm)),
    Route("POST", "/v1/setup_intents/{intent}/cancel", "stripe.setup_intents.cancel",
          _change(_SI, "intent", setup_intents.cancel)),
    _moving("POST", "/v1/refunds", "stripe.refunds.create", _create(refunds.create)),
    Route("GET", "/v1/refunds", "stripe.refunds.list", _list("refund", "/v1/refunds")),
    Route("GET", "/v1/refunds/{refund}", "stripe.refunds.retrieve",
          _retrieve("refund", "refund")),
    Route("POST", "/v1/refunds/{refund}", "stripe.refunds.update",
          _change("refund", "refund", refunds.update)),
    Route("POST", "/v1/refunds/{refund}/cancel", "stripe.refunds.cancel",
          _change("refund", "refund", refunds.cancel)),
    Route("GET", "/v1/charges", "stripe.charges.list", _list("charge", "/v1/charges")),
    Route("GET", "/v1/charges/search", "stripe.charges.search",
          _search("charge", "/v1/charges/search")),
    Route("GET", "/v1/charges/{charge}", "stripe.charges.retrieve",
          _retrieve("charge", "charge")),
    Route("POST", "/v1/charges/{charge}", "stripe.charges.update", _change_charge),
    Route("GET", "/v1/disputes", "stripe.disputes.list", _list("dispute", "/v1/disputes")),
    Route("GET", "/v1/disputes/{dispute}", "stripe.disputes.retrieve",
          _retrieve("dispute", "dispute")),
    Route("POST", "/v1/disputes/{dispute}", "stripe.disputes.update",
          _change("dispute", "dispute", disputes.update)),
    Route("POST", "/v1/disputes/{dispute}/close", "stripe.disputes.close",
          _change("dispute", "dispute", disputes.close)),
    Route("GET", "/v1/events", "stripe.events.list", _events),
    Route("GET", "/v1/events/{id}", "stripe.events.retrieve", _retrieve("event", "id")),
    Route("GET", "/v1/balance", "stripe.balance.retrieve", _balance),
    Route("GET", "/v1/balance_transactions", "stripe.balance_transactions.list", _transactions),
    Route("GET", "/v1/balance_transactions/{id}", "stripe.balance_transactions.retrieve",
          _transaction),
)  # fmt: skip


def _by_shape() -> Mapping[tuple[str, int], list[Route]]:
    shapes: dict[tuple[str, int], list[Route]] = {}
    for route in ROUTES:
        shape = route.method, route.path.strip("/").count("/") + 1
        shapes.setdefault(shape, []).append(route)
    return shapes


_BY_SHAPE = _by_shape()
