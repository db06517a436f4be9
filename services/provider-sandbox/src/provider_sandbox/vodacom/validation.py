"""The rules for the fields of requests, each with the code that its breach is answered with.

Source: M-Pesa OpenAPI documentation, parameters of C2B, B2C, query and reversal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from provider_sandbox.twin import Twin
from provider_sandbox.vodacom.errors import Refused

_AMOUNT = re.compile(r"\d*\.?\d+")
_MSISDN = re.compile(r"[0-9]{12,14}")
_KEY = re.compile(r"[0-9a-zA-Z_ ]{1,40}")
_REFERENCE = re.compile(r"[0-9a-zA-Z_ ]{1,20}")
_DESCRIPTION = re.compile(r"[0-9a-zA-Z_ ]{1,256}")
_TRANSACTION = re.compile(r"[0-9a-zA-Z_ ]{1,20}")
_ANY_ID = re.compile(r"[0-9a-zA-Z_ ]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A request to pay in or out."""

    kind: str
    """``c2b`` or ``b2c``."""
    key: str
    msisdn: str
    amount: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A request to reverse a transaction, whole or in part."""

    key: str
    transaction_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A request for the status of a transaction."""

    key: str
    about: str


def payment(twin: Twin, kind: str, body: Mapping[str, Any]) -> Payment:
    """Read a payment.

    Raises:
        Refused: the first rule that it breaks.
    """
    described = "input_PurchasedItemsDesc" if kind == "c2b" else "input_PaymentItemsDesc"
    key = _common(twin, body)
    if _text(body, "input_Currency") != "TZS":
        raise Refused("INS-26")
    _field(body, described, _DESCRIPTION, "INS-30" if kind == "c2b" else "INS-31")
    return Payment(
        kind=kind,
        key=key,
        msisdn=_field(body, "input_CustomerMSISDN", _MSISDN, "INS-2051"),
        amount=_amount(body, "input_Amount"),
        reference=_field(body, "input_TransactionReference", _REFERENCE, "INS-17"),
    )


def reversal(twin: Twin, body: Mapping[str, Any]) -> Reversal:
    """Read a reversal; raises as ``payment``."""
    key = _common(twin, body)
    return Reversal(
        key=key,
        transaction_id=_field(body, "input_TransactionID", _TRANSACTION, "INS-18"),
        amount=_amount(body, "input_ReversalAmount"),
    )


def query(twin: Twin, fields: Mapping[str, Any]) -> Query:
    """Read a query; raises as ``payment``."""
    key = _common(twin, fields)
    return Query(key=key, about=_field(fields, "input_QueryReference", _ANY_ID, "INS-14"))


def _common(twin: Twin, body: Mapping[str, Any]) -> str:
    """The key, after the check of the fields that every request has."""
    if _text(body, "input_Country") != "TZN":
        raise Refused("INS-998")
    if _text(body, "input_ServiceProviderCode") != twin.settings.vodacom_provider_code:
        raise Refused("INS-13")
    return _field(body, "input_ThirdPartyConversationID", _KEY, "INS-19")


def _amount(body: Mapping[str, Any], name: str) -> int:
    """Whole shillings; ``1000`` and ``1000.00`` are the same."""
    number = Decimal(_field(body, name, _AMOUNT, "INS-15"))
    if number <= 0 or number != number.to_integral_value():
        raise Refused("INS-15")
    return int(number)


def _field(body: Mapping[str, Any], name: str, form: re.Pattern[str], code: str) -> str:
    text = _text(body, name)
    if not form.fullmatch(text):
        raise Refused(code)
    return text


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise Refused("INS-20")
    if not isinstance(value, str):
        raise Refused("INS-21")
    return value
