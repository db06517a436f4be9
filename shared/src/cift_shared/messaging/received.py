"""Money that arrived without a command, as a worker reports it to the ledger."""

from typing import Self
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, model_validator

from cift_shared.messaging.instruments import Instrument

_NAMESPACE = UUID("6f0c3a0e-52f4-5a51-9b5e-2f7f6f1f0a47")


def received_id(rail: str, provider_reference: str) -> UUID:
    """The id of the payment that stores this money: the same from every replica, at any time."""
    return uuid5(_NAMESPACE, f"{rail}:{provider_reference}")


class ReceivedMoney(BaseModel):
    """The owner of the money, as far as the worker knows."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    livemode: bool
    instrument: Instrument
    """The instrument that it was paid with or to; a refund is paid to it."""
    merchant_id: str | None = None
    customer_id: str | None = None
    """With `merchant_id`; without both, the owner is the one of `related_payment_id`."""
    related_payment_id: UUID | None = None
    """An earlier deposit of the same owner, whose price applies."""

    @model_validator(mode="after")
    def _owner_is_whole(self) -> Self:
        if (self.merchant_id is None) != (self.customer_id is None):
            raise ValueError("an owner is both a merchant and a customer")
        return self
