"""Texts and examples of the OpenAPI document that are not part of any type."""

from collections.abc import Mapping
from typing import Any

from cift_shared.asyncapi.publisher import CONTACT, LICENSE_NAME
from cift_shared.rails.gateway import gateway_rails, saving_examples
from cift_shared.rails.registry import example_rail

DEEP = "x-deep-object"
"""Marks a parameter that is written `name[key]=value` (OpenAPI: style deepObject)."""
PAYMENT_ID = "019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f"
_EXAMPLE = example_rail().example
_PAYMENT_SHOWN: Mapping[str, Any] = {
    "id": PAYMENT_ID,
    "type": "deposit",
    "method": example_rail().method,
    "rail": example_rail().name,
    "provider": example_rail().provider,
    "provider_name": example_rail().provider_name,
    "status": "completed",
    "amount": _EXAMPLE.amount.text,
    "requested_amount": None,
    "currency": _EXAMPLE.amount.currency,
    "customer_id": "c_42",
    "fee": "25.00",
    "net": "975.00",
    "payment_method": {"kind": _EXAMPLE.instrument["kind"], **_EXAMPLE.instrument["public"]},
    "next_action": None,
    "provider_reference": _EXAMPLE.reference,
    "failure": None,
    "estimated_arrival": "2026-01-31T12:01:00Z",
    "description": "Top up",
    "return_url": None,
    "metadata": {"order_id": "1001"},
    "refunded": "0.00",
    "reversed": "0.00",
    "disputed": "0.00",
    "parent": None,
    "livemode": False,
    "version": 4,
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-01-31T12:00:21Z",
}
JUST_ACCEPTED: Mapping[str, Any] = {
    "status": "pending",
    "provider_reference": None,
    "version": 1,
    "updated_at": "2026-01-31T12:00:00Z",
}
"""The fields that differ in a payment that has just been accepted."""


def _saved_examples() -> dict[str, Mapping[str, Any]]:
    """A saved method of the example rail, where the gateway keeps it."""
    kind = gateway_rails()[example_rail().name].instruments["deposit"]
    if kind.saving is None or kind.saving.at_provider:
        return {}
    shown = {
        "id": PAYMENT_ID,
        "kind": kind.kind,
        **_EXAMPLE.instrument["public"],
        "method": example_rail().method,
        "rail": example_rail().name,
        "customer_id": "c_42",
        "status": "active",
        "verified": False,
        "verification": kind.saving.unverified,
        "livemode": False,
        "created_at": "2026-01-31T12:00:00Z",
    }
    return {f"Saved{kind.shows.__name__.removesuffix('Out')}": shown}


WHOLE: Mapping[str, Mapping[str, Any]] = {"Payment": _PAYMENT_SHOWN, **_saved_examples()}
"""Examples of whole response bodies by schema, where examples of single fields do not match."""

INFO: Mapping[str, Any] = {
    "contact": dict(CONTACT),
    "license": {"name": LICENSE_NAME, "identifier": "LicenseRef-CIFT-Markets"},
}
SERVERS: list[dict[str, str]] = [
    {"url": "/", "description": "The gateway that serves this document."},
    {"url": "http://127.0.0.1:8080", "description": "The local stack of `make demo`."},
]
SECURITY_SCHEMES: Mapping[str, Any] = {
    "api_key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "cift_<mode>_<id>_<secret>_<checksum>",
        "description": "An API key of `cift api-key create`. It belongs to one merchant and one"
        " mode (test or live); its scopes limit what it allows.",
    }
}
PROVIDERS_TAG = "provider notices"
TAGS: Mapping[str, str] = {
    "payments": "Create, follow and cancel payments.",
    "refunds": "Refund all or part of a completed deposit.",
    "fees": "The price of a payment, and quotes that guarantee a price for a time.",
    "payment methods": "Instruments saved for a customer.",
    "customers": "A customer's balances and statement.",
    "conversions": "Exchange a customer's money between two currencies.",
    "disputes": "Deposits that payers dispute at their bank.",
    "ledger": "The head of the hash chain over the ledger.",
    PROVIDERS_TAG: "Addresses that providers send their notices to; merchants do not call them.",
}
OPERATION_IDS: Mapping[str, str] = {
    "show_payment": "getPayment",
    "list_payment_options": "listPaymentOptions",
    "show_timeline": "getPaymentTimeline",
    "stream_events": "streamPaymentEvents",
    "refund_payment": "createRefund",
    "quote_fee": "getFeeQuote",
    "pin_quote": "createQuote",
    "save_method": "createPaymentMethod",
    "list_methods": "listPaymentMethods",
    "show_method": "getPaymentMethod",
    "delete_method": "deletePaymentMethod",
    "verify_method": "verifyPaymentMethod",
    "show_balances": "getBalances",
    "show_statement": "getStatement",
    "convert_money": "createConversion",
    "create_payments": "createPaymentBatch",
    "convert_many": "createConversionBatch",
    "show_conversion": "getConversion",
    "show_dispute": "getDispute",
    "show_head": "getLedgerHead",
}
"""Operation ids by the name of the endpoint function, where they differ in more than case."""

ANSWERS: Mapping[str, str] = {
    "createPayment": "The payment is stored; the provider's result follows.",
    "listPayments": "A page of payments.",
    "getPayment": "The payment as it is now.",
    "getPaymentTimeline": "Every step of the payment.",
    "cancelPayment": "The request is stored; read `status` to see whether the payment is canceled.",
    "verifyPayment": "The worker will query the provider; the payment as it is now.",
    "listPaymentOptions": "The payment options that match.",
    "createRefund": "The refund is stored; the provider's result follows.",
    "getFeeQuote": "The price of the payment now.",
    "createQuote": "The price, guaranteed until the quote expires.",
    "createPaymentMethod": "The saved method.",
    "listPaymentMethods": "A page of saved methods.",
    "getPaymentMethod": "The saved method as it is now.",
    "deletePaymentMethod": "The saved method can't be used from now on.",
    "verifyPaymentMethod": "The saved method, and whether it is verified.",
    "getBalances": "The customer's balances.",
    "getStatement": "A page of the statement.",
    "createConversion": "The money is exchanged.",
    "createPaymentBatch": "What became of each payment, in the order of the items.",
    "createConversionBatch": "What became of each conversion, in the order of the items.",
    "getConversion": "The conversion.",
    "listDisputes": "A page of disputes.",
    "getDispute": "The dispute as it is now.",
    "getLedgerHead": "The newest link of the chain.",
}
"""Descriptions of the successful response of each operation."""

PATH_PARAMETERS: Mapping[str, tuple[str, str]] = {
    "payment_id": ("Our id of the payment.", PAYMENT_ID),
    "method_id": ("Our id of the saved method.", PAYMENT_ID),
    "conversion_id": ("Our id of the conversion.", PAYMENT_ID),
    "customer_id": ("Your own id of the customer.", "c_42"),
    "dispute_id": ("The provider's id of the dispute.", "du_1QaBcDeF"),
    "token": ("The secret of one call to the provider, created by us.", "AAECAwQFBgcICQoLDA0ODw"),
}
"""Parameters of paths: what they are, and an example."""

HEADERS: Mapping[str, Any] = {
    "X-Request-Id": {
        "description": "The request's id: quote it in questions to us.",
        "schema": {"type": "string", "format": "uuid"},
        "example": PAYMENT_ID,
    },
    "Location": {
        "description": "The address of the created object.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/v1/payments/{PAYMENT_ID}",
    },
    "Idempotency-Replayed": {
        "description": "`true` when this is the stored answer to an earlier request with the key.",
        "schema": {"type": "string", "enum": ["true"]},
        "example": "true",
    },
    "Preference-Applied": {
        "description": "The maximum wait applied, as requested by `Prefer`.",
        "schema": {"type": "string"},
        "example": "wait=30",
    },
    "Link": {
        "description": 'The pages beside this one (RFC 8288): `rel="next"` has the older rows,'
        ' `rel="prev"` the newer ones.',
        "schema": {"type": "string"},
        "example": '</api/v1/payments?limit=20&after=WyIy>; rel="next"',
    },
    "Retry-After": {
        "description": "Seconds to wait before the same request is sent again.",
        "schema": {"type": "integer"},
        "example": 1,
    },
}
"""Headers of responses."""


def _with_keys(rail: str) -> list[dict[str, Any]]:
    """The example payments of a rail as items of a batch."""
    bodies = [body for _, body in gateway_rails()[rail].payments.values()]
    return [{**body, "idempotency_key": f"order-{1001 + n}"} for n, body in enumerate(bodies)]


BODIES: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "createPayment": {
        name: example
        for rail in gateway_rails().values()
        for name, example in rail.payments.items()
    },
    "createRefund": {
        "part": ("Part of the deposit", {"amount": "400.00"}),
        "rest": ("All that is left", {}),
    },
    "verifyPayment": {
        "receipt": (
            "With the reference on the payer's receipt",
            {"provider_reference": _EXAMPLE.reference},
        ),
        "plain": ("Without a reference", {}),
    },
    "createQuote": {
        "deposit": (
            "A deposit",
            {
                "type": "deposit",
                "method": example_rail().method,
                "amount": _EXAMPLE.amount.text,
                "currency": _EXAMPLE.amount.currency,
            },
        )
    },
    "createPaymentBatch": {
        "deposits": (
            "Deposits, each with its own key",
            {"items": _with_keys(example_rail().name)},
        )
    },
    "createConversionBatch": {
        "exchanges": (
            "Two conversions, each with its own key",
            {
                "items": [
                    {
                        "customer_id": "c_42",
                        "from": {"amount": "400.00", "currency": "KES"},
                        "to_currency": "USD",
                        "idempotency_key": f"exchange-{number}",
                    }
                    for number in (1001, 1002)
                ]
            },
        )
    },
    "createPaymentMethod": {name: (title, body) for name, title, body in saving_examples()},
    "createConversion": {
        "exchange": (
            "Shillings for dollars",
            {"from": {"amount": "400.00", "currency": "KES"}, "to_currency": "USD"},
        )
    },
}
"""Example bodies by operation: a name, a title and the body."""

EVENT_SCHEMA: Mapping[str, Any] = {
    "anyOf": [
        {"type": "string", "description": "The stream as text."},
        {
            "type": "object",
            "description": "One event, as a parser of server-sent events returns it.",
            "properties": {
                "id": {
                    "type": "string",
                    "pattern": "^[0-9]+$",
                    "description": "The payment's version: send it as `Last-Event-ID` to resume.",
                    "examples": ["4"],
                },
                "event": {
                    "type": "string",
                    "pattern": r"^payment\.[a-z_]+$",
                    "description": "`payment.` and the new status.",
                    "examples": ["payment.completed"],
                },
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "description": "The change as JSON, with the payment as it is now.",
                    "examples": ['{"status":"completed"}'],
                },
            },
        },
    ]
}
EVENT_EXAMPLE = (
    "id: 4\nevent: payment.completed\n"
    f'data: {{"event_id":"{PAYMENT_ID}.4","status":"completed"}}\n\n'
)
"""One server-sent event."""


def operation_id(function: str) -> str:
    """The id of the operation that a function carries out: `createPayment`."""
    first, *rest = function.split("_")
    return OPERATION_IDS.get(function, first + "".join(word.title() for word in rest))
