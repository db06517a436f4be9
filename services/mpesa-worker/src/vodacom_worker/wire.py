"""The requests of M-Pesa OpenAPI, and the fields of its answers and notices.

Source: M-Pesa OpenAPI documentation, "C2B Single Stage", "B2C Single Stage", "Query Transaction
Status", "Reversal", "Asynchronous response".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cift_shared.http.untrusted_json import read_object
from vodacom_worker import domain

_TEXT_MAX = 100


class Request(Protocol):
    """One call under a key of ours."""

    @property
    def operation(self) -> str:
        """Its name in metrics and logs."""
        ...

    @property
    def verb(self) -> str:
        """The HTTP method."""
        ...

    @property
    def path(self) -> str:
        """The path, below that of the market."""
        ...

    @property
    def key(self) -> str:
        """`input_ThirdPartyConversationID`."""
        ...

    def document(self) -> dict[str, str]:
        """The fields: the body, or for GET the query."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money from a phone to us, or from us to a phone."""

    incoming: bool
    amount: int
    """Whole shillings."""
    phone: str
    provider_code: str
    reference: str
    key: str
    description: str

    @property
    def operation(self) -> str:
        """See `Request`."""
        return "c2b" if self.incoming else "b2c"

    verb = "POST"

    @property
    def path(self) -> str:
        """See `Request`."""
        return "c2bPayment/singleStage/" if self.incoming else "b2cPayment/"

    def document(self) -> dict[str, str]:
        """See `Request`."""
        described = "input_PurchasedItemsDesc" if self.incoming else "input_PaymentItemsDesc"
        return {
            "input_Amount": str(self.amount),
            "input_CustomerMSISDN": self.phone,
            "input_Country": domain.COUNTRY,
            "input_Currency": domain.CURRENCY,
            "input_ServiceProviderCode": self.provider_code,
            "input_TransactionReference": self.reference,
            "input_ThirdPartyConversationID": self.key,
            described: self.description,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Give back a deposit or a part of it."""

    receipt: str
    amount: int
    """Whole shillings."""
    provider_code: str
    key: str
    operation = "reversal"
    verb = "PUT"
    path = "reversal/"

    def document(self) -> dict[str, str]:
        """See `Request`."""
        return {
            "input_TransactionID": self.receipt,
            "input_ReversalAmount": str(self.amount),
            "input_Country": domain.COUNTRY,
            "input_ServiceProviderCode": self.provider_code,
            "input_ThirdPartyConversationID": self.key,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The status of an earlier request."""

    about: str
    """The key of the earlier request."""
    provider_code: str
    key: str
    """The key of the query itself: a new one each time."""
    operation = "query"
    verb = "GET"
    path = "queryTransactionStatus/"

    def document(self) -> dict[str, str]:
        """See `Request`."""
        return {
            "input_QueryReference": self.about,
            "input_ServiceProviderCode": self.provider_code,
            "input_ThirdPartyConversationID": self.key,
            "input_Country": domain.COUNTRY,
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """The result of a payment in asynchronous use, as it was posted to us: a hint."""

    key: str
    code: str
    conversation_id: str
    transaction_id: str | None


def read_notice(body: bytes) -> Notice | None:
    """The notice in a body; None when it is none."""
    fields = read_object(body) or {}
    key, code = text(fields, "input_ThirdPartyConversationID"), text(fields, "input_ResultCode")
    if not key or not code:
        return None
    return Notice(
        key,
        code,
        text(fields, "input_OriginalConversationID"),
        domain.receipt_in(fields.get("input_TransactionID")),
    )


def text(fields: Mapping[str, Any], name: str) -> str:
    """A field's text, without blanks around it and cut; "" when there is none."""
    value = fields.get(name)
    return value.strip()[:_TEXT_MAX] if isinstance(value, str) else ""
