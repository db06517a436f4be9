"""``/control/daraja``: routes for phones, tokens, accounts and the certificate."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.daraja import accounts, initiator, oauth, phones
from provider_sandbox.daraja.behaviours import BEHAVIOURS
from provider_sandbox.daraja.credential import CredentialKeys
from provider_sandbox.daraja.statement import statement
from provider_sandbox.twin import Twin

Msisdn = Annotated[str, Path(pattern=r"^254[17]\d{8}$")]
Account = Literal["paybill", "utility", "charges"]


class Phone(BaseModel):
    """New values for a phone; a missing field leaves the old value."""

    model_config = ConfigDict(extra="forbid")

    behaviour: str | None = None
    """Name from the table."""
    wallet: str | None = Field(default=None, pattern=r"^\d{1,9}$")
    """Whole shillings."""


class Amount(BaseModel):
    """An account's balance."""

    model_config = ConfigDict(extra="forbid")

    amount: str = Field(pattern=r"^-?\d{1,12}(\.\d\d)?$")
    """Shillings as decimal text."""


def daraja_control_router(twin: Twin, keys: CredentialKeys) -> APIRouter:
    """The control routes of the Daraja twin."""
    router = APIRouter(prefix="/control/daraja", tags=["control"])
    _add_phones(router, twin)
    _add_accounts(router, twin)
    _add_secrets(router, twin, keys)
    return router


def _add_phones(router: APIRouter, twin: Twin) -> None:
    @router.get("/behaviours")
    async def behaviours() -> dict[str, Any]:
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
                "INSERT INTO daraja_phones (msisdn, behaviour) VALUES (?, ?)"
                " ON CONFLICT (msisdn) DO UPDATE SET behaviour = excluded.behaviour",
                (msisdn, wanted.behaviour),
            )
        if wanted.wallet is not None:
            accounts.set_wallet(twin, msisdn, int(wanted.wallet))
        return _phone(twin, msisdn)

    @router.delete("/phones/{msisdn}", status_code=204)
    async def forget_phone(msisdn: Msisdn) -> None:
        """Reset a phone to the behaviour of its digits and the initial wallet."""
        twin.store.execute("DELETE FROM daraja_phones WHERE msisdn = ?", (msisdn,))


def _add_accounts(router: APIRouter, twin: Twin) -> None:
    @router.get("/accounts")
    async def balances() -> dict[str, str]:
        """The balances of our short codes, in shillings."""
        return _balances(twin)

    @router.get("/statement.csv")
    async def statement_csv(
        since: Annotated[date | None, Query(alias="from")] = None,
        until: Annotated[date | None, Query(alias="to")] = None,
    ) -> Response:
        """The book as the portal's organisation statement; days are in Nairobi time."""
        text = statement(twin, since=since, until=until)
        return Response(text, media_type="text/csv; charset=utf-8")

    @router.put("/accounts/{name}")
    async def set_balance(name: Account, wanted: Amount) -> dict[str, str]:
        """Set the balance of an account."""
        accounts.set_cents(twin, name, accounts.cents(wanted.amount))
        return _balances(twin)


def _add_secrets(router: APIRouter, twin: Twin, keys: CredentialKeys) -> None:
    @router.get("/certificate")
    async def certificate() -> Response:
        """The X.509 certificate for SecurityCredential, as PEM."""
        return Response(keys.certificate_pem, media_type="application/x-pem-file")

    @router.post("/tokens/expire")
    async def expire_tokens() -> dict[str, int]:
        """Expire every access token."""
        return {"expired": oauth.expire_all(twin)}

    @router.post("/initiator/unlock", status_code=204)
    async def unlock() -> None:
        """Reset the count of wrong operator passwords."""
        initiator.unlock(twin)


def _phone(twin: Twin, msisdn: str) -> dict[str, str]:
    return {
        "msisdn": msisdn,
        "behaviour": phones.look_up(twin, msisdn).name,
        "wallet": str(accounts.wallet(twin, msisdn)),
    }


def _balances(twin: Twin) -> dict[str, str]:
    names = (accounts.PAYBILL, accounts.UTILITY, accounts.CHARGES)
    return {name: str(accounts.shillings(accounts.balance_cents(twin, name))) for name in names}
