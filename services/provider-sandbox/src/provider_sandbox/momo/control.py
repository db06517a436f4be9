"""``/control/momo``: routes for phones, accounts, tokens, transactions and the statement."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.momo import access, accounts, phones
from provider_sandbox.momo.behaviours import BEHAVIOURS
from provider_sandbox.momo.places import BY_SHORT
from provider_sandbox.momo.statement import statement
from provider_sandbox.twin import Twin

Msisdn = Annotated[str, Path(pattern=r"^\d{8,15}$")]
Short = Literal["ug", "rw", "sandbox"]
Product = Literal["collection", "disbursement"]


class Phone(BaseModel):
    """New values for a phone; a missing field leaves the old value."""

    model_config = ConfigDict(extra="forbid")

    behaviour: str | None = None
    """Name from the table."""
    wallet: int | None = Field(default=None, ge=0)
    """Whole units."""


class Amount(BaseModel):
    """An account's balance."""

    model_config = ConfigDict(extra="forbid")

    units: int = Field(ge=0)
    """Whole units."""


def momo_control_router(twin: Twin) -> APIRouter:
    """The control routes of the MTN MoMo twin."""
    router = APIRouter(prefix="/control/momo", tags=["control"])
    _add_phones(router, twin)
    _add_money(router, twin)
    return router


def _add_phones(router: APIRouter, twin: Twin) -> None:
    @router.get("/behaviours")
    async def behaviours() -> dict[str, Any]:
        """The table of behaviours."""
        rows = BEHAVIOURS.values()
        return {row.name: {"suffix": row.suffix, "summary": row.summary} for row in rows}

    @router.put("/phones/{msisdn}")
    async def set_phone(msisdn: Msisdn, wanted: Phone) -> dict[str, Any]:
        """Set the behaviour of a phone, its balance, or both."""
        if wanted.behaviour is not None:
            if wanted.behaviour not in BEHAVIOURS:
                raise HTTPException(422, f"unknown behaviour {wanted.behaviour!r}")
            phones.set_behaviour(twin, msisdn, wanted.behaviour)
        if wanted.wallet is not None:
            phones.set_wallet(twin, msisdn, wanted.wallet)
        name = phones.behaviour_of(twin, msisdn).name
        return {"msisdn": msisdn, "behaviour": name, "wallet": phones.wallet(twin, msisdn)}


def _add_money(router: APIRouter, twin: Twin) -> None:
    @router.get("/accounts")
    async def balances() -> dict[str, int]:
        """The balances of our accounts, in whole units."""
        return {
            f"{short}.{product}": accounts.balance(twin, place, product)
            for short, place in BY_SHORT.items()
            for product in ("collection", "disbursement")
        }

    @router.put("/accounts/{short}/{product}")
    async def set_balance(short: Short, product: Product, wanted: Amount) -> dict[str, int]:
        """Set the balance of an account."""
        accounts.set_balance(twin, BY_SHORT[short], product, wanted.units)
        return {"units": wanted.units}

    @router.post("/tokens/expire")
    async def expire_tokens() -> dict[str, int]:
        """Expire every access token."""
        return {"expired": access.expire_tokens(twin)}

    @router.get("/transactions")
    async def transactions() -> dict[str, Any]:
        """Every transaction, oldest first."""
        rows = twin.store.all("SELECT * FROM momo_transactions ORDER BY seq")
        return {"transactions": [dict(row) for row in rows]}

    @router.get("/{short}/statement.csv")
    async def statement_csv(short: Short) -> Response:
        """The book of one environment as the portal's export."""
        text = statement(twin, BY_SHORT[short])
        return Response(text, media_type="text/csv; charset=utf-8")
