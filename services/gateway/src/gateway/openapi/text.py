"""What the OpenAPI document says that no type can say."""

from collections.abc import Mapping
from typing import Any

from cift_shared.asyncapi.publisher import CONTACT, LICENSE_NAME

DEEP = "x-deep-object"
"""Marks a parameter that is written `name[key]=value` (OpenAPI: style deepObject)."""
PAYMENT_ID = "019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f"
_PAYMENT_SHOWN: Mapping[str, Any] = {
    "id": PAYMENT_ID,
    "type": "deposit",
    "method": "mpesa",
    "status": "completed",
    "amount": "1000.00",
    "currency": "KES",
    "customer_id": "c_42",
    "fee": "25.00",
    "net": "975.00",
    "payment_method": {"kind": "phone", "phone": "2547****678", "country": "KE"},
    "next_action": None,
    "provider_reference": "TIB4K2P9QX",
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
_PHONE_SHOWN: Mapping[str, Any] = {
    "id": PAYMENT_ID,
    "kind": "phone",
    "phone": "2547****678",
    "country": "KE",
    "method": "mpesa",
    "customer_id": "c_42",
    "status": "active",
    "verified": False,
    "verification": "Verified by the first deposit from it that completes: its owner enters the"
    " PIN.",
    "livemode": False,
    "created_at": "2026-01-31T12:00:00Z",
}
JUST_ACCEPTED: Mapping[str, Any] = {
    "status": "pending",
    "provider_reference": None,
    "version": 1,
    "updated_at": "2026-01-31T12:00:00Z",
}
"""How a payment differs that was accepted a moment ago."""
WHOLE: Mapping[str, Mapping[str, Any]] = {"Payment": _PAYMENT_SHOWN, "SavedPhone": _PHONE_SHOWN}
"""Examples of whole answers, by schema, where examples of single fields do not fit together."""

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
        " mode (test or live); its scopes say what it opens.",
    }
}
PROVIDERS_TAG = "provider notices"
TAGS: Mapping[str, str] = {
    "payments": "Make a payment, watch it, stop it.",
    "refunds": "Give (part of) a completed deposit back.",
    "fees": "What a payment costs, and prices that hold for a while.",
    "payment methods": "Phones and cards that are kept for a customer.",
    "customers": "What a customer has, and how it came about.",
    "conversions": "A customer's money from one currency to another.",
    "disputes": "Payers who had their bank take a deposit back.",
    "ledger": "The head of the hash chain over the books.",
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
    "show_conversion": "getConversion",
    "show_dispute": "getDispute",
    "show_head": "getLedgerHead",
}
"""The function behind a route to the operation's id, where they differ in more than their case."""

ANSWERS: Mapping[str, str] = {
    "createPayment": "The payment is stored; what the provider makes of it follows.",
    "listPayments": "A page of payments.",
    "getPayment": "The payment as it is now.",
    "getPaymentTimeline": "Every step of the payment.",
    "cancelPayment": "The wish to cancel is stored; the payment's status says when it is canceled.",
    "verifyPayment": "The worker is asked to look; the payment as it is now.",
    "listPaymentOptions": "The ways to pay that fit.",
    "createRefund": "The refund is stored; what the provider makes of it follows.",
    "getFeeQuote": "The price of the payment now.",
    "createQuote": "The price that holds until the quote expires.",
    "createPaymentMethod": "The saved method.",
    "listPaymentMethods": "A page of saved methods.",
    "getPaymentMethod": "The saved method as it is now.",
    "deletePaymentMethod": "The saved method can't be used from now on.",
    "verifyPaymentMethod": "The saved method, and whether it is verified.",
    "getBalances": "The customer's balances.",
    "getStatement": "A page of the statement.",
    "createConversion": "The money is exchanged.",
    "getConversion": "The conversion.",
    "listDisputes": "A page of disputes.",
    "getDispute": "The dispute as it is now.",
    "getLedgerHead": "The newest link of the chain.",
}
"""What the successful answer of each operation is."""

PATH_PARAMETERS: Mapping[str, tuple[str, str]] = {
    "payment_id": ("Our id of the payment.", PAYMENT_ID),
    "method_id": ("Our id of the saved method.", PAYMENT_ID),
    "conversion_id": ("Our id of the conversion.", PAYMENT_ID),
    "customer_id": ("Your own id of the customer.", "c_42"),
    "dispute_id": ("The provider's id of the dispute.", "du_1QaBcDeF"),
    "token": ("The secret of one call to the provider, made by us.", "AAECAwQFBgcICQoLDA0ODw"),
}
"""Parameters of paths: what they are, and an example."""

HEADERS: Mapping[str, Any] = {
    "X-Request-Id": {
        "description": "The request's id: quote it when you ask us.",
        "schema": {"type": "string", "format": "uuid"},
        "example": PAYMENT_ID,
    },
    "Location": {
        "description": "The address of what was made.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/api/v1/payments/{PAYMENT_ID}",
    },
    "Idempotency-Replayed": {
        "description": "`true` when this is the stored answer to an earlier request with the key.",
        "schema": {"type": "string", "enum": ["true"]},
        "example": "true",
    },
    "Preference-Applied": {
        "description": "How long the answer was held at most, as asked for by `Prefer`.",
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
"""Headers of answers."""

_PHONE = {"phone": "0712345678", "country": "KE"}
_PAYMENT = {
    "type": "deposit",
    "method": "mpesa",
    "amount": "1000.00",
    "currency": "KES",
    "customer_id": "c_42",
}
BODIES: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "createPayment": {
        "phoneDeposit": ("Deposit from a phone", {**_PAYMENT, "payment_method": _PHONE}),
        "cardDeposit": (
            "Deposit by card",
            {
                **_PAYMENT,
                "method": "card",
                "amount": "20.00",
                "currency": "USD",
                "payment_method": {"token": "pm_1QaBcDeFgHiJkLmN"},
                "return_url": "https://shop.example/paid",
            },
        ),
        "phoneWithdrawal": (
            "Withdrawal to a phone",
            {**_PAYMENT, "type": "withdrawal", "amount": "500.00", "payment_method": _PHONE},
        ),
    },
    "createRefund": {
        "part": ("Part of the deposit", {"amount": "400.00"}),
        "rest": ("All that is left", {}),
    },
    "verifyPayment": {
        "receipt": (
            "With the receipt that the payer was told",
            {"provider_reference": "TIB4K2P9QX"},
        ),
        "plain": ("Without a reference", {}),
    },
    "createQuote": {
        "deposit": (
            "Deposit by card",
            {"type": "deposit", "method": "card", "amount": "1000.00", "currency": "KES"},
        )
    },
    "createPaymentMethod": {
        "phone": ("A phone", {"method": "mpesa", "customer_id": "c_42", "phone": "0712345678"}),
        "card": (
            "A card that is still to be entered",
            {
                "method": "card",
                "customer_id": "c_42",
                "return_url": "https://shop.example/cards",
            },
        ),
    },
    "createConversion": {
        "exchange": (
            "Shillings for dollars",
            {"from": {"amount": "400.00", "currency": "KES"}, "to_currency": "USD"},
        )
    },
}
"""Bodies to begin with, by operation: a name, a title and the body."""

EVENT_SCHEMA: Mapping[str, Any] = {
    "anyOf": [
        {"type": "string", "description": "The stream as text."},
        {
            "type": "object",
            "description": "One event of it, as a reader of server-sent events hands it out.",
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
