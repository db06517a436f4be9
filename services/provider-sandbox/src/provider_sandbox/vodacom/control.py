"""``/control/vodacom``: routes for phones, our balance, sessions and the statement."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.twin import Twin
from provider_sandbox.vodacom import accounts, behaviours, payments, sessions
from provider_sandbox.vodacom.behaviours import BEHAVIOURS
from provider_sandbox.vodacom.keys import PlatformKeys
from provider_sandbox.vodacom.statement import statement

Msisdn = Annotated[str, Path(pattern=r"^(255[67]\d{8}|00000000000[1-8])$")]


class Phone(BaseModel):
    """New values for a phone; a missing field leaves the old value."""

    model_config = ConfigDict(extra="forbid")

    behaviour: str | None = None
    """Name from the table."""
    wallet: str | None = Field(default=None, pattern=r"^\d{1,9}$")
    """Whole shillings."""


class Balance(BaseModel):
    """Our balance."""

    model_config = ConfigDict(extra="forbid")

    amount: str = Field(pattern=r"^\d{1,12}$")
    """Whole shillings."""


def vodacom_control_router(twin: Twin, keys: PlatformKeys) -> APIRouter:
    """The control routes of the Vodacom twin."""
    router = APIRouter(prefix="/control/vodacom", tags=["control"])
    _add_phones(router, twin)
    _add_money(router, twin)
    _add_sessions(router, twin, keys)
    return router


def _add_phones(router: APIRouter, twin: Twin) -> None:
    @router.get("/behaviours")
    async def table() -> dict[str, Any]:
        """The table of behaviours."""
        rows = BEHAVIOURS.values()
        return {row.name: {"suffix": row.suffix, "summary": row.summary} for row in rows}

    @router.get("/phones/{msisdn}")
    async def phone(msisdn: Msisdn) -> dict[str, str]:
        """The behaviour and the balance of a phone."""
        return _phone(twin, msisdn)

    @router.put("/phones/{msisdn}")
    async def set_phone(msisdn: Msisdn, wanted: Phone) -> dict[str, str]:
        """Set the behaviour of a phone, its balance, or both."""
        if wanted.behaviour is not None:
            if wanted.behaviour not in BEHAVIOURS:
                raise HTTPException(422, f"unknown behaviour {wanted.behaviour!r}")
            twin.store.execute(
                "INSERT INTO vodacom_phones (msisdn, behaviour) VALUES (?, ?)"
                " ON CONFLICT (msisdn) DO UPDATE SET behaviour = excluded.behaviour",
                (msisdn, wanted.behaviour),
            )
        if wanted.wallet is not None:
            accounts.set_wallet(twin, msisdn, int(wanted.wallet))
        return _phone(twin, msisdn)

    @router.delete("/phones/{msisdn}", status_code=204)
    async def forget_phone(msisdn: Msisdn) -> None:
        """Reset a phone to the behaviour of its digits and the initial wallet."""
        twin.store.execute("DELETE FROM vodacom_phones WHERE msisdn = ?", (msisdn,))


def _add_money(router: APIRouter, twin: Twin) -> None:
    @router.get("/balance")
    async def balance() -> dict[str, str]:
        """Our balance, in whole shillings."""
        return {"amount": str(accounts.balance(twin))}

    @router.put("/balance")
    async def set_balance(wanted: Balance) -> dict[str, str]:
        """Set our balance."""
        accounts.set_balance(twin, int(wanted.amount))
        return {"amount": str(accounts.balance(twin))}

    @router.get("/payments/{key}")
    async def payment(key: str) -> dict[str, Any]:
        """A request as the twin has it."""
        row = payments.find(twin, key)
        if row is None:
            raise HTTPException(404)
        return dict(row)

    @router.get("/statement.csv")
    async def statement_csv(
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
    ) -> Response:
        """The book as the portal's organisation statement; days are in East Africa Time."""
        text = statement(twin, since=since, until=until)
        return Response(text, media_type="text/csv; charset=utf-8")


def _add_sessions(router: APIRouter, twin: Twin, keys: PlatformKeys) -> None:
    @router.get("/public-key")
    async def public_key() -> Response:
        """The platform's public key, as the portal shows it."""
        return Response(keys.public_text, media_type="text/plain")

    @router.post("/sessions/expire")
    async def expire() -> dict[str, int]:
        """Expire every session."""
        return {"expired": sessions.expire_all(twin)}


def _phone(twin: Twin, msisdn: str) -> dict[str, str]:
    return {
        "msisdn": msisdn,
        "behaviour": behaviours.look_up(twin, msisdn).name,
        "wallet": str(accounts.wallet(twin, msisdn)),
    }
