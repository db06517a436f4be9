"""Attempts, notices and a scripted Daraja for tests of the M-Pesa processor."""

import base64
import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.ids import AttemptId, SystemIds
from cift_shared.messaging.messages import OriginalPayment, PaymentRequest, RequestRefund
from cift_shared.messaging.outcomes import Declined, Expired, Settled
from cift_shared.money.amount import Money
from cift_shared.rails.rail import Operation
from cift_shared.testing import FakeClock
from mpesa_method.purposes import Purpose
from mpesa_worker.client import DarajaClient
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.pushes import MemoryPushReferences
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.token_store import MemoryTokens
from mpesa_worker.unpaid_check import PushFacts
from mpesa_worker.unresolved_pushes import PushStores
from tests.support.commands import TOKENS, VAULT, deposit, withdrawal

PHONE = "254708374149"
CHECKOUT = "ws_CO_051120261200001708374149"
MERCHANT_REQUEST = "1c5b-4ba8-815c-ac45c57a3db01495926"
RECEIPT = "TKF7RT61SV"
OTHER_RECEIPT = "TKF7AB12CD"
PASSKEY = "pass-key"
SECRETS = ("app-secret", PASSKEY, "Initiator#1")

IDS = SystemIds()
NO_NETWORK = httpx.MockTransport(lambda request: httpx.Response(500))


@cache
def key_pair() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and its certificate, made once a run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Daraja")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate.public_bytes(serialization.Encoding.PEM)


def decoded(text: str) -> bytes:
    """The bytes of a base64 text."""
    return base64.b64decode(text, validate=True)


def open_credential(credential: bytes) -> bytes:
    """What Safaricom reads in a SecurityCredential."""
    return key_pair()[0].decrypt(credential, padding.PKCS1v15())


def config(folder: Path | None = None, **over: Any) -> MpesaConfig:
    """Settings as the local stack has them; with a folder, payouts are set up."""
    fields: dict[str, Any] = {
        "consumer_key": "app-key",
        "consumer_secret": "app-secret",
        "business_short_code": "174379",
        "passkey": PASSKEY,
        "environment": "sandbox",
        "callback_url": "https://pay.example.com/api/v1/webhooks/mpesa",
        "b2c_short_code": "600992",
    }
    if folder is not None:
        certificate = folder / "certificate.pem"
        if not certificate.exists():
            certificate.write_bytes(key_pair()[1])
        fields |= {
            "initiator_name": "testapi",
            "initiator_password": "Initiator#1",
            "certificate_file": certificate,
        }
    return MpesaConfig(**{**fields, **over})


def attempt(request: PaymentRequest, clock: FakeClock, **memory: str) -> Attempt:
    """A fresh attempt of a request."""
    operation: dict[str, Operation] = {
        "request_deposit": "deposit",
        "request_withdrawal": "withdrawal",
        "request_refund": "refund",
    }
    return Attempt(
        AttemptId(IDS.new_id()), operation[request.kind], request, memory, created_at=clock.now()
    )


def refund(
    minor: int = 100_00, *, of: int = 100_00, receipt: str | None = RECEIPT
) -> RequestRefund:
    """A refund of a deposit that brought `of` cents."""
    original = deposit(minor=of, phone=PHONE)
    return RequestRefund(
        **{**original.model_dump(exclude={"kind", "amount"}), "amount": Money(minor, "KES")},
        original=OriginalPayment(
            payment_id=original.payment_id, amount=original.amount, provider_reference=receipt
        ),
    )


def learned(before: Attempt, answer: Answer, *, checked: bool = False) -> Attempt:
    """The attempt after an answer, as the engine keeps it."""
    return replace(
        before,
        memory={**before.memory, **answer.memory},
        checks=before.checks + checked,
        ended=before.ended or isinstance(answer.outcome, Settled | Declined | Expired),
    )


def notice(
    body: object, purpose: int | None = Purpose.STK_PUSH, *, at: datetime | None = None
) -> Notice:
    """A notice as the gateway hands it on."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    name = hashlib.sha256(raw).hexdigest()[:16]
    return Notice(f"n-{name}", purpose, raw, True, at or datetime(2026, 1, 5, tzinfo=UTC))


def paid_callback(
    amount: object = 100.00, *, receipt: str = RECEIPT, phone: str = PHONE, **over: Any
) -> dict[str, Any]:
    """The callback of a paid push."""
    items = [
        {"Name": "Amount", "Value": amount},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": 20260105120017},
        {"Name": "PhoneNumber", "Value": int(phone)},
    ]
    return stk_callback(0, CallbackMetadata={"Item": items}, **over)


def stk_callback(code: object, **over: Any) -> dict[str, Any]:
    """The callback of a push that ended with a code."""
    inner = {
        "MerchantRequestID": MERCHANT_REQUEST,
        "CheckoutRequestID": CHECKOUT,
        "ResultCode": code,
        "ResultDesc": "Words that nobody may decide on.",
        **over,
    }
    return {"Body": {"stkCallback": inner}}


def result(code: object, parameters: Mapping[str, object] | None = None, **over: Any) -> Any:
    """The result of a payout, a status query or a reversal."""
    inner: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "Words that nobody may decide on.",
        "OriginatorConversationID": "29115-34620561-1",
        "ConversationID": "AG_20260105_status",
        "TransactionID": "TKF0000000",
        **over,
    }
    if parameters is not None:
        items = [{"Key": key, "Value": value} for key, value in parameters.items()]
        inner["ResultParameters"] = {"ResultParameter": items}
    return {"Result": inner}


@dataclass
class Script:
    """Daraja by script: answers of each path in order, the last one for ever; notes requests."""

    answers: dict[str, deque[Any]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    tokens_issued: int = 0

    def on(self, path: str, *answers: Any) -> "Script":
        """Answer requests whose path contains `path`."""
        self.answers[path] = deque(answers)
        return self

    def sent(self, path: str) -> list[dict[str, Any]]:
        """The bodies that came to a path."""
        return [body for there, body, _ in self.requests if path in there]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if "oauth" in path and "oauth" not in self.answers:
            self.tokens_issued += 1
            token = {"access_token": f"token-{self.tokens_issued}", "expires_in": "3599"}
            return httpx.Response(200, json=token)
        body = json.loads(request.content) if request.content else {}
        self.requests.append((path, body, request.headers.get("authorization", "")))
        answers = next(queue for key, queue in self.answers.items() if key in path)
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def error(code: str, message: str = "", *, status: int = 500) -> httpx.Response:
    """Daraja's error body."""
    body = {"requestId": "1-2-3", "errorCode": code, "errorMessage": message}
    return httpx.Response(status, json=body)


PUSH_TAKEN = {
    "MerchantRequestID": MERCHANT_REQUEST,
    "CheckoutRequestID": CHECKOUT,
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}


def query_answer(code: str) -> dict[str, str]:
    """An STK query's answer."""
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successsfully",
        "MerchantRequestID": MERCHANT_REQUEST,
        "CheckoutRequestID": CHECKOUT,
        "ResultCode": code,
        "ResultDesc": "Words that nobody may decide on.",
    }


ROW: dict[str, Any] = {
    "transactionId": RECEIPT,
    "trxDate": "2026-01-05T09:00:17Z",
    "msisdn": "25470****149",
    "sender": "MPESA",
    "transactiontype": "c2b-pay-bill-debit",
    "billreference": "ABCDEFGHIJKL",
    "amount": "100.00",
    "organizationname": "CIFT",
}
"""A row of the records (Pull Transactions)."""


def pulled(*rows: object) -> dict[str, Any]:
    """An answer with rows, in the array of arrays."""
    code = "1000" if rows else "1001"
    return {"ResponseCode": code, "ResponseMessage": "Success", "Response": [list(rows)]}


def completed(receipt: str = RECEIPT, **over: object) -> Any:
    """The answer of Transaction Status for the receipt of a paid push."""
    parameters = {
        "ReceiptNo": receipt,
        "TransactionStatus": "Completed",
        "Amount": 100,
        "DebitPartyName": f"{PHONE} - JANE WANJIKU",
        "CreditPartyName": "174379 - CIFT",
        **over,
    }
    told = {key: value for key, value in parameters.items() if value is not None}
    return result(0, told)


def confirmation(receipt: str = RECEIPT, **over: object) -> dict[str, Any]:
    """A confirmation (C2B) as anyone may post it."""
    return {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransTime": "20260105120017",
        "TransAmount": "100.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "ABCDEFGHIJKL",
        "MSISDN": "25470****149",
        **over,
    }


def acknowledged(conversation_id: str = "AG_20260105_1") -> dict[str, str]:
    """The synchronous answer to a payout, a status query or a reversal."""
    return {
        "OriginatorConversationID": "29115-34620561-1",
        "ConversationID": conversation_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


@dataclass
class MemoryRecords:
    """What was read in the records, as a test says."""

    known: PushFacts | None = None

    async def facts(self, attempt_id: AttemptId) -> PushFacts | None:
        """The same for every push."""
        del attempt_id
        return self.known


def processor(
    settings: MpesaConfig,
    transport: httpx.AsyncBaseTransport,
    clock: FakeClock,
    records: MemoryRecords | None = None,
) -> MpesaProcessor:
    """A processor with a token of its own over a transport."""
    client = DarajaClient(settings, MemoryTokens(clock), clock, transport=transport)
    return MpesaProcessor(
        settings,
        client,
        vault=VAULT,
        callback_tokens=TOKENS,
        clock=clock,
        push_stores=PushStores(MemoryPushReferences(VAULT), records),
    )


__all__ = ["TOKENS", "VAULT", "FakeClock", "deposit", "withdrawal"]
