"""Every operation: its route, its name for faults, and its handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provider_sandbox.paypal import (
    captures,
    confirmation,
    disputes,
    orders,
    payout_items,
    payouts,
    refunds,
    statement,
    vault,
    webhooks,
)
from provider_sandbox.paypal.request_context import Call, RequestContext

Handler = Callable[[RequestContext, Call], tuple[int, Any]]
"""Executes one operation inside a transaction; returns HTTP status and body."""
Repeat = Callable[[RequestContext, Call, str], tuple[int, Any]]
"""Answers a repeated request about the object that the first one made."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation."""

    method: str
    path: str
    """The path with braces, as in PayPal's descriptions."""
    key: str
    """The operation's id in PayPal's descriptions."""
    run: Handler
    repeat: Repeat | None = None
    """Set for an operation that knows ``PayPal-Request-Id``."""
    group: str = ""
    """The group of operations whose lifetime of request ids counts."""

    @property
    def name(self) -> str:
        """The name that faults use, such as ``paypal.orders.capture``."""
        return f"paypal.{self.key}"


ROUTES = (
    Route(
        "POST",
        "/v2/checkout/orders",
        "orders.create",
        confirmation.create,
        orders.repeat,
        "orders",
    ),
    Route("GET", "/v2/checkout/orders/{id}", "orders.get", orders.show),
    Route(
        "POST",
        "/v2/checkout/orders/{id}/capture",
        "orders.capture",
        confirmation.capture,
        orders.repeat,
        "orders",
    ),
    Route("GET", "/v2/payments/captures/{id}", "captures.get", captures.show),
    Route(
        "POST",
        "/v2/payments/captures/{id}/refund",
        "captures.refund",
        refunds.create,
        refunds.repeat,
        "payments",
    ),
    Route("GET", "/v2/payments/refunds/{id}", "refunds.get", refunds.show),
    Route(
        "POST", "/v1/payments/payouts", "payouts.post", payouts.create, payouts.repeat, "payouts"
    ),
    Route("GET", "/v1/payments/payouts/{id}", "payouts.get", payouts.show),
    Route("GET", "/v1/payments/payouts-item/{id}", "payouts-item.get", payout_items.show),
    Route(
        "POST",
        "/v1/payments/payouts-item/{id}/cancel",
        "payouts-item.cancel",
        payout_items.cancel,
    ),
    Route(
        "POST",
        "/v1/notifications/verify-webhook-signature",
        "verify-webhook-signature.post",
        webhooks.verify,
    ),
    Route("GET", "/v1/notifications/webhooks-events", "webhooks-events.list", webhooks.listed),
    Route("GET", "/v1/notifications/webhooks-events/{id}", "webhooks-events.get", webhooks.show),
    Route(
        "POST",
        "/v1/notifications/webhooks-events/{id}/resend",
        "webhooks-events.resend",
        webhooks.resend,
    ),
    Route("GET", "/v1/customer/disputes", "disputes.list", disputes.listed),
    Route("GET", "/v1/customer/disputes/{id}", "disputes.get", disputes.show),
    Route(
        "POST",
        "/v3/vault/setup-tokens",
        "setup-tokens.create",
        vault.set_up,
        vault.repeat_set_up,
        "vault",
    ),
    Route("GET", "/v3/vault/setup-tokens/{id}", "setup-tokens.get", vault.show_setup),
    Route(
        "POST",
        "/v3/vault/payment-tokens",
        "payment-tokens.create",
        vault.create,
        vault.repeat,
        "vault",
    ),
    Route("GET", "/v3/vault/payment-tokens", "customer.payment-tokens.get", vault.listed),
    Route("GET", "/v3/vault/payment-tokens/{id}", "payment-tokens.get", vault.show),
    Route("DELETE", "/v3/vault/payment-tokens/{id}", "payment-tokens.delete", vault.delete),
    Route("GET", "/v1/reporting/transactions", "search.get", statement.search),
    Route("GET", "/v1/reporting/balances", "balances.get", statement.balances),
)

TOKEN_PATH, TOKEN_NAME = "/v1/oauth2/token", "paypal.oauth"
PREFIXES = (
    "/v1/oauth2/",
    "/v1/payments/",
    "/v1/notifications/",
    "/v1/customer/disputes",
    "/v1/reporting/",
    "/v2/checkout/",
    "/v2/payments/",
    "/v3/vault/",
)
"""What belongs to PayPal; other paths below ``/v1`` belong to other providers."""
MOVES_MONEY = frozenset({"orders.create", "orders.capture", "captures.refund", "payouts.post"})


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The operation of a path and the ids in the path; None when there is none."""
    parts = path.strip("/").split("/")
    for route in ROUTES:
        pattern = route.path.strip("/").split("/")
        if route.method == method and len(pattern) == len(parts):
            ids = _match(pattern, parts)
            if ids is not None:
                return route, ids
    return None


def _match(pattern: list[str], parts: list[str]) -> tuple[str, ...] | None:
    ids = []
    for wanted, given in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            ids.append(given)
        elif wanted != given:
            return None
    return tuple(ids)
