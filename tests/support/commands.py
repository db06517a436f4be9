"""Commands and keys for tests."""

import base64
from typing import Any
from uuid import UUID

from cift_shared.ids import SystemIds
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestDeposit, RequestWithdrawal
from cift_shared.money.amount import Money
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from cift_shared.testing import FakeClock

DATA_KEYS = "k1:" + base64.b64encode(b"d" * 32).decode()
INDEX_KEY = base64.b64encode(b"i" * 32).decode()
CALLBACK_KEY = base64.b64encode(b"c" * 32).decode()

VAULT = Vault.from_text(DATA_KEYS, INDEX_KEY)
TOKENS = CallbackTokens(b"c" * 32)
CLOCK = FakeClock()
IDS = SystemIds()

PHONE = "254708374149"


def phone_instrument(number: str = PHONE) -> Instrument:
    return Instrument(
        kind="phone",
        display=f"{number[:4]}****{number[-3:]}",
        sealed=VAULT.seal(number.encode(), context="phone"),
        country="KE",
    )


def _fields(payment_id: UUID | None, minor: int, phone: str) -> dict[str, Any]:
    return {
        "payment_id": payment_id or IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "mpesa",
        "amount": Money(minor, "KES"),
        "instrument": phone_instrument(phone),
        "accepted_at": CLOCK.now(),
    }


def deposit(
    payment_id: UUID | None = None, *, minor: int = 100_00, phone: str = PHONE
) -> RequestDeposit:
    return RequestDeposit(**_fields(payment_id, minor, phone))


def withdrawal(
    payment_id: UUID | None = None, *, minor: int = 100_00, phone: str = PHONE
) -> RequestWithdrawal:
    return RequestWithdrawal(**_fields(payment_id, minor, phone))
