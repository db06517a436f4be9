"""A Vodacom twin with a clock that a test moves, and a listener that notes its notices."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from provider_sandbox.app import create_app
from tests.support.daraja_twin import settings

API_KEY, PHONE = "api-key", "255754123456"
BASE = "/sandbox/ipg/v2/vodacomTZN"
LISTENER = "http://127.0.0.1:9/listener"


@dataclass
class VodacomTwin:
    """One twin and everything said to it."""

    notices: list[dict[str, Any]] = field(default_factory=list)
    http: httpx.AsyncClient = field(init=False)
    session: str = ""
    _count: int = 0

    def receive(self, request: httpx.Request) -> httpx.Response:
        self.notices.append(json.loads(request.content))
        return httpx.Response(200)

    async def sealed(self, secret: str) -> str:
        text = (await self.http.get("/control/vodacom/public-key")).text
        key = load_der_public_key(base64.b64decode(text))
        assert isinstance(key, rsa.RSAPublicKey)
        return base64.b64encode(key.encrypt(secret.encode(), padding.PKCS1v15())).decode()

    async def sign_in(self, key: str = API_KEY, **headers: str) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {await self.sealed(key)}", "Origin": "*", **headers}
        answer = await self.http.get(f"{BASE}/getSession/", headers=bearer)
        if answer.status_code == 200:
            self.session = answer.json()["output_SessionID"]
        return answer

    async def call(self, verb: str, path: str, fields: dict[str, str]) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {await self.sealed(self.session)}", "Origin": "*"}
        where = {"params": fields} if verb == "GET" else {"json": fields}
        return await self.http.request(verb, f"{BASE}/{path}", headers=bearer, **where)

    def key(self) -> str:
        self._count += 1
        return f"{self._count:032x}"

    def payment(self, kind: str = "c2b", **over: str) -> dict[str, str]:
        described = "input_PurchasedItemsDesc" if kind == "c2b" else "input_PaymentItemsDesc"
        return {
            "input_Amount": "1000",
            "input_CustomerMSISDN": PHONE,
            "input_Country": "TZN",
            "input_Currency": "TZS",
            "input_ServiceProviderCode": "000000",
            "input_TransactionReference": "ABCDEF234567",
            "input_ThirdPartyConversationID": self.key(),
            described: "Test",
            **over,
        }

    async def pay(self, kind: str = "c2b", **over: str) -> httpx.Response:
        path = "c2bPayment/singleStage/" if kind == "c2b" else "b2cPayment/"
        return await self.call("POST", path, self.payment(kind, **over))

    async def reverse(self, transaction_id: str, amount: str, **over: str) -> httpx.Response:
        fields = {
            "input_TransactionID": transaction_id,
            "input_ReversalAmount": amount,
            "input_Country": "TZN",
            "input_ServiceProviderCode": "000000",
            "input_ThirdPartyConversationID": self.key(),
            **over,
        }
        return await self.call("PUT", "reversal/", fields)

    async def query(self, about: str, **over: str) -> dict[str, Any]:
        fields = {
            "input_QueryReference": about,
            "input_ServiceProviderCode": "000000",
            "input_ThirdPartyConversationID": self.key(),
            "input_Country": "TZN",
            **over,
        }
        answer = await self.call("GET", "queryTransactionStatus/", fields)
        found: dict[str, Any] = answer.json()
        return found

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything that falls due."""
        await self.control("POST", "/clock", {"advance_s": seconds})
        for _ in range(3000):
            pending = await self.control("GET", "/pending")
            states = pending["callbacks"]
            if not pending["overdue"] and not states.get("sending"):
                return
            await asyncio.sleep(0.002)
        raise AssertionError("the twin does not come to rest")

    async def paid(self, **over: str) -> str:
        """The transaction id of a deposit that is paid."""
        fields = self.payment(**over)
        await self.call("POST", "c2bPayment/singleStage/", fields)
        await self.pass_time(20)
        status = await self.query(fields["input_ThirdPartyConversationID"])
        return str(status["output_OriginalTransactionID"])

    async def book(self) -> list[tuple[str, str]]:
        entries = (await self.control("GET", "/book"))["entries"]
        return [(entry["kind"], entry["amount"]) for entry in entries]

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        is_json = answer.content and "json" in answer.headers["content-type"]
        return answer.json() if is_json else answer.text


@asynccontextmanager
async def open_twin(folder: Path, **over: Any) -> AsyncIterator[VodacomTwin]:
    """A twin at real speed whose sessions are live at once, unless told otherwise."""
    twin = VodacomTwin()
    fields: dict[str, Any] = {
        "vodacom_api_key": API_KEY,
        "vodacom_listener_url": LISTENER,
        "vodacom_session_settles_s": 0,
    }
    app = create_app(
        settings(folder, **{**fields, **over}), transport=httpx.MockTransport(twin.receive)
    )
    inner = app.inner
    async with (
        inner.router.lifespan_context(inner),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://twin.test"
        ) as twin.http,
    ):
        await twin.sign_in()
        yield twin
