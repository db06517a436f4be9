"""A twin of MTN MoMo in this process, with our user in Uganda and in the sandbox."""

import base64
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from momo_method.countries import UGANDA
from tests.support import momo


@dataclass
class Caller:
    """Calls the twin as a client of MTN does."""

    http: httpx.AsyncClient
    keys: dict[str, str]
    target: str = "mtnuganda"

    async def token(self, product: str, **headers: str) -> httpx.Response:
        """A token of a product."""
        pair = f"{self.keys[f'{product}_api_user']}:{self.keys[f'{product}_api_key']}"
        sent = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Ocp-Apim-Subscription-Key": self.keys[f"{product}_subscription_key"],
            **headers,
        }
        return await self.http.post(f"/{product}/token/", headers=sent)

    async def call(self, verb: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A call with a fresh token."""
        product = path.split("/")[1]
        token = (await self.token(product)).json()["access_token"]
        sent = {
            "Authorization": f"Bearer {token}",
            "Ocp-Apim-Subscription-Key": self.keys[f"{product}_subscription_key"],
            "X-Target-Environment": self.target,
            **headers,
        }
        return await self.http.request(verb, path, json=body, headers=sent)

    async def collect(
        self, msisdn: str = "256772000777", reference: str | None = None, **over: Any
    ) -> tuple[str, httpx.Response]:
        """A request to pay; answers its id."""
        name = reference or str(uuid.uuid4())
        body = {
            "amount": "20000", "currency": "UGX", "externalId": "e-1",
            "payer": {"partyIdType": "MSISDN", "partyId": msisdn},
            "payerMessage": "m", "payeeNote": "n", **over,
        }  # fmt: skip
        path = "/collection/v1_0/requesttopay"
        return name, await self.call("POST", path, body, **{"X-Reference-Id": name})

    async def pass_time(self, seconds: float) -> None:
        """Let the twin's time pass; its loop is given a moment."""
        await self.http.post("/control/clock", json={"advance_s": seconds})


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with momo.serving_twin(tmp_path, speed=1, momo_hidden_s=0) as client:
        yield client


@pytest.fixture
def uganda(http: httpx.AsyncClient) -> Caller:
    return Caller(http, momo.credentials(UGANDA))


@pytest.fixture
async def sandbox(http: httpx.AsyncClient) -> Caller:
    return Caller(http, await momo.provisioned(http), "sandbox")
