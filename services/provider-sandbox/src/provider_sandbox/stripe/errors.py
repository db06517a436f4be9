"""Stripe's error body: ``{"error": {"type", "code", "message", "param", …}}``.

Source: docs.stripe.com/api/errors and docs.stripe.com/error-codes.
"""

import json
from typing import Any


class StripeError(Exception):
    """A request that ends with an error answer.

    Attributes:
        status: the HTTP status.
        fields: the fields inside ``error``.
        saved: whether the answer is stored under the idempotency key: only if the operation began.
        headers: headers to add to the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        saved: bool = False,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.headers = headers or {}
        code = fields.get("code")
        page = {} if code is None else {"doc_url": doc_url(code)}
        given = {name: value for name, value in fields.items() if value is not None}
        self.fields = dict(sorted((page | given | {"message": message, "type": kind}).items()))

    def body(self) -> bytes:
        """The JSON body of the error."""
        return render({"error": self.fields})


def doc_url(code: str) -> str:
    """The address of Stripe's documentation of an error code."""
    return f"https://docs.stripe.com/error-codes#{code.replace('_', '-')}"


def render(body: object) -> bytes:
    """JSON in Stripe's format, indented by two spaces."""
    return json.dumps(body, indent=2).encode() + b"\n"


def invalid(
    message: str, *, param: str | None = None, code: str | None = None, saved: bool = False
) -> StripeError:
    """HTTP 400; ``saved`` when the operation had begun."""
    return StripeError(400, message, code=code, param=param, saved=saved)


def missing(kind: str, name: str, *, param: str) -> StripeError:
    """HTTP 404: no such object."""
    return StripeError(
        404, f"No such {kind}: '{name}'", code="resource_missing", param=param, saved=True
    )


def unexpected(message: str, code: str, *, objects: dict[str, Any]) -> StripeError:
    """HTTP 400: the object's status does not allow it; the answer shows the object."""
    return StripeError(400, message, code=code, saved=True, **objects)


def card_error(
    message: str, code: str, *, decline_code: str | None = None, **fields: Any
) -> StripeError:
    """HTTP 402: the card is refused, not the request."""
    return StripeError(
        402, message, kind="card_error", code=code, decline_code=decline_code, saved=True, **fields
    )


def server_error(*, saved: bool) -> StripeError:
    """HTTP 500."""
    return StripeError(
        500,
        "An unknown error occurred. Please try again later or contact support.",
        kind="api_error",
        saved=saved,
    )
