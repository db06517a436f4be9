"""Customers: create, update, find, delete.

Source: docs.stripe.com/api/customers.
"""

from typing import Any

from provider_sandbox.stripe import events, payment_methods
from provider_sandbox.stripe.errors import missing
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.payment_intents import merged
from provider_sandbox.stripe.request_context import RequestContext

_TEXTS = ("description", "email", "name", "phone")


def create(context: RequestContext, params: dict[str, Any]) -> Record:
    """``POST /v1/customers``."""
    customer = context.ids.make("cus", 14)
    body: dict[str, Any] = {
        "id": customer,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": context.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": customer[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **{name: params.get(name) or None for name in _TEXTS},
    }
    record = context.objects.add(Record(body))
    if params.get("payment_method"):
        method = payment_methods.resolve(context, params["payment_method"])
        payment_methods.attach(context, method, customer)
    events.emit(context, "customer.created", record)
    return record


def update(context: RequestContext, customer: Record, params: dict[str, Any]) -> Record:
    """``POST /v1/customers/{id}``."""
    customer.body["metadata"] = merged(customer.body["metadata"], params)
    customer.body.update({name: params[name] or None for name in _TEXTS if name in params})
    context.objects.save(customer)
    events.emit(context, "customer.updated", customer)
    return customer


def find(context: RequestContext, name: str) -> Record:
    """A customer that was not deleted.

    Raises:
        StripeError: HTTP 404.
    """
    customer = context.find("customer", name, param="customer")
    if customer.body.get("deleted"):
        raise missing("customer", name, param="customer")
    return customer


def delete(context: RequestContext, customer: Record) -> Record:
    """``DELETE /v1/customers/{id}``; it also detaches the customer's payment methods."""
    for method in list(context.objects.all("payment_method", {"customer": customer.id})):
        payment_methods.detach(context, method)
    events.emit(context, "customer.deleted", customer)
    customer.body = {"id": customer.id, "object": "customer", "deleted": True}
    return context.objects.save(customer)
