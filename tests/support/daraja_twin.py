"""A Daraja twin with a clock that a test moves, and a receiver that notes its callbacks."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings

KEY, SECRET, PASSKEY, PASSWORD = "app-key", "app-secret", "pass-key", "Initiator#1"
SHORT_CODE, B2C_SHORT_CODE = "174379", "600992"
TIMESTAMP = "20261102153000"
PHONE = "254712345678"

STK = "/mpesa/stkpush/v1/processrequest"
STK_QUERY = "/mpesa/stkpushquery/v1/query"
B2C = "/mpesa/b2c/v3/paymentrequest"
STATUS = "/mpesa/transactionstatus/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"
BALANCE = "/mpesa/accountbalance/v1/query"


@dataclass
class Post:
    """A callback as its receiver saw it."""

    path: str
    headers: httpx.Headers
    body: dict[str, Any]
    raw: str


@dataclass
class DarajaTwin:
    """One twin and everything said to it."""

    http: httpx.AsyncClient
    posts: list[Post] = field(default_factory=list)
    token: str = ""
    credential: str = ""

    async def sign_in(self) -> None:
        self.token = (await self.oauth()).json()["access_token"]
        pem = (await self.http.get("/control/daraja/certificate")).content
        self.credential = seal(pem, PASSWORD)

    async def oauth(self, key: str = KEY, secret: str = SECRET) -> httpx.Response:
        return await self.http.get(
            "/oauth/v1/generate", params={"grant_type": "client_credentials"}, auth=(key, secret)
        )

    async def call(self, path: str, body: Any) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return await self.http.post(path, json=body, headers=bearer)

    async def push(self, **over: Any) -> httpx.Response:
        return await self.call(STK, push_body(**over))

    async def pushed(self, **over: Any) -> str:
        answer = await self.push(**over)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["CheckoutRequestID"])

    async def query(self, checkout_id: str) -> httpx.Response:
        return await self.call(STK_QUERY, query_body(checkout_id))

    async def code(self, checkout_id: str) -> str:
        return str((await self.query(checkout_id)).json()["ResultCode"])

    async def payout(self, **over: Any) -> httpx.Response:
        return await self.call(B2C, self.payout_body(**over))

    def payout_body(self, **over: Any) -> dict[str, Any]:
        return {
            "OriginatorConversationID": "payout-1",
            "InitiatorName": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": "BusinessPayment",
            "Amount": 500,
            "PartyA": B2C_SHORT_CODE,
            "PartyB": PHONE,
            "Remarks": "Withdrawal",
            "QueueTimeOutURL": "http://127.0.0.1:9/hooks/late",
            "ResultURL": "http://127.0.0.1:9/hooks/payout",
            "Occassion": "",
            **over,
        }

    async def status(self, **over: Any) -> httpx.Response:
        return await self.call(STATUS, self.job_body("TransactionStatusQuery", **over))

    async def reverse(self, receipt: str, amount: int, **over: Any) -> httpx.Response:
        extra = {
            "TransactionID": receipt,
            "Amount": amount,
            "ReceiverParty": SHORT_CODE,
            "RecieverIdentifierType": "11",
        }
        return await self.call(REVERSAL, self.job_body("TransactionReversal", **{**extra, **over}))

    def job_body(self, command: str, **over: Any) -> dict[str, Any]:
        return {
            "Initiator": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": command,
            "PartyA": B2C_SHORT_CODE,
            "IdentifierType": "4",
            "ResultURL": "http://127.0.0.1:9/hooks/job",
            "QueueTimeOutURL": "http://127.0.0.1:9/hooks/late",
            "Remarks": "ok",
            **over,
        }

    async def advance(self, seconds: float) -> None:
        """Let provider time pass and everything that falls due happen."""
        await self.control("POST", "/clock", {"advance_s": seconds})
        await self.settle()

    async def settle(self) -> None:
        for _ in range(500):
            await asyncio.sleep(0.002)
            pending = (await self.http.get("/control/pending")).json()
            if not pending["overdue"] and not pending["callbacks"].get("sending"):
                return
        raise AssertionError("the twin does not come to rest")

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def book(self, since: int = 0) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = (await self.control("GET", f"/book?since={since}"))[
            "entries"
        ]
        return entries

    async def wallet(self, phone: str = PHONE) -> int:
        return int((await self.control("GET", f"/daraja/phones/{phone}"))["wallet"])

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    def stk_posts(self) -> list[dict[str, Any]]:
        return [x.body["Body"]["stkCallback"] for x in self.posts if "Body" in x.body]

    def results(self) -> list[dict[str, Any]]:
        return [post.body["Result"] for post in self.posts if "Result" in post.body]


def push_body(**over: Any) -> dict[str, Any]:
    """A push that Daraja accepts."""
    return {
        "BusinessShortCode": SHORT_CODE,
        "Password": password(),
        "Timestamp": TIMESTAMP,
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 100,
        "PartyA": PHONE,
        "PartyB": SHORT_CODE,
        "PhoneNumber": over.get("PartyA", PHONE),
        "CallBackURL": "http://127.0.0.1:9/hooks/a",
        "AccountReference": "CIFT1",
        "TransactionDesc": "Deposit",
        **over,
    }


def query_body(checkout_id: str) -> dict[str, Any]:
    """A query of a push."""
    return {
        "BusinessShortCode": SHORT_CODE,
        "Password": password(),
        "Timestamp": TIMESTAMP,
        "CheckoutRequestID": checkout_id,
    }


def password(short_code: str = SHORT_CODE, passkey: str = PASSKEY) -> str:
    """The password of a push."""
    return base64.b64encode(f"{short_code}{passkey}{TIMESTAMP}".encode()).decode()


def seal(pem: bytes, word: str) -> str:
    """A SecurityCredential."""
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(word.encode(), padding.PKCS1v15())).decode()


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a result by key."""
    items = result["ResultParameters"]["ResultParameter"]
    return {item["Key"]: item.get("Value") for item in items}


def settings(folder: Path, **over: Any) -> Settings:
    """Settings with the prompt locks and the noise off."""
    quiet = {"lock_s": 0, "same_amount_s": 0, "query_noise": 0}
    return Settings(
        state=folder / "twin.sqlite3",
        consumer_key=KEY,
        consumer_secret=SECRET,
        passkey=PASSKEY,
        initiator_password=PASSWORD,
        **{**quiet, **over},
    )


OpenTwin = Callable[..., Any]


def opener(keys: Path, folder: Path) -> OpenTwin:
    """A function that opens a twin in a folder, with a key pair made before."""
    for file in keys.glob("*.pem"):
        shutil.copy(file, folder)

    @asynccontextmanager
    async def open_twin(**over: Any) -> AsyncIterator[DarajaTwin]:
        posts: list[Post] = []

        def receive(request: httpx.Request) -> httpx.Response:
            raw = request.content.decode()
            posts.append(Post(request.url.path, request.headers, json.loads(raw), raw))
            return httpx.Response(200, json={"ResultCode": 0, "ResultDesc": "Accepted"})

        gate = create_app(settings(folder, **over), transport=httpx.MockTransport(receive))
        lifespan = gate.inner.router.lifespan_context(gate.inner)
        inside = httpx.ASGITransport(gate)
        async with (
            lifespan,
            httpx.AsyncClient(transport=inside, base_url="http://twin") as client,
        ):
            twin = DarajaTwin(client, posts)
            await twin.sign_in()
            yield twin

    return open_twin
