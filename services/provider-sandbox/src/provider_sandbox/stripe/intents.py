"""Shared by PaymentIntents and SetupIntents."""

from typing import Any
from urllib.parse import urlsplit

from provider_sandbox.stripe.errors import invalid, unexpected
from provider_sandbox.stripe.objects import Record


def methods_allowed(params: dict[str, Any]) -> dict[str, Any]:
    """The fields that define the allowed payment methods of an intent.

    Without ``payment_method_types`` the methods enabled in the dashboard apply, and these may
    redirect the customer. Source: docs.stripe.com/upgrades, version 2023-08-16.
    """
    automatic = params.get("automatic_payment_methods")
    types = params.get("payment_method_types")
    if types and automatic and automatic["enabled"]:
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            param="automatic_payment_methods",
        )
    if types is not None and "card" not in types:
        raise invalid("The twin takes cards only.", param="payment_method_types")
    if "card" in (params.get("excluded_payment_method_types") or ()):
        raise invalid("The twin takes cards only.", param="excluded_payment_method_types")
    if types or (automatic and not automatic["enabled"]):
        shown = None
    else:
        redirects = (automatic or {}).get("allow_redirects", "always")
        shown = {"allow_redirects": redirects, "enabled": True}
    return {
        "allowed_payment_method_types": params.get("allowed_payment_method_types") or None,
        "automatic_payment_methods": shown,
        "excluded_payment_method_types": params.get("excluded_payment_method_types") or None,
        "payment_method_configuration_details": None,
        "payment_method_types": list(types or ["card"]),
    }


def card_options(params: dict[str, Any], **more: None) -> dict[str, Any]:
    """``payment_method_options`` as shown in an intent."""
    given = (params.get("payment_method_options") or {}).get("card") or {}
    three_d_secure = given.get("request_three_d_secure", "automatic")
    return {
        "card": {
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": three_d_secure,
            **more,
        }
    }


def check_return_url(params: dict[str, Any]) -> None:
    """Refuse a return address that is not an absolute URL.

    Raises:
        StripeError: HTTP 400.
    """
    url = params.get("return_url")
    if url and not (urlsplit(url).scheme and urlsplit(url).netloc):
        raise invalid("Not a valid URL", param="return_url", code="url_invalid")


def check_confirmable(intent: Record) -> None:
    """Refuse to confirm an intent that has ended or is being processed.

    Raises:
        StripeError: HTTP 400 with the intent.
    """
    if intent.status in ("requires_payment_method", "requires_confirmation", "requires_action"):
        return
    kind, name = _names(intent)
    how = (
        "it has already succeeded after being previously confirmed"
        if intent.status == "succeeded"
        else f"it has a status of {intent.status}"
    )
    raise unexpected(
        f"You cannot confirm this {name} because {how}.",
        f"{kind}_unexpected_state",
        objects={kind: intent.body},
    )


def check_redirect(intent: Record, return_url: str | None, *, off_session: bool) -> None:
    """Require a return address when a payment method might redirect the customer.

    Raises:
        StripeError: HTTP 400.
    """
    automatic = intent.body["automatic_payment_methods"]
    sends_away = automatic is not None and automatic["allow_redirects"] != "never"
    if sends_away and return_url is None and not off_session:
        _, name = _names(intent)
        raise invalid(
            f"This {name} is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your "
            "page, you must provide a `return_url`. If you don't want to accept redirect-based "
            "payment methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents "
            "and Payment Intents.",
        )


def without_method(intent: Record) -> Exception:
    """The error for a confirmation without a payment method."""
    kind, name = _names(intent)
    return unexpected(
        f"You cannot confirm this {name} because it's missing a payment method. You can either "
        f"update the {name} with a payment method and then confirm it again, or confirm it again "
        "directly with a payment method or ConfirmationToken.",
        f"{kind}_unexpected_state",
        objects={kind: intent.body},
    )


def client_view(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of an intent that the holder of its client secret may see."""
    return {name: value for name, value in body.items() if name in _FOR_CLIENTS}


_CLIENT_FIELDS = (
    "id object amount amount_details automatic_payment_methods canceled_at cancellation_reason "
    "capture_method client_secret confirmation_method created currency description "
    "last_payment_error last_setup_error livemode next_action payment_method "
    "payment_method_configuration_details payment_method_types processing receipt_email "
    "setup_future_usage shipping status usage"
)
_FOR_CLIENTS = frozenset(_CLIENT_FIELDS.split())


def _names(intent: Record) -> tuple[str, str]:
    kind = intent.body["object"]
    return kind, "PaymentIntent" if kind == "payment_intent" else "SetupIntent"
