"""Commands, settings and keys for tests of M-Pesa Tanzania."""

import base64
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cift_shared.attempts.processor import Attempt, Notice
from cift_shared.attempts.store import attempt_id_of
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import (
    OriginalPayment,
    PaymentRequest,
    RequestDeposit,
    RequestRefund,
    RequestWithdrawal,
)
from cift_shared.money.amount import Money
from cift_shared.rails.rail import Operation
from tests.support.commands import CLOCK, IDS, VAULT
from vodacom_method.purposes import Purpose
from vodacom_worker.settings import VodacomConfig

API_KEY, CODE = "api-key-of-tests", "000000"
PHONE = "255754123456"
RECEIPT = "9KE71HX0QTR"
KINDS: dict[str, Operation] = {
    "request_deposit": "deposit",
    "request_withdrawal": "withdrawal",
    "request_refund": "refund",
}


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Vodacom's private key, made once a run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def public_text() -> str:
    """Its public key as the portal shows it."""
    der = (
        private_key()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def opened(bearer: str) -> str:
    """What Vodacom reads in an Authorization header."""
    sealed = base64.b64decode(bearer.removeprefix("Bearer "))
    return private_key().decrypt(sealed, padding.PKCS1v15()).decode()


def config(**over: Any) -> VodacomConfig:
    """Settings as the local stack has them."""
    fields: dict[str, Any] = {
        "api_key": API_KEY,
        "service_provider_code": CODE,
        "environment": "sandbox",
        "api_base": "http://127.0.0.1:9",
        "requests_per_second": 1000,
    }
    if "public_key_file" not in over:
        fields["public_key"] = public_text()
    return VodacomConfig(**{**fields, **over})


def instrument(number: str = PHONE) -> Instrument:
    return Instrument(
        kind="phone",
        display=f"{number[:4]}****{number[-3:]}",
        sealed=VAULT.seal(number.encode(), context="phone"),
        country="TZ",
    )


def _fields(minor: int, phone: str, payment_id: UUID | None) -> dict[str, Any]:
    return {
        "payment_id": payment_id or IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "mpesa",
        "rail": "mpesa_tz",
        "amount": Money(minor, "TZS"),
        "instrument": instrument(phone),
        "accepted_at": CLOCK.now(),
    }


def deposit(
    minor: int = 20_000_00, *, phone: str = PHONE, payment_id: UUID | None = None
) -> RequestDeposit:
    return RequestDeposit(**_fields(minor, phone, payment_id))


def withdrawal(
    minor: int = 5_000_00, *, phone: str = PHONE, payment_id: UUID | None = None
) -> RequestWithdrawal:
    return RequestWithdrawal(**_fields(minor, phone, payment_id))


def refund(
    minor: int = 3_000_00, *, receipt: str | None = RECEIPT, of: int = 20_000_00
) -> RequestRefund:
    """A refund of a deposit with this receipt."""
    paid_in = deposit(of)
    return RequestRefund(
        **_fields(minor, PHONE, None),
        original=OriginalPayment(
            payment_id=paid_in.payment_id, amount=paid_in.amount, provider_reference=receipt
        ),
    )


def attempt(request: PaymentRequest, *, at: datetime | None = None, **memory: str) -> Attempt:
    """A fresh attempt of a request."""
    return Attempt(
        attempt_id_of(request.payment_id),
        KINDS[request.kind],
        request,
        memory,
        created_at=at or CLOCK.now(),
    )


def notice(
    key: str, code: str = "INS-0", *, conversation: str = "conv-1", transaction: str = RECEIPT
) -> bytes:
    """The body that Vodacom posts to the listener."""
    return json.dumps(
        {
            "input_OriginalConversationID": conversation,
            "input_TransactionID": transaction,
            "input_ResultCode": code,
            "input_ResultDesc": "text that decides nothing",
            "input_ThirdPartyConversationID": key,
        }
    ).encode()


def received(body: bytes, *, purpose: int | None = Purpose.RESULT) -> Notice:
    """A notice as the worker gets it."""
    return Notice("n1", purpose, body, False, datetime(2026, 1, 5, tzinfo=UTC))
