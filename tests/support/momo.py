"""Commands, settings and twins of MTN MoMo for tests."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from cift_shared.attempts.processor import Attempt
from cift_shared.ids import AttemptId
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import (
    OriginalPayment,
    PaymentRequest,
    RequestDeposit,
    RequestRefund,
    RequestWithdrawal,
)
from cift_shared.money.amount import Money
from cift_shared.testing import FakeClock
from momo_method.countries import RWANDA, UGANDA, Country
from momo_method.demo import phone
from momo_worker.settings import CONFIGS, MomoConfig
from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings
from tests.support.commands import CLOCK, IDS, VAULT

COUNTRIES = {"UG": UGANDA, "RW": RWANDA}
PAYS = "777"
_PRODUCTS = ("collection", "disbursement")


def credentials(country: Country, salt: str = "") -> dict[str, str]:
    """Our keys and users at the twin, by setting; `salt` makes those of another platform."""
    found = {}
    for product in _PRODUCTS:
        name = f"{country.code}{product}{salt}"
        found[f"{product}_subscription_key"] = f"subscription-{name}"
        found[f"{product}_api_user"] = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        found[f"{product}_api_key"] = f"api-key-{name}"
    return found


def config(
    country: Country = UGANDA, *, base: str = "http://127.0.0.1:9", salt: str = "", **over: Any
) -> MomoConfig:
    """Settings as the local stack has them."""
    fields: dict[str, Any] = {
        **credentials(country, salt),
        "target_environment": country.target_environment,
        "api_base": base,
        "callback_url": "http://127.0.0.1:9",
        "check_speed": 100,
    }
    return CONFIGS[country.rail](**{**fields, **over})


def instrument(country: Country = UGANDA, ending: str = PAYS) -> Instrument:
    """A phone of the twin."""
    number = phone(country, ending)
    return Instrument(
        kind="phone",
        display=f"{number[:4]}****{number[-3:]}",
        sealed=VAULT.seal(number.encode(), context="phone"),
        country=country.code,
    )


def _fields(country: Country, units: int, ending: str, clock: FakeClock) -> dict[str, Any]:
    return {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "mpesa",
        "rail": country.rail,
        "amount": Money(units, country.currency),
        "instrument": instrument(country, ending),
        "accepted_at": clock.now(),
    }


def deposit(
    country: Country = UGANDA, *, units: int = 20_000, ending: str = PAYS, clock: Any = CLOCK
) -> RequestDeposit:
    """A deposit from a phone."""
    return RequestDeposit(**_fields(country, units, ending, clock))


def withdrawal(
    country: Country = UGANDA, *, units: int = 20_000, ending: str = PAYS, clock: Any = CLOCK
) -> RequestWithdrawal:
    """A payout to a phone."""
    return RequestWithdrawal(**_fields(country, units, ending, clock))


def refund(of: RequestDeposit, *, units: int, receipt: str | None = None) -> RequestRefund:
    """A refund of a deposit."""
    fields = of.model_dump(exclude={"kind", "return_url", "off_session", "description"})
    fields |= {"payment_id": IDS.new_id(), "amount": Money(units, of.amount.currency)}
    original = OriginalPayment(
        payment_id=of.payment_id, amount=of.amount, provider_reference=receipt
    )
    return RequestRefund(**{**fields, "instrument": of.instrument}, original=original)


def attempt(request: PaymentRequest, clock: Any = CLOCK, **memory: str) -> Attempt:
    """A fresh attempt of a request."""
    operation: Any = request.kind.removeprefix("request_")
    return Attempt(AttemptId(IDS.new_id()), operation, request, memory, created_at=clock.now())


def twin_settings(folder: Path, *, salt: str = "", **over: Any) -> Settings:
    """A twin a hundred times faster than the real MTN, with our users in both countries."""
    fields: dict[str, Any] = {
        "state": folder / "momo.sqlite3",
        "consumer_key": "unused",
        "consumer_secret": "unused",
        "passkey": "unused",
        "initiator_password": "unused",
        "speed": 100,
        "momo_sandbox_collection_subscription_key": "sandbox-collection",
        "momo_sandbox_disbursement_subscription_key": "sandbox-disbursement",
    }
    for country in COUNTRIES.values():
        names = credentials(country, salt)
        fields |= {f"momo_{country.code.lower()}_{name}": names[name] for name in names}
    return Settings(**{**fields, **over})


async def provisioned(twin: httpx.AsyncClient) -> dict[str, str]:
    """Users of the sandbox that its provisioning calls have made, as settings."""
    found: dict[str, str] = {}
    for product in _PRODUCTS:
        user, key = str(uuid.uuid4()), f"sandbox-{product}"
        headers = {"Ocp-Apim-Subscription-Key": key}
        made = await twin.post(
            "/v1_0/apiuser",
            json={"providerCallbackHost": "127.0.0.1"},
            headers={**headers, "X-Reference-Id": user},
        )
        assert made.status_code == 201, made.text
        answer = await twin.post(f"/v1_0/apiuser/{user}/apikey", headers=headers)
        found |= {
            f"{product}_subscription_key": key,
            f"{product}_api_user": user,
            f"{product}_api_key": answer.json()["apiKey"],
        }
    return found


@asynccontextmanager
async def serving_twin(folder: Path, **over: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The twin behind a socket of this machine; a client of its own address."""
    gate = create_app(twin_settings(folder, **over))
    settings = uvicorn.Config(
        gate, port=0, lifespan="off", log_config=None, access_log=False, timeout_keep_alive=30
    )
    server = uvicorn.Server(settings)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    async with gate.inner.router.lifespan_context(gate.inner):
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                yield http
        finally:
            server.should_exit = True
            await serving
