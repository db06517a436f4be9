"""Request models for the routes, and JSON in Daraja's format."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r'"\\u0000(-?[0-9.]+)\\u0000"')


def render(body: object) -> bytes:
    """JSON text; a Decimal becomes a number with the same digits (100.00 stays 100.00)."""
    text = json.dumps(body, separators=(",", ":"), default=_mark)
    return _NUMBER.sub(r"\1", text).encode()


def _mark(value: object) -> str:
    if isinstance(value, Decimal):
        return f"\x00{value}\x00"
    raise TypeError(f"not JSON: {type(value).__name__}")


def acknowledgement(originator_id: str, conversation_id: str) -> dict[str, Any]:
    """The synchronous answer to payout, status, reversal and balance requests."""
    return {
        "OriginatorConversationID": originator_id,
        "ConversationID": conversation_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The fields by which every STK request authenticates the merchant."""

    short_code: str
    password: str
    timestamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StkPush:
    """``POST /mpesa/stkpush/v1/processrequest``."""

    credentials: Credentials
    transaction_type: str
    amount: int
    party_b: str
    phone: str
    callback_url: str
    account_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiator:
    """Operator and callback addresses, common to every asynchronous API."""

    name: str
    credential: str
    result_url: str
    timeout_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """``POST /mpesa/b2c/v3/paymentrequest``."""

    initiator: Initiator
    originator_id: str
    amount: int
    short_code: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQuery:
    """``POST /mpesa/transactionstatus/v1/query``; one of the two ids is set."""

    initiator: Initiator
    short_code: str
    receipt: str | None
    conversation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalRequest:
    """``POST /mpesa/reversal/v1/request``."""

    initiator: Initiator
    short_code: str
    receipt: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceQuery:
    """``POST /mpesa/accountbalance/v1/query``."""

    initiator: Initiator
    short_code: str
