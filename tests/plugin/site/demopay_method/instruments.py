"""Wallets: an account number, kept here for later payments."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import (
    GivenInCountry,
    InstrumentKind,
    Named,
    Public,
    Saving,
    Shown,
)

_ACCOUNT = re.compile(r"DP-[0-9]{4}-[0-9]{4}")


class WalletIn(GivenInCountry):
    """A wallet."""

    account: str | None = Field(default=None, max_length=20, examples=["DP-1000-0001"])
    """The wallet's account number."""


class WalletOut(Shown):
    """A wallet, masked."""

    kind: Literal["wallet"]
    """Says that this is a wallet."""
    account: str = Field(examples=["DP-****-0001"])
    """The account number with its middle hidden."""


def _read(given: WalletIn, pointer: str) -> Named:
    account = given.account or ""
    if not _ACCOUNT.fullmatch(account):
        raise InvalidCommand(
            "payment_method_invalid", "not an account", pointer=f"{pointer}/account"
        )
    return Named(account, {"account": f"DP-****-{account[-4:]}"})


def _before_public(stored: Mapping[str, Any]) -> Public:
    return {"account": stored["display"]}


WALLETS = InstrumentKind(
    kind="wallet",
    accepts=WalletIn,
    chosen_by="account",
    wanted="Either an account or the id of a saved one.",
    read=_read,
    shows=WalletOut,
    display=lambda public: str(public["account"]),
    before_public=_before_public,
    saving=Saving(
        at_provider=False,
        accepts=WalletIn,
        required="account",
        refused="This method takes an account.",
        example=(
            "wallet",
            "A wallet",
            {
                "method": "demopay",
                "customer_id": "c_42",
                "account": "DP-1000-0001",
                "country": "ZA",
            },
        ),
        unverified="Verified by the first deposit from it that completes.",
        verified="Confirmed by a completed deposit, seen on {at}.",
    ),
)
