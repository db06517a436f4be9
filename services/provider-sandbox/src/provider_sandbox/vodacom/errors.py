"""The answers of M-Pesa OpenAPI to requests that it refuses: one code each, with its HTTP status.

Source: M-Pesa OpenAPI documentation, response codes of C2B, B2C and reversal.
"""

import json
from typing import Any

TEXTS = {
    "INS-0": (201, "Request processed successfully"),
    "INS-1": (400, "Internal Error"),
    "INS-5": (401, "Transaction cancelled by customer"),
    "INS-6": (401, "Transaction Failed"),
    "INS-9": (408, "Request timeout"),
    "INS-10": (409, "Duplicate Transaction"),
    "INS-13": (400, "Invalid Shortcode Used"),
    "INS-14": (400, "Invalid Reference Used"),
    "INS-15": (400, "Invalid Amount Used"),
    "INS-16": (503, "Unable to handle the request due to a temporary overloading"),
    "INS-17": (400, "Invalid Transaction Reference. Length Should Be Between 1 and 20."),
    "INS-18": (400, "Invalid TransactionID Used"),
    "INS-19": (400, "Invalid ThirdPartyReference Used"),
    "INS-20": (400, "Not All Parameters Provided. Please try again."),
    "INS-21": (400, "Parameter validations failed. Please try again."),
    "INS-23": (400, "Unknown Status"),
    "INS-26": (400, "Invalid Currency Used"),
    "INS-28": (400, "Invalid ConversationID Used"),
    "INS-30": (400, "Invalid Purchased Items Description Used"),
    "INS-31": (400, "Invalid Payment Items Description Used"),
    "INS-35": (400, "The transaction is not yours"),
    "INS-989": (400, "Session Creation Failed"),
    "INS-990": (400, "Customer Transaction Value Limit Breached"),
    "INS-991": (400, "Customer Transaction Count Limit Breached"),
    "INS-993": (400, "Organization Transaction Count Limit Breached"),
    "INS-998": (400, "Invalid Market"),
    "INS-2002": (400, "Receiver invalid"),
    "INS-2006": (422, "Insufficient balance"),
    "INS-2051": (400, "MSISDN invalid."),
}
"""HTTP status and text by code."""


class Refused(Exception):
    """A request that M-Pesa OpenAPI refuses in its answer."""

    def __init__(self, code: str, **ids: str) -> None:
        super().__init__(code)
        self.code = code
        self.ids = ids

    @property
    def status(self) -> int:
        """The HTTP status."""
        return TEXTS[self.code][0]

    def body(self) -> bytes:
        """The JSON body."""
        return render(answer(self.code, **self.ids))


class SessionRefused(Exception):
    """A request without an accepted session."""


def answer(code: str, **more: Any) -> dict[str, Any]:
    """The fields of an answer."""
    return {"output_ResponseCode": code, "output_ResponseDesc": TEXTS[code][1], **more}


def render(body: object) -> bytes:
    """JSON text."""
    return json.dumps(body, separators=(",", ":")).encode()
