"""PayPal's errors.

Source: developer.paypal.com/api/rest/responses. Orders and Payments answer one of the fixed pairs
of name and message, and name the reason in ``details[].issue``. OAuth has another form:
``{"error", "error_description"}``.
"""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

_ISSUES = json.loads(
    files("provider_sandbox.paypal").joinpath("data/issues.json").read_text(encoding="utf-8")
)
"""Texts by operation, status and issue; ``tests/support/paypal_tables.py`` makes the table."""

_NAMES = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        (
            "Authentication failed due to missing authorization header, or invalid authentication "
            "credentials."
        ),
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: (
        "UNSUPPORTED_MEDIA_TYPE",
        "The server does not support the request payload's media type.",
    ),
    422: (
        "UNPROCESSABLE_ENTITY",
        (
            "The requested action could not be performed, semantically incorrect, or failed "
            "business validation."
        ),
    ),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}

Link = dict[str, str]


class PayPalError(Exception):
    """A request that ends with an error answer.

    Attributes:
        status: the HTTP status.
        name: the error's name, such as ``UNPROCESSABLE_ENTITY``.
        details: the reasons, each with ``issue``.
        links: addresses for the caller, such as the one for another approval.
        plain: an answer in the form of OAuth, which replaces all of this.
        keeps: whether the changes that were made before stay: a declined payment is remembered.
    """

    def __init__(
        self,
        status: int,
        *,
        name: str | None = None,
        message: str | None = None,
        details: Sequence[dict[str, str]] = (),
        links: Sequence[Link] = (),
        plain: dict[str, str] | None = None,
    ) -> None:
        usual = _NAMES.get(status, _NAMES[500])
        self.status = status
        self.name = name or usual[0]
        self.message = message or usual[1]
        self.details = list(details)
        self.links = list(links)
        self.plain = plain
        self.keeps = False
        super().__init__(f"{status} {self.name} {[row['issue'] for row in self.details]}")

    def body(self, debug_id: str) -> dict[str, Any]:
        """The JSON body."""
        if self.plain is not None:
            return dict(self.plain)
        made: dict[str, Any] = {"name": self.name, "message": self.message, "debug_id": debug_id}
        if self.details:
            made["details"] = self.details
        if self.links:
            made["links"] = self.links
        return made


def known(operation: str, issue: str) -> int | None:
    """The status with which an operation answers an issue; None when it never does."""
    for status, rows in _ISSUES.get(operation, {}).items():
        if issue in rows:
            return int(status)
    return None


def refused(
    operation: str,
    issue: str,
    *,
    field: str | None = None,
    value: str | None = None,
    links: Sequence[Link] = (),
    keeps: bool = False,
) -> PayPalError:
    """The error of an issue, with the status and the text that PayPal describes.

    Args:
        operation: the operation's id in PayPal's description, such as ``orders.capture``.
        issue: such as ``ORDER_NOT_APPROVED``; one that is not described gets status 422.
        field: JSON pointer to the field at fault.
        value: the field's value.
        links: addresses for the caller.
        keeps: whether the changes that were made before stay.
    """
    status = known(operation, issue) or 422
    text = _ISSUES.get(operation, {}).get(str(status), {}).get(issue) or _NEWER.get(issue, issue)
    detail = {"issue": issue, "description": text}
    if field is not None:
        detail |= {"field": field, "location": "body"}
    if value is not None:
        detail["value"] = value[:100]
    error = PayPalError(status, details=[detail], links=links)
    error.keeps = keeps
    return error


_NEWER = {
    "DUPLICATE_REQUEST_ID": "The value of PayPal-Request-Id header has already been used.",
    "ORDER_EXPIRED": "The order has expired and can no longer be captured.",
}
"""Texts of issues that are newer than the description."""


def unknown_id(operation: str) -> PayPalError:
    """HTTP 404: no such resource."""
    if known(operation, "INVALID_RESOURCE_ID") is None:
        return PayPalError(
            404, name="INVALID_RESOURCE_ID", message="Requested resource ID was not found."
        )
    return refused(operation, "INVALID_RESOURCE_ID")


def render(body: object) -> bytes:
    """JSON as PayPal writes it, without spaces."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
